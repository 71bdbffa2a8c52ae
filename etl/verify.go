package etl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// VerifyOptions are what Verify can be told besides Config.
type VerifyOptions struct {
	// CSV are the directories of the consumers' CSVs, one an instance. Without them, facts that have come
	// from there are only checked for their rates.
	CSV []string
	// Since leaves out what was sold before this day, but for the aggregates.
	Since time.Time
	// List is how many differences of each sort the summary names; default 20.
	List int

	atOnce int64 // lines in a pass; default: verifyAtOnce
}

// VerifySummary is what Verify reports. What Summary counts is: read, rows of all
// sides; rejected, rows of the source and the CSV that no side may count; net_usd,
// of the warehouse.
type VerifySummary struct {
	Summary
	Differences int64            `json:"differences"` // lines, invoices and cells of aggregates that are not as they should be
	Kinds       map[string]int64 `json:"kinds"`       // how many there are of each kind
	Source      *Side            `json:"source,omitempty"`
	CSV         *Side            `json:"csv,omitempty"`
	Expected    Side             `json:"expected"` // what the warehouse should hold: the source, and what only the CSV has
	Warehouse   Side             `json:"warehouse"`
	Newer       int64            `json:"newer"`      // facts and lines that came while it ran, which are left out
	Unchecked   int64            `json:"unchecked"`  // facts whose source was not to be read
	DaysTotal   int64            `json:"days_total"` // days, stores and currencies that differ
	Days        []DayDifference  `json:"days"`       // the first of them
	Lines       []LineDifference `json:"lines"`      // the first lines that differ
	Cells       []CellDifference `json:"cells"`      // the first cells of aggregates that differ
}

// Side is one of the things that are compared.
type Side struct {
	Lines      int64  `json:"lines"`
	Rejected   int64  `json:"rejected"`   // rows that are no usable line
	Duplicates int64  `json:"duplicates"` // rows that say again what another one says
	SalesUSD   string `json:"sales_usd"`
	RefundsUSD string `json:"refunds_usd"`
	NetUSD     string `json:"net_usd"`
}

// The kinds of differences.
const (
	KindMissing    = "missing"    // the warehouse lacks the line
	KindUnexpected = "unexpected" // no source has the line
	KindTwice      = "twice"      // the warehouse has the line more than once
	KindContent    = "content"    // the line says something else: an amount, a product
	KindDate       = "date"       // only its date is another one
	KindRate       = "rate"       // its USD are not what its amount is worth on its day
	KindInvoices   = "invoices"   // not exactly one line of the invoice opens it
	KindAggregates = "aggregates" // a sum in dw.agg_* is not that of the facts
)

// LineDifference is a line that differs.
type LineDifference struct {
	Kind      string `json:"kind"`
	InvoiceID string `json:"invoice_id"`
	Line      int    `json:"line"`
	Detail    string `json:"detail"` // what is expected, and what there is

	key   uint64
	found *fact // what the warehouse has, nil where it has nothing
}

// ErrDifferences is the error of a verify that has found some.
var ErrDifferences = errors.New("the warehouse differs from its sources")

// Verify compares the warehouse with the source database and the consumer's CSV,
// line by line and in sums by day, store and currency, and the aggregates with the
// facts. A line that both have counts as the source says. What the source and the
// CSV hold is judged by the same sale.Reader as in Load. It changes nothing but
// its own record in dw.etl_run. The summary is filled also with an error, which is
// an ErrDifferences where differences were found.
//
// Memory: about 30 bytes a line, of at most verifyAtOnce lines; more are compared
// in several passes.
func Verify(ctx context.Context, cfg Config, options VerifyOptions) (s VerifySummary, err error) {
	cfg = cfg.withDefaults()
	s = VerifySummary{Summary: Summary{Step: stepVerify}}
	if options.List == 0 {
		options.List = 20
	}
	if options.atOnce == 0 {
		options.atOnce = verifyAtOnce
	}
	dw, err := database.Open(ctx, cfg.Warehouse)
	if err != nil {
		return s, fmt.Errorf("the warehouse: %w", err)
	}
	defer dw.Close()
	v := &verification{options: options, kinds: make(map[string]int64), sums: make(map[cell]*cellSums)}
	if cfg.Source != "" {
		if v.source, err = database.Open(ctx, cfg.Source); err != nil {
			return s, fmt.Errorf("the source: %w", err)
		}
		defer v.source.Close()
	}
	ctx, r, err := begin(ctx, cfg, dw, stepVerify)
	if err != nil {
		return s, err
	}
	v.run = r
	err = v.verify(ctx)
	s = v.summary()
	if err == nil {
		err = v.record(ctx, s.Differences)
	}
	if err == nil && s.Differences > 0 {
		err = fmt.Errorf("%w: %s", ErrDifferences, s.kindsText())
	}
	return s, r.finish(ctx, err)
}

// verification is a verify under way.
type verification struct {
	run     *run
	options VerifyOptions
	source  *database.DB // nil: there is none to compare with

	sums             map[cell]*cellSums
	sourceSide       Side
	csvSide          Side
	kinds            map[string]int64
	lines            []*LineDifference
	cells            []CellDifference
	newer, unchecked int64
	lost             []uint64            // keys of lines of the CSV that were missing, up to mostLost
	alternatives     map[uint64][]uint64 // other contents of identities that come more than once
}

func (v *verification) verify(ctx context.Context) error {
	reader := v.run.cfg.reader()
	var table *sourceTable
	var total int64
	if v.source != nil {
		// The source is judged with its own stores, as the load does it.
		stores, err := storesOf(ctx, v.source)
		if err != nil {
			return err
		}
		if stores != nil {
			reader.Stores = stores
		}
		if table, err = openTransactions(ctx, v.source); err != nil {
			return err
		}
		table.versioned = false // all of it is read
		if total, err = table.count(ctx, versions{}); err != nil {
			return err
		}
	}
	var have int64
	if err := v.run.dw.QueryRow(ctx, "SELECT COUNT(*) FROM dw.fact_sales").Scan(&have); err != nil {
		return fmt.Errorf("counting the facts: %w", err)
	}
	if err := v.run.span(ctx, "verify lines", func(ctx context.Context) error {
		return v.verifyLines(ctx, table, reader, total, have)
	}); err != nil {
		return err
	}
	if err := v.explain(ctx, table, reader); err != nil {
		return err
	}
	if err := v.run.span(ctx, "verify invoices", v.checkInvoices); err != nil {
		return err
	}
	return v.run.span(ctx, "verify aggregates", v.checkAggregates)
}

// verifyLines compares the lines, in as many passes as their number takes.
func (v *verification) verifyLines(ctx context.Context, table *sourceTable, reader *sale.Reader, total, have int64) error {
	parts := uint64(max(total, have)/v.options.atOnce) + 1
	for part := range parts {
		p := newVerifyPass(v, part, parts)
		if table != nil {
			if err := p.readSource(ctx, table, reader, total); err != nil {
				return err
			}
		}
		if len(v.options.CSV) > 0 {
			if err := p.readCSV(ctx, v.run.cfg.reader()); err != nil {
				return err
			}
		}
		if err := p.readFacts(ctx, have); err != nil {
			return err
		}
		p.findMissing()
	}
	return nil
}

// found takes note of a line that differs.
func (v *verification) found(d LineDifference) {
	v.kinds[d.Kind]++
	if len(v.lines) < v.options.List || d.Kind == KindMissing && len(v.lines) < v.options.List+mostLost {
		v.lines = append(v.lines, &d)
	}
}

// checkInvoices looks for invoices that are not opened by exactly one line, which
// would be counted wrongly.
func (v *verification) checkInvoices(ctx context.Context) error {
	rows, err := v.run.dw.Query(ctx, `SELECT invoice_id, SUM(opens_invoice) FROM dw.fact_sales WHERE loaded_at <= @began
		GROUP BY invoice_id HAVING SUM(opens_invoice) <> 1`, sql.Named("began", v.run.began.UTC()))
	if err != nil {
		return fmt.Errorf("counting invoices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var opens int
		if err := rows.Scan(&id, &opens); err != nil {
			return fmt.Errorf("counting invoices: %w", err)
		}
		v.found(LineDifference{Kind: KindInvoices, InvoiceID: id, Detail: fmt.Sprintf("%d of its lines count as the one that opens it", opens), found: &fact{}})
	}
	return rows.Err()
}

// record leaves the number of differences in dw.etl_run, where the metrics find it.
func (v *verification) record(ctx context.Context, differences int64) error {
	_, err := v.run.dw.Exec(ctx, "UPDATE dw.etl_run SET differences = @differences WHERE run_id = @run",
		sql.Named("differences", differences), sql.Named("run", v.run.id))
	if err != nil {
		return fmt.Errorf("recording what was found: %w", err)
	}
	return nil
}

// summary is what has been found so far.
func (v *verification) summary() VerifySummary {
	s := VerifySummary{Summary: v.run.summary(), Kinds: v.kinds, Newer: v.newer, Unchecked: v.unchecked, Cells: v.cells,
		Days: []DayDifference{}, Lines: []LineDifference{}}
	for _, n := range v.kinds {
		s.Differences += n
	}
	for _, d := range v.lines[:min(len(v.lines), v.options.List)] {
		s.Lines = append(s.Lines, *d)
	}
	if s.Cells == nil {
		s.Cells = []CellDifference{}
	}
	v.addUp(&s)
	s.NetUSD = s.Warehouse.NetUSD
	s.Rejected = v.sourceSide.Rejected + v.csvSide.Rejected
	return s
}

// sideOf turns sums into what is reported.
func (side *Side) add(total tally) {
	side.Lines = total.lines
	side.SalesUSD, side.RefundsUSD = sale.Micros(total.sales).String(), sale.Micros(total.refunds).String()
	side.NetUSD = sale.Micros(total.sales - total.refunds).String()
}
