package command

import (
	"path/filepath"
	"time"

	"tillstream/internal/sale"
	"tillstream/internal/store"
	"tillstream/internal/terminal"
)

// shownLines is how many of the newest lines the live view may show.
const shownLines = 40

// snapshot is what the live view shows of the demo now.
func (d *demo) snapshot() terminal.Snapshot {
	sums, ran, rate := d.consumer.Totals(), d.consumer.Summary(), d.producer.Stats()
	s := terminal.Snapshot{
		Source:  filepath.Base(d.source),
		Elapsed: time.Since(d.began),
		NetUSD:  int64(sums.All.Net()), SalesUSD: int64(sums.All.Sales), RefundsUSD: int64(sums.All.Refunds),
		ItemsSold: sums.All.ItemsSold, ItemsReturned: sums.All.ItemsReturned,
		Invoices: sums.All.Invoices(), Lines: sums.Lines, Total: d.total,
		Duplicates: ran.Duplicates, Conflicts: ran.Conflicts, Rejected: ran.Rejected,
		Lag: d.consumer.Lag(), TargetRate: rate.Rate, Paused: rate.Paused,
		Ready: true, Address: d.server.address(), CSV: filepath.Base(d.consumer.CSV()),
	}
	if err := d.consumer.Ready(); err != nil {
		s.Ready, s.Reason = false, err.Error()
	}
	for _, code := range store.Countries() {
		a := sums.Countries[code]
		s.Countries = append(s.Countries, terminal.Country{Code: code, Name: store.CountryName(code), NetUSD: int64(a.Net())})
	}
	for _, row := range d.consumer.Latest(shownLines) {
		var line sale.Line
		if d.reader.Read(&row, time.Time{}, &line) != nil {
			continue // it was read before; only changed reference data could make this happen
		}
		shown := terminal.Sale{
			Time: line.At, Country: line.Country, Product: row[sale.SKU], Payment: row[sale.PaymentMethod],
			Quantity: line.Quantity, Return: line.Type == sale.Returned,
			Amount: row[sale.CurrencySymbol] + line.Amount.Abs().Pad(2).String(), USD: int64(line.USD),
		}
		if line.Store != nil {
			shown.City = line.Store.City
		}
		s.Latest = append(s.Latest, shown)
	}
	return s
}
