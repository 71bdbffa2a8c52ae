package consumer

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tillstream/internal/dedupe"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
	"tillstream/internal/totals"
)

// recoverLines is how many lines are handed from one stage of recovery to the next
// at once.
const recoverLines = 1000

// part is some lines of the CSV on their way into memory.
type part struct {
	lines   []sale.Line // at first only their rows
	entries []totals.Entry
	err     error         // why a row cannot be used
	read    chan struct{} // closed when lines and err are there
	rotated time.Time     // when the file was rotated that the part ends, if it does
}

// recovered is what there was.
type recovered struct {
	lines    int64
	repeated int64  // of them, those that another line repeats
	first    uint64 // identity of the first line, 0 for none
}

// recovery rebuilds what is kept in memory from what is on disk: one goroutine
// takes the file apart, several read the lines, one remembers them in order, one
// adds them up.
type recovery struct {
	reader *sale.Reader
	seen   *dedupe.Set
	totals *totals.Totals
	latest *latest
	spare  sync.Pool                      // of parts
	again  map[uint64]map[uint64]struct{} // by invoice, which lines came again the last time
	found  recovered
	err    error // of remember
}

func (r *recovery) run(csv *journal.Journal) (recovered, error) {
	var (
		tasks   errgroup.Group
		ordered = make(chan *part, 4*runtime.GOMAXPROCS(0))
		toRead  = make(chan *part, cap(ordered))
		toAdd   = make(chan *part, cap(ordered))
		failed  = make(chan struct{}) // closed when remembering has failed
	)
	tasks.Go(func() error {
		defer close(ordered)
		defer close(toRead)
		return r.split(csv, func(p *part) bool {
			select {
			case ordered <- p:
				toRead <- p // there is as much room as in ordered
				return true
			case <-failed:
				return false
			}
		})
	})
	for range runtime.GOMAXPROCS(0) {
		tasks.Go(func() error {
			for p := range toRead {
				p.err = r.read(p)
				close(p.read)
			}
			return nil
		})
	}
	tasks.Go(func() error {
		for p := range toAdd {
			r.totals.Add(p.entries)
			r.latest.addLines(p.lines)
			r.spare.Put(p)
		}
		return nil
	})
	tasks.Go(func() error {
		defer close(toAdd)
		for p := range ordered {
			<-p.read
			err := r.remember(p)
			toAdd <- p
			if err != nil {
				r.err = err
				close(failed)
				for range ordered { // let the others end
				}
				return err
			}
		}
		return nil
	})
	err := tasks.Wait()
	if errors.Is(err, errStopped) {
		err = r.err
	}
	debug.FreeOSMemory() // what the file was read with is not needed again
	return r.found, err
}

// errStopped ends a replay whose rows nobody wants any more. Why is the other
// error.
var errStopped = errors.New("stopped")

// split hands the rows on in parts, as long as hand wants them.
func (r *recovery) split(csv *journal.Journal, hand func(*part) bool) error {
	next := r.part()
	flush := func() error {
		if !hand(next) {
			return errStopped
		}
		next = r.part()
		return nil
	}
	err := csv.ReplayFiles(func(row *sale.Row) error {
		next.lines = next.lines[:len(next.lines)+1] // not zeroed: reading the line sets each field
		next.lines[len(next.lines)-1].Row = *row
		if len(next.lines) < recoverLines {
			return nil
		}
		return flush()
	}, func(at time.Time) error {
		next.rotated = at
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// part returns an empty part.
func (r *recovery) part() *part {
	p, ok := r.spare.Get().(*part)
	if !ok {
		p = &part{lines: make([]sale.Line, 0, recoverLines)}
	}
	p.lines, p.read, p.rotated, p.err = p.lines[:0], make(chan struct{}), time.Time{}, nil
	return p
}

// repeat takes note of a line that is in the CSV already: a till sent it again when
// the window had passed. It was new then, and so was its invoice with the first of
// its lines that came again, so that is how they are counted.
func (r *recovery) repeat(line *sale.Line) (newInvoice bool) {
	r.found.repeated++
	lines := r.again[line.Invoice]
	if _, ok := lines[line.Identity.Key]; ok || lines == nil {
		lines, newInvoice = make(map[uint64]struct{}), true // once more, all of it
		if r.again == nil {
			r.again = make(map[uint64]map[uint64]struct{})
		}
		r.again[line.Invoice] = lines
	}
	lines[line.Identity.Key] = struct{}{}
	return newInvoice
}

// read reads a part's lines.
func (r *recovery) read(p *part) error {
	for i := range p.lines {
		row := &p.lines[i].Row
		if err := r.reader.Read(row, time.Time{}, &p.lines[i]); err != nil {
			return fmt.Errorf("invoice %q line %q in the CSV cannot be used any more (%w); mend it or move the file away",
				row[sale.InvoiceID], row[sale.LineNumber], err)
		}
	}
	return nil
}

// remember takes a part's lines into memory. Memory is bounded by the window here
// too, as far as rotated files tell when their lines were written.
func (r *recovery) remember(p *part) error {
	p.entries = p.entries[:0]
	if p.err != nil {
		return p.err
	}
	for i := range p.lines {
		line := &p.lines[i]
		repeated, newInvoice := r.seen.Recall(line.Identity, line.Invoice)
		if repeated {
			newInvoice = r.repeat(line)
		}
		p.entries = append(p.entries, totals.Entry{Line: line, NewInvoice: newInvoice})
		if r.found.lines == 0 {
			r.found.first = line.Identity.Key
		}
		r.found.lines++
	}
	if !p.rotated.IsZero() {
		r.seen.Expire(p.rotated) // as it did then
	}
	return nil
}
