package etl

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kamstrup/intmap"

	"tillstream/internal/database"
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
		case isLive && len(p.options.CSV) == 0, !isLive && p.source == nil:
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
