package etl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// linesInChunk is how many lines go to the warehouse in one transaction. A chunk
// takes about 1 KiB of memory a line, and there are at most three: one is being
// read, one waits, one is being written.
var linesInChunk = 20_000 // not a constant for the tests' sake

// neededColumns are those without which a line cannot be judged.
var neededColumns = []string{"Invoice ID", "Line", "Quantity", "Date", "Line Total", "Store ID", "Currency"}

// factLoad is the load of the lines.
type factLoad struct {
	*loader
	table  *sourceTable
	reader *sale.Reader
	writer *factWriter
	total  int64
	done   int64
}

// loadFacts brings the lines into fact_sales.
func (l *loader) loadFacts(ctx context.Context, reader *sale.Reader) error {
	// The cashier stream's Time comes last; it is no column of a row.
	columns := append(append([]string(nil), sale.Columns[:]...), sale.TimeColumn)
	table, err := openTable(ctx, l.source, "dbo.transactions", columns, neededColumns)
	if err != nil {
		return err
	}
	writer, err := newFactWriter(ctx, l.run, false)
	if err != nil {
		return err
	}
	f := &factLoad{loader: l, table: table, reader: reader, writer: writer}
	return retrySource(ctx, func() error {
		if table.versioned && !l.full {
			return f.byVersion(ctx)
		}
		return f.byComparison(ctx)
	})
}

// byVersion loads the lines that are newer than the watermark.
func (f *factLoad) byVersion(ctx context.Context) error {
	mark, err := f.watermarkOf(ctx, f.table)
	if err != nil {
		return err
	}
	f.done = 0
	if f.total, err = f.table.count(ctx, mark.versions); err != nil {
		return err
	}
	if f.total == 0 && mark.after == mark.upTo {
		return nil
	}
	if err := f.suspend(ctx, f.total); err != nil {
		return err
	}
	return f.piped(ctx, func(ctx context.Context, send func(*chunk, settler) error) error {
		c, last := newChunk(), int64(0)
		err := f.table.scan(ctx, mark.versions, func(version int64, values []string) error {
			if c.full() {
				// There may be more rows of the last version.
				upTo := last - 1
				if err := send(c, func(ctx context.Context, tx *database.Tx) error { return mark.set(ctx, tx, upTo) }); err != nil {
					return err
				}
				c = newChunk()
			}
			last = version
			c.read++
			f.take(c, rowOf(values))
			return nil
		})
		if err != nil {
			return err
		}
		return send(c, func(ctx context.Context, tx *database.Tx) error { return mark.set(ctx, tx, mark.upTo) })
	})
}

// byComparison reads the whole table and loads what differs.
func (f *factLoad) byComparison(ctx context.Context) error {
	table := *f.table
	table.versioned = false
	settle := settler(func(context.Context, *database.Tx) error { return nil })
	if f.table.versioned { // what is read now need not be read by the watermark again
		mark, err := f.watermarkOf(ctx, f.table)
		if err != nil {
			return err
		}
		settle = func(ctx context.Context, tx *database.Tx) error { return mark.set(ctx, tx, mark.upTo) }
	}
	var err error
	f.done = 0
	if f.total, err = table.count(ctx, versions{}); err != nil {
		return err
	}
	var have int64
	if err := f.run.dw.QueryRow(ctx, "SELECT COUNT(*) FROM dw.fact_sales").Scan(&have); err != nil {
		return fmt.Errorf("counting the facts: %w", err)
	}
	if err := f.suspend(ctx, f.total-have); err != nil {
		return err
	}
	disputed, err := f.conflictsRecorded(ctx)
	if err != nil {
		return err
	}
	parts := passes(max(f.total, have))
	for part := range parts {
		have, err := newKnown(ctx, f.run.dw, "SELECT invoice_id, line_number, row_hash FROM dw.fact_sales WHERE origin = 'batch'", part, parts,
			func(scan func(...any) error) (uint64, int64, error) {
				var id string
				var number int
				var hash int64
				err := scan(&id, &number, &hash)
				return identityKey(id, number), hash, err
			})
		if err != nil {
			return err
		}
		compare := &comparison{factLoad: f, have: have, disputed: disputed, chunk: newChunk()}
		err = f.piped(ctx, func(ctx context.Context, send func(*chunk, settler) error) error {
			if err := compare.scan(ctx, &table, func(c *chunk) error { return send(c, keepWatermark) }); err != nil {
				return err
			}
			last := keepWatermark
			if part == parts-1 {
				last = settle
			}
			return send(compare.chunk, last)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settler ends a chunk's transaction.
type settler func(context.Context, *database.Tx) error

func keepWatermark(context.Context, *database.Tx) error { return nil }

// comparison is one pass over a source without row versions.
type comparison struct {
	*factLoad
	have     *known
	disputed map[int64]bool // the rejects that are known to be second lines of an identity
	deferred []sale.Row     // of these: they count if the first line is gone
	chunk    *chunk
}

func (p *comparison) scan(ctx context.Context, table *sourceTable, send func(*chunk) error) error {
	err := table.scan(ctx, versions{}, func(_ int64, values []string) error {
		if p.chunk.full() {
			if err := send(p.chunk); err != nil {
				return err
			}
			p.chunk = newChunk()
		}
		p.take(rowOf(values), true)
		return nil
	})
	for _, row := range p.deferred {
		p.chunk.read-- // it was counted when it was deferred
		p.take(row, false)
	}
	return err
}

// take compares a row with what the warehouse has. A source without keys has no
// order either: which of two lines of the same identity it shows first may change.
// The one that was rejected before waits for the other one.
func (p *comparison) take(row sale.Row, mayDefer bool) {
	fact, line, reason := p.judge(&row)
	if reason != nil {
		// Each pass sees it; the first one counts it.
		if p.have.part == 0 {
			p.chunk.read++
			p.chunk.reject(&row, reason, false)
		}
		return
	}
	if !p.have.mine(fact.key) {
		return
	}
	p.chunk.read++
	switch p.have.look(fact.key, fact.hash) {
	case isSame:
		p.have.note(fact.key, fact.hash)
	case isAgain:
		p.chunk.same++
	case isConflict:
		p.chunk.rejects = append(p.chunk.rejects, conflictOf(&line.Row, false))
	case isChanged:
		if mayDefer && len(p.disputed) > 0 {
			if r := conflictOf(&line.Row, false); p.disputed[r.hash()] {
				p.deferred = append(p.deferred, row)
				return
			}
		}
		fallthrough
	case isNew:
		p.have.note(fact.key, fact.hash)
		p.chunk.add(&fact, &line.Row, false)
	}
}

// conflictsRecorded returns the hashes of the lines that were rejected because
// their identity was taken.
func (f *factLoad) conflictsRecorded(ctx context.Context) (map[int64]bool, error) {
	rows, err := f.run.dw.Query(ctx, "SELECT content_hash FROM dw.etl_reject WHERE source = @source AND reason = @reason",
		sql.Named("source", sourceTransactions), sql.Named("reason", string(sale.Conflict)))
	if err != nil {
		return nil, fmt.Errorf("reading the rejects: %w", err)
	}
	defer rows.Close()
	hashes := make(map[int64]bool)
	for rows.Next() {
		var hash int64
		if err := rows.Scan(&hash); err != nil {
			return nil, fmt.Errorf("reading the rejects: %w", err)
		}
		hashes[hash] = true
	}
	return hashes, rows.Err()
}

// take judges a row and puts it into the chunk.
func (f *factLoad) take(c *chunk, row sale.Row) {
	fact, line, reason := f.judge(&row)
	if reason != nil {
		c.reject(&row, reason, false)
		return
	}
	c.add(&fact, &line.Row, false)
}

// judge makes the fact of a row, or finds the reason against it.
func (f *factLoad) judge(row *sale.Row) (fact, *sale.Line, *sale.Reject) {
	return judge(f.reader, row)
}

func judge(reader *sale.Reader, row *sale.Row) (fact, *sale.Line, *sale.Reject) {
	var line sale.Line
	made := fact{}
	// The zero time is none that could date a line without a Date.
	err := reader.Read(row, time.Time{}, &line)
	if err == nil {
		made, err = newFact(reader, &line)
	}
	var reason *sale.Reject
	if errors.As(err, &reason) {
		return fact{}, nil, reason
	}
	return made, &line, nil
}

// rowOf makes a row of the values of the table's columns, Time last.
func rowOf(values []string) sale.Row {
	row := sale.Row(values[:sale.NumColumns])
	if clock := values[sale.NumColumns]; clock != "" && row[sale.Date] != "" && !strings.ContainsAny(row[sale.Date], " T:") {
		row[sale.Date] += " " + clock
	}
	return row
}

// piped runs the reading and the writing of chunks side by side.
func (f *factLoad) piped(ctx context.Context, read func(ctx context.Context, send func(*chunk, settler) error) error) error {
	type parcel struct {
		chunk  *chunk
		settle settler
	}
	parcels := make(chan parcel, 1)
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		defer close(parcels)
		return read(ctx, func(c *chunk, settle settler) error {
			select {
			case parcels <- parcel{c, settle}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	tasks.Go(func() error {
		for p := range parcels {
			did, err := f.writer.write(ctx, p.chunk, p.settle)
			if err != nil {
				return err
			}
			r := f.run
			r.read += p.chunk.read
			r.duplicates += p.chunk.same
			r.inserted += did.inserted
			r.updated += did.updated
			f.done += p.chunk.read
			r.cfg.Progress("loading transactions", f.done, f.total)
		}
		return ctx.Err()
	})
	return tasks.Wait()
}

// full reports whether the chunk is to be written.
func (c *chunk) full() bool { return len(c.facts)+len(c.rejects) >= linesInChunk }

// suspend puts the aggregates off where so many new lines come that adding up all
// facts once is less work.
func (f *factLoad) suspend(ctx context.Context, lines int64) error {
	var have int64
	if err := f.run.dw.QueryRow(ctx, "SELECT COALESCE(SUM(sale_lines + return_lines), 0) FROM dw.agg_day").Scan(&have); err != nil {
		return fmt.Errorf("counting the facts: %w", err)
	}
	if lines < int64(linesInChunk) || lines < have/rebuildPays {
		return nil
	}
	return f.run.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		if err := lockFacts(ctx, tx); err != nil {
			return err
		}
		return suspendAggregates(ctx, tx)
	})
}

// rebuildPays says from which share of new lines on, one in so many, adding up all
// facts anew costs less than to keep the aggregates current all along.
const rebuildPays = 4
