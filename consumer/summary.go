package consumer

import (
	"time"

	"tillstream/internal/totals"
)

// Summary is what a run did and what the CSV then holds.
type Summary struct {
	// Of this run, in messages. Consumed is the sum of the next four.
	Consumed   int64 `json:"consumed"`
	Written    int64 `json:"written"`
	Duplicates int64 `json:"duplicates"`
	Conflicts  int64 `json:"conflicts"`
	Rejected   int64 `json:"rejected"`
	// DeadLetters are the conflicts and the rejected, as published.
	DeadLetters int64 `json:"dead_letters"`

	// Of all lines in the CSV, those of earlier runs included.
	CSV     string `json:"csv"`
	CSVRows int64  `json:"csv_rows"`
	Amounts
	Countries map[string]Amounts `json:"countries"` // by ISO code

	Seconds float64 `json:"seconds"`
}

// Amounts are sums with money in USD, 2 decimals.
type Amounts struct {
	Invoices      int64  `json:"invoices"`
	ItemsSold     int64  `json:"items_sold"`
	ItemsReturned int64  `json:"items_returned"`
	SalesUSD      string `json:"sales_usd"`
	RefundsUSD    string `json:"refunds_usd"`
	NetUSD        string `json:"net_usd"`
}

func amountsOf(a totals.Amounts) Amounts {
	return Amounts{
		Invoices:      a.Invoices(),
		ItemsSold:     a.ItemsSold,
		ItemsReturned: a.ItemsReturned,
		SalesUSD:      a.Sales.String(),
		RefundsUSD:    a.Refunds.String(),
		NetUSD:        a.Net().String(),
	}
}

// Summary returns the figures so far.
func (c *Consumer) Summary() Summary {
	sums, n := c.totals.Snapshot(), &c.metrics.counts
	s := Summary{
		Consumed:    n.consumed.Load(),
		Written:     n.written.Load(),
		Duplicates:  n.duplicates.Load(),
		Conflicts:   n.conflicts.Load(),
		Rejected:    n.rejected.Load(),
		DeadLetters: n.deadLetters.Load(),
		CSV:         c.CSV(),
		CSVRows:     sums.Lines,
		Amounts:     amountsOf(sums.All),
		Countries:   make(map[string]Amounts, len(sums.Countries)),
		Seconds:     time.Since(c.began).Round(time.Millisecond).Seconds(),
	}
	for country, a := range sums.Countries {
		s.Countries[country] = amountsOf(a)
	}
	return s
}

// Lag is how many messages of our partitions are not settled yet.
func (c *Consumer) Lag() int64 { return c.lags.sum() }
