package etl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"
	"github.com/kamstrup/intmap"

	"tillstream/internal/database"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

const (
	// verifyAtOnce is how many lines are compared in one pass: about 250 MB.
	verifyAtOnce = 8_000_000
	// mostLost is how many lines of the CSV that the warehouse lacks are looked for
	// once more at the end: they may have been on their way.
	mostLost = 10_000
	// progressEvery is how many rows go by between two looks at the progress.
	progressEvery = 10_000
)

// What is kept of a line that is expected: its hash, the two lowest bits of which
// say whether the warehouse has shown it and that only the CSV has it. Where the
// lower half is 0 otherwise, any date will do.
const (
	seenBit    = 1
	csvBit     = 2
	flagBits   = seenBit | csvBit
	derivedSum = math.MaxUint32 // the half of a hash that stands for the date and the USD
)

// verifyPass compares the lines whose keys are its own.
type verifyPass struct {
	*verification
	part, parts uint64
	lines       *intmap.Map[uint64, uint64]
	reader      *sale.Reader // of the configuration, for rates
}

func newVerifyPass(v *verification, part, parts uint64) *verifyPass {
	v.alternatives = make(map[uint64][]uint64)
	return &verifyPass{verification: v, part: part, parts: parts, lines: intmap.New[uint64, uint64](1024), reader: v.run.cfg.reader()}
}

func (p *verifyPass) mine(f *fact) bool { return f.key%p.parts == p.part }

// openTransactions opens the source's lines.
func openTransactions(ctx context.Context, source *database.DB) (*sourceTable, error) {
	columns := append(append([]string(nil), sale.Columns[:]...), sale.TimeColumn)
	return openTable(ctx, source, "dbo.transactions", columns, neededColumns)
}

// within reports whether the line is of the time that is asked about.
func (v *verification) within(f *fact) bool { return !f.soldAt.Before(v.options.Since) }

// readSource takes in what the source holds.
func (p *verifyPass) readSource(ctx context.Context, table *sourceTable, reader *sale.Reader, total int64) error {
	var done int64
	return table.scan(ctx, versions{}, func(_ int64, values []string) error {
		if done++; done%progressEvery == 0 || done == total {
			p.run.cfg.Progress("reading the source", done, total)
		}
		row := rowOf(values)
		f, _, reason := judge(reader, &row)
		first := p.part == 0
		if first {
			p.run.read++
		}
		if reason != nil {
			if first {
				p.sourceSide.Rejected++
			}
			return nil
		}
		if !p.mine(&f) || !p.within(&f) {
			return nil
		}
		hash := uint64(f.hash) &^ flagBits
		have, again := p.lines.Get(f.key)
		switch {
		case !again:
			p.lines.Put(f.key, hash)
			sums := p.at(&f)
			sums.source.count(&f)
			sums.expected.count(&f)
		case have == hash:
			p.sourceSide.Duplicates++
		default:
			// A table without keys has no order: the warehouse may have taken either.
			p.sourceSide.Rejected++
			p.alternatives[f.key] = append(p.alternatives[f.key], hash)
		}
		return nil
	})
}

// readCSV takes in what only the CSV holds.
func (p *verifyPass) readCSV(ctx context.Context, reader *sale.Reader) error {
	return scanLiveFiles(ctx, p.options.CSV, func(row *sale.Row) {
		if p.part == 0 {
			p.run.read++
		}
		f, _, reason := judge(reader, row)
		if reason != nil {
			if p.part == 0 {
				p.csvSide.Rejected++
			}
			return
		}
		if !p.mine(&f) || !p.within(&f) {
			return
		}
		hash := uint64(f.hash)&^flagBits | csvBit
		have, known := p.lines.Get(f.key)
		sums := p.at(&f)
		switch {
		case !known:
			p.lines.Put(f.key, hash)
			sums.csv.count(&f)
			sums.expected.count(&f)
		case have&csvBit == 0:
			sums.csv.count(&f) // the source's word counts
		case have == hash:
			p.csvSide.Duplicates++
		case (have^hash)&^derivedSum == 0:
			// The same line, stamped anew by another instance's till.
			p.csvSide.Duplicates++
			p.lines.Put(f.key, have&^derivedSum|csvBit)
		default:
			p.csvSide.Rejected++
			p.alternatives[f.key] = append(p.alternatives[f.key], hash)
		}
	})
}

// scanLiveFiles shows every whole row of the consumer's files to visit, oldest first.
func scanLiveFiles(ctx context.Context, dir string, visit func(row *sale.Row)) (err error) {
	files, err := openLiveFiles(dir)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, f := range files {
		for offset := int64(0); ; {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			end, err := journal.ReadFrom(f, offset, func(row *sale.Row) error {
				visit(row)
				return nil
			})
			if err != nil {
				return fmt.Errorf("reading %s: %w", f.Name(), err)
			}
			if end == offset {
				break
			}
			offset = end
		}
	}
	return nil
}

// openLiveFiles opens all of the consumer's files at a moment when none is being renamed.
func openLiveFiles(dir string) (files []*os.File, err error) {
	for {
		before, err := journal.Files(dir)
		if err != nil {
			return nil, err
		}
		for _, path := range before {
			f, err := os.Open(path)
			if errors.Is(err, os.ErrNotExist) {
				continue // the newest need not be there
			}
			if err != nil {
				return files, fmt.Errorf("opening the CSV: %w", err)
			}
			files = append(files, f)
		}
		after, err := journal.Files(dir)
		if err != nil {
			return files, err
		}
		if slices.Equal(before, after) {
			if len(files) == 0 {
				return nil, fmt.Errorf("there is no %s in %s; --csv is the directory that `tillstream consume` writes to", journal.Name, dir)
			}
			return files, nil
		}
		for _, f := range files {
			_ = f.Close() // it was only read
		}
		files = nil
	}
}

// factQuery reads facts with the business keys that they point at.
const factQuery = `SELECT f.invoice_id, f.line_number, f.sold_at,
		CASE WHEN f.store_key = -1 THEN '' ELSE COALESCE(s.store_id, '?') END,
		CASE WHEN f.employee_key = -1 THEN '' ELSE COALESCE(e.employee_id, '?') END,
		CASE WHEN f.customer_key = -1 THEN '' ELSE COALESCE(c.customer_id, '?') END,
		CASE WHEN f.product_key = -1 THEN '' ELSE COALESCE(p.product_id, '?') END,
		CASE WHEN f.size_key = -1 THEN '' ELSE COALESCE(z.size, '?') END,
		f.country, f.transaction_type, f.payment_method, f.color, f.sku, f.currency, f.quantity, f.discount_micros,
		f.unit_price_micros, f.line_total_micros, f.invoice_total_micros, f.usd_micros, f.list_usd_micros, f.date_key, f.origin, f.loaded_at
	FROM dw.fact_sales f
	LEFT JOIN dw.dim_store s ON s.store_key = f.store_key
	LEFT JOIN dw.dim_employee e ON e.employee_key = f.employee_key
	LEFT JOIN dw.dim_customer c ON c.customer_key = f.customer_key
	LEFT JOIN dw.dim_product p ON p.product_key = f.product_key
	LEFT JOIN dw.dim_size z ON z.size_key = f.size_key
	`

// storedFact is a fact as the warehouse holds it.
type storedFact struct {
	fact
	dateKey  int
	origin   string
	loadedAt database.Time
}

func (s *storedFact) scan(rows *sql.Rows) error {
	var soldAt database.Time
	var kind string
	f := &s.fact
	if err := rows.Scan(&f.invoiceID, &f.lineNumber, &soldAt, &f.storeID, &f.employeeID, &f.customerID, &f.productID, &f.size,
		&f.country, &kind, &f.payment, &f.color, &f.sku, &f.currency, &f.quantity, &f.discount,
		&f.unitPrice, &f.lineTotal, &f.invoice, &f.usd, &f.listUSD, &s.dateKey, &s.origin, &s.loadedAt); err != nil {
		return err
	}
	f.soldAt, f.isReturn = soldAt.Time, kind == sale.Returned.String()
	f.key = identityKey(f.invoiceID, f.lineNumber)
	f.hash = f.lineHash()
	return nil
}

// readFacts compares what the warehouse holds with what is expected.
func (p *verifyPass) readFacts(ctx context.Context, total int64) error {
	first := 0
	if !p.options.Since.IsZero() {
		first = dateKey(p.options.Since)
	}
	rows, err := p.run.dw.Query(ctx, factQuery+"WHERE f.date_key >= @first", sql.Named("first", first))
	if err != nil {
		return fmt.Errorf("reading the facts: %w", err)
	}
	defer rows.Close()
	var done int64
	for rows.Next() {
		var s storedFact
		if err := s.scan(rows); err != nil {
			return fmt.Errorf("reading the facts: %w", err)
		}
		if done++; done%progressEvery == 0 || done == total {
			p.run.cfg.Progress("comparing the facts", done, total)
		}
		if p.mine(&s.fact) {
			p.run.read++
			p.compare(&s)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the facts: %w", err)
	}
	return nil
}

// compare judges one fact of the warehouse.
func (p *verifyPass) compare(s *storedFact) {
	f := &s.fact
	have, expected := p.lines.Get(f.key)
	isLive := s.origin == originLive
	if !expected {
		switch {
		case s.loadedAt.After(p.run.began.UTC()):
			p.newer++
			return
		case isLive && p.options.CSV == "", !isLive && p.source == nil:
			p.unchecked++
			p.at(f).unchecked.count(f)
			if problem := p.rateProblem(s); problem != "" {
				p.differs(KindRate, f, problem)
			}
			return
		}
		p.at(f).warehouse.count(f)
		p.differs(KindUnexpected, f, "no source has it")
		return
	}
	p.at(f).warehouse.count(f)
	if have&seenBit != 0 {
		p.differs(KindTwice, f, "the warehouse has it once more")
		return
	}
	p.lines.Put(f.key, have|seenBit)
	hash := uint64(f.hash)
	switch {
	case s.dateKey != dateKey(f.soldAt):
		p.differs(KindDate, f, fmt.Sprintf("date_key is %d, but it was sold at %s", s.dateKey, f.soldAt.Format(time.DateTime)))
	case agrees(have, hash):
		if problem := p.rateProblem(s); problem != "" {
			p.differs(KindRate, f, problem)
		}
	case slices.ContainsFunc(p.alternatives[f.key], func(other uint64) bool { return agrees(other, hash) }):
	case (have^hash)&^derivedSum != 0:
		p.differs(KindContent, f, "")
	default:
		if problem := p.rateProblem(s); problem != "" {
			p.differs(KindRate, f, problem)
		} else {
			p.differs(KindDate, f, "")
		}
	}
}

func (p *verifyPass) differs(kind string, f *fact, detail string) {
	stored := *f
	p.found(LineDifference{Kind: kind, InvoiceID: f.invoiceID, Line: f.lineNumber, Detail: detail, key: f.key, found: &stored})
}

// agrees reports whether a hash is the one that is expected.
func agrees(expected, hash uint64) bool {
	if expected&derivedSum&^flagBits == 0 {
		return (expected^hash)&^derivedSum == 0
	}
	return (expected^hash)&^flagBits == 0
}

// rateProblem says what is wrong with a fact's USD, by the one function that turns
// amounts into USD; empty where nothing is.
func (p *verifyPass) rateProblem(s *storedFact) string {
	var line sale.Line
	line.Row[sale.Currency], line.At = s.currency, s.soldAt
	amount, err := decimal.New(s.lineTotal, microsScale)
	if err != nil {
		return fmt.Sprintf("line_total_micros is %d, which is out of range", s.lineTotal)
	}
	usd, ok := p.reader.USD(&line, amount)
	if !ok {
		return fmt.Sprintf("there is no rate for %q", s.currency)
	}
	if int64(usd) != s.usd {
		return fmt.Sprintf("%s %s are %s USD on %s, but usd_micros is %d, %s", amount.Trim(2), s.currency,
			micros(int64(usd)), s.soldAt.Format(time.DateOnly), s.usd, micros(s.usd))
	}
	return ""
}

// micros writes an amount of millionths with all its decimals.
func micros(n int64) string {
	amount, err := decimal.New(n, microsScale)
	if err != nil {
		return fmt.Sprintf("%de-6", n)
	}
	return amount.Trim(2).String()
}

// findMissing finds what was expected and never seen.
func (p *verifyPass) findMissing() {
	p.lines.ForEach(func(key, have uint64) bool {
		if have&seenBit == 0 {
			if have&csvBit != 0 && len(p.lost) < mostLost {
				p.lost = append(p.lost, key)
			}
			p.found(LineDifference{Kind: KindMissing, key: key})
		}
		return true
	})
}

// contentDifference says in which columns two lines differ.
func contentDifference(want, got *fact) string {
	var parts []string
	say := func(name, a, b string) {
		if a != b {
			parts = append(parts, fmt.Sprintf("%s should be %q and is %q", name, a, b))
		}
	}
	say("Store ID", want.storeID, got.storeID)
	say("Employee ID", want.employeeID, got.employeeID)
	say("Customer ID", want.customerID, got.customerID)
	say("Product ID", want.productID, got.productID)
	say("Size", want.size, got.size)
	say("Payment Method", want.payment, got.payment)
	say("Color", want.color, got.color)
	say("SKU", want.sku, got.sku)
	say("Currency", want.currency, got.currency)
	say("Transaction Type", want.transactionType(), got.transactionType())
	say("Quantity", fmt.Sprint(want.quantity), fmt.Sprint(got.quantity))
	say("Discount", micros(want.discount), micros(got.discount))
	say("Unit Price", micros(want.unitPrice), micros(got.unitPrice))
	say("Line Total", micros(want.lineTotal), micros(got.lineTotal))
	say("Invoice Total", micros(want.invoice), micros(got.invoice))
	say("country", want.country, got.country)
	say("Date", want.soldAt.Format(time.DateTime), got.soldAt.Format(time.DateTime))
	say("USD", micros(want.usd), micros(got.usd))
	say("USD without discount", micros(want.listUSD), micros(got.listUSD))
	return strings.Join(parts, ", ")
}
