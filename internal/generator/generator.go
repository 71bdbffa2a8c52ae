// Package generator makes data shaped like the Global Fashion Retail Sales data
// set: 35 stores in 7 countries and 4 currencies, their staff, customers,
// products and campaigns, and the transaction lines of a business period.
//
// The same Config gives the same bytes on every machine: every choice is integer
// arithmetic on one PCG stream (floating point may be fused differently from one
// processor to another), and what is derived from an id (a customer, a product)
// is seeded by that id alone. Memory does not grow with the number of lines:
// products and the sales that may still come back are bounded, customers are
// never held at all.
//
// The shape comes from the published data set: totals over its two years (season
// by country, share of each store, price level of each country) and the counts of
// a stretch of 10,000 lines (invoice length, sizes, colours, sub categories,
// quantities, payment, returns). The constants stand beside the code that uses
// them. Weekday and time of day are assumptions, because neither source has them.
// Names, addresses and telephone numbers are invented.
package generator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

//go:generate go test -run TestSampleIsCurrent -update .

// Config says what to generate. The zero value of a field means its default.
type Config struct {
	// Lines is the number of transaction lines. 0 means no end, which only
	// Transactions can do: it then goes on at the published data set's pace,
	// day after day from Start, and End does not matter.
	Lines int64

	// Seed selects the data: same seed, same bytes.
	Seed uint64

	// Start and End are the business period, End exclusive. Only their calendar
	// dates count, not time of day or zone: business time is the store's own.
	// Default: 2023-01-01, and two years after Start.
	Start, End time.Time

	// Live makes what the tills would send right now: lines in order with an
	// empty Date (the producer stamps them), at the published pace whatever Lines
	// is, over few products and customers so that it starts at once.
	Live bool
}

// maxLines keeps Lines times a day's weight within 64 bits (see calendar.go).
const maxLines = 100_000_000_000

// withDefaults returns cfg with its defaults filled in, or what is wrong with it.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Lines < 0 || cfg.Lines > maxLines {
		return cfg, fmt.Errorf("generating %d lines: the number must be from 1 to %d", cfg.Lines, int64(maxLines))
	}
	if cfg.Start.IsZero() {
		cfg.Start = time.Date(2023, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	if cfg.End.IsZero() {
		cfg.End = cfg.Start.AddDate(2, 0, 0)
	}
	if dayOf(cfg.End) <= dayOf(cfg.Start) {
		return cfg, fmt.Errorf("generating from %s to %s: the period must be at least one day",
			cfg.Start.Format(time.DateOnly), cfg.End.Format(time.DateOnly))
	}
	return cfg, nil
}

// Summary says what Generate wrote.
type Summary struct {
	Dir      string           `json:"dir"`
	Seed     uint64           `json:"seed"`
	Files    []File           `json:"files"`
	Lines    int64            `json:"lines"`        // sale and return lines
	Invoices int64            `json:"invoices"`     // sale and return invoices
	Returns  int64            `json:"return_lines"` // lines of Transaction Type Return
	Totals   map[string]Total `json:"totals"`       // by currency code
}

// File is one written file.
type File struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"` // without the header
	Bytes int64  `json:"bytes"`
}

// Total is the sum of Line Total in one currency: exact, 2 decimals, refunds as a
// positive amount.
type Total struct {
	Sales   string `json:"sales"`
	Refunds string `json:"refunds"`
	Net     string `json:"net"`
}

// Generate writes the six files of the data set to dir (created if missing):
// transactions.csv, stores.csv, employees.csv, customers.csv, products.csv and
// discounts.csv. Each is written to a temporary name, synced, and renamed when it
// is whole; an error or a cancelled ctx leaves no part of a file behind.
// progress, if not nil, is called now and then with the transaction lines written
// so far, and once at the end. Errors name the path that they are about.
func Generate(ctx context.Context, dir string, cfg Config, progress func(lines int64)) (Summary, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Summary{}, err
	}
	if cfg.Lines == 0 {
		return Summary{}, errors.New("generating files: the number of lines must be at least 1")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Summary{}, fmt.Errorf("creating the output directory: %w", err)
	}
	lines := newTransactions(cfg)
	sum := Summary{Dir: dir, Seed: cfg.Seed, Totals: map[string]Total{}}
	// What the lines refer to comes first: a reader that sees transactions.csv
	// finds the rest beside it.
	for _, f := range []struct {
		name  string
		write func(context.Context, *table) error
	}{
		{"stores.csv", writeStores},
		{"employees.csv", func(ctx context.Context, t *table) error { return writeEmployees(t, cfg.Seed) }},
		{"products.csv", func(ctx context.Context, t *table) error { return writeProducts(t, lines.products) }},
		{"discounts.csv", func(ctx context.Context, t *table) error { return writeDiscounts(t, cfg.Start, cfg.End) }},
		{"customers.csv", func(ctx context.Context, t *table) error {
			return writeCustomers(ctx, t, cfg.Seed, lines.customers)
		}},
		{"transactions.csv", func(ctx context.Context, t *table) error {
			return writeTransactions(ctx, t, lines, progress)
		}},
	} {
		file, err := writeFile(ctx, dir, f.name, f.write)
		if err != nil {
			return Summary{}, err
		}
		sum.Files = append(sum.Files, file)
	}
	if err := syncDir(dir); err != nil {
		return Summary{}, err
	}
	sum.Lines, sum.Invoices, sum.Returns = lines.line, lines.invoices, lines.returnLines
	for c, name := range currencyCodes {
		if lines.sales[c] == 0 && lines.refunds[c] == 0 {
			continue
		}
		sum.Totals[name] = Total{
			Sales:   string(appendTotal(nil, lines.sales[c])),
			Refunds: string(appendTotal(nil, lines.refunds[c])),
			Net:     string(appendTotal(nil, lines.sales[c]-lines.refunds[c])),
		}
	}
	return sum, nil
}
