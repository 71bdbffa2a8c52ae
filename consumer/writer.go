package consumer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kamstrup/intmap"

	"tillstream/internal/backoff"
	"tillstream/internal/dedupe"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
	"tillstream/internal/totals"
)

const (
	// settleLines bounds how many messages share one write and one sync.
	settleLines = 32 * batchLines
	// tidyEvery is how often the writer looks after what no message triggers.
	tidyEvery = 100 * time.Millisecond
)

// writer owns the CSV and the memory of what is in it. One goroutine runs it;
// fetchers send it batches.
type writer struct {
	csv     *journal.Journal
	seen    *dedupe.Set
	totals  *totals.Totals
	latest  *latest
	status  *status
	metrics *metrics
	lags    *lags
	letters *deadLetters
	traces  traces
	batches chan *batch
	spare   spares
	token   string // names the output directory
	first   uint64 // names the CSV's first line; 0 while there is none
	todo    work   // its memory is used again

	current atomic.Pointer[claim]         // what is assigned to us now
	goal    atomic.Pointer[map[int]int64] // end offsets to stop at, nil for none
	reached func()                        // is called when they are
}

// run settles what arrives until ctx ends. What it has begun it finishes.
func (w *writer) run(ctx context.Context) error {
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	for {
		select {
		case first := <-w.batches:
			together := w.gather(first)
			if !w.settle(together) {
				break // a dead letter may still be on its way from their memory
			}
			for _, b := range together {
				w.spare.put(b)
			}
		case <-w.current.Load().commits():
			w.advance()
		case now := <-tidy.C:
			w.seen.Expire(now)
			w.metrics.identities.Set(float64(w.seen.Len()))
		case <-ctx.Done():
			return nil
		}
		w.checkGoal()
	}
}

// gather takes what else is waiting, as long as it belongs to the same claim.
func (w *writer) gather(first *batch) (together []*batch) {
	together = append(together, first)
	for lines := len(first.messages); lines < settleLines; {
		select {
		case next := <-w.batches:
			if next.claim != first.claim {
				// The older claim is lost by now, or it could not have ended.
				together, lines, first = together[:0], 0, next
			}
			together = append(together, next)
			lines += len(next.messages)
		default:
			return together
		}
	}
	return together
}

// settle makes the batches' messages durable, in the one order that loses and
// doubles nothing: append whole records, sync, remember, deal with what cannot be
// used, commit. It reports whether that was done. When it is cut short the messages
// stay uncommitted, and whoever gets the partitions next reads them again.
func (w *writer) settle(batches []*batch) (settled bool) {
	claim := batches[0].claim
	claim.mu.Lock()
	defer claim.mu.Unlock()
	claim.advance()
	if claim.lost || claim.ctx.Err() != nil {
		return false // nothing is begun any more
	}
	work := w.sort(batches)
	defer func() { w.traces.end(settled) }()
	if len(work.records) > 0 {
		if !w.insist(claim.ctx, claim, csvStatus, func() error { return w.append(work.records) }) {
			return false
		}
	}
	w.traces.isOnDisk = true
	w.remember(work)
	w.metrics.settled(work)
	// What is on disk is seen through to the commit, also when the partitions are
	// asked for meanwhile: else their next owner writes the same lines once more.
	if len(work.letters) > 0 {
		w.traces.sending(work.letters)
		sent := w.insist(claim.grace, claim, deadLetterStatus, func() error { return w.letters.publish(claim.grace, work.letters) })
		w.traces.sent(sent)
		if !sent {
			return false
		}
		w.metrics.published(len(work.letters))
	}
	messages := 0
	for _, b := range batches {
		if !b.known {
			claim.settled[b.partition] = b.next
			w.lags.settle(b.partition, b.next)
			messages += len(b.messages)
		}
	}
	if messages > 0 {
		// Nothing waits for the commit but the group's next generation. When it fails
		// for good nothing is lost: the lines are remembered.
		var then func(began time.Time, done bool)
		if traces := w.traces.detach(); traces != nil {
			then = func(began time.Time, done bool) {
				traces.committed(began, done)
				traces.end(true)
			}
		}
		claim.commitSoon(w.journal(), messages, then)
	}
	return true
}

// insist does something until it works, as long as the partitions are ours and
// ctx lasts. It reports whether it was done. claim.mu is held.
func (w *writer) insist(ctx context.Context, claim *claim, component string, do func() error) bool {
	var pause backoff.Backoff
	for {
		trouble := groupStatus
		ours, err := claim.ours(ctx, w.journal())
		if err == nil {
			if !ours || ctx.Err() != nil {
				w.status.forget(component)
				return false
			}
			trouble, err = component, do()
		}
		if err == nil || ctx.Err() == nil {
			w.status.set(trouble, err)
		}
		if err == nil {
			return true
		}
		if !pause.Wait(ctx) {
			w.status.forget(component)
			return false
		}
	}
}

// work is what there is to do about some batches.
type work struct {
	records    []byte                      // CSV
	lines      []*message                  // of the records
	fresh      *intmap.Map[uint64, uint32] // their identities
	entries    []totals.Entry              // the same lines, to be added up
	letters    []letter                    // what cannot be used
	consumed   map[int]int                 // messages, by partition
	duplicates int
	conflicts  int
	rejected   map[sale.Reason]int
}

// reset makes it empty.
func (t *work) reset() {
	if t.fresh == nil {
		t.fresh = intmap.New[uint64, uint32](settleLines)
		t.consumed, t.rejected = make(map[int]int), make(map[sale.Reason]int)
	}
	t.records, t.lines, t.letters = t.records[:0], t.lines[:0], t.letters[:0]
	t.duplicates, t.conflicts = 0, 0
	t.fresh.Clear()
	clear(t.consumed)
	clear(t.rejected)
}

// sort judges the batches' messages: new lines, duplicates, conflicts, rejects.
// It remembers nothing yet.
func (w *writer) sort(batches []*batch) *work {
	todo := &w.todo
	todo.reset()
	w.traces.begin()
	for _, b := range batches {
		if b.known {
			w.learn(b)
		}
	}
	w.lookUp(batches)
	for _, b := range batches {
		if b.known || len(b.messages) == 0 {
			continue
		}
		if _, ok := b.claim.settled[b.partition]; !ok {
			b.claim.settled[b.partition] = b.messages[0].offset // all before is settled, by whoever had it
		}
		todo.consumed[b.partition] += len(b.messages)
		for i := range b.messages {
			m := &b.messages[i]
			if m.rejected != nil {
				todo.rejected[m.rejected.Reason]++
				w.traces.judged(b, m, outcomeRejected, len(todo.letters))
				todo.letters = append(todo.letters, letter{partition: b.partition, message: m, why: m.rejected})
				continue
			}
			switch w.judge(m) {
			case dedupe.Duplicate:
				todo.duplicates++
				w.traces.judged(b, m, outcomeDuplicate, -1)
			case dedupe.Conflict:
				todo.conflicts++
				w.traces.judged(b, m, outcomeRejected, len(todo.letters))
				todo.letters = append(todo.letters, letter{partition: b.partition, message: m, why: conflictOf(&m.line)})
			case dedupe.Unknown:
				todo.records = append(todo.records, b.record(m)...)
				todo.lines = append(todo.lines, m)
				w.traces.judged(b, m, outcomeWritten, -1)
			}
		}
	}
	return todo
}

// learn remembers the lines of messages that another owner has settled. As there,
// the first of two wins, and what could not be used is passed over.
func (w *writer) learn(b *batch) {
	for i := range b.messages {
		if m := &b.messages[i]; m.rejected == nil {
			w.seen.Learn(m.line.Identity)
		}
	}
}

// lookUp compares the lines with those on disk: for each batch beside the others,
// since nothing is remembered meanwhile, and waiting for the memory of a large set is
// most of what sorting takes.
func (w *writer) lookUp(batches []*batch) {
	var looking sync.WaitGroup
	for i, b := range batches {
		look := func() {
			for i := range b.messages {
				if m := &b.messages[i]; m.rejected == nil {
					m.onDisk = w.seen.Check(m.line.Identity)
				}
			}
		}
		if i == len(batches)-1 {
			look() // one at least need not be handed to another goroutine
		} else {
			looking.Go(look)
		}
	}
	looking.Wait()
}

// judge compares a line with those on disk, as it was looked up, and with those
// about to be.
func (w *writer) judge(m *message) dedupe.Verdict {
	if m.onDisk != dedupe.Unknown {
		return m.onDisk
	}
	if content, isNew := w.todo.fresh.PutIfNotExists(m.line.Identity.Key, m.line.Identity.Content); !isNew {
		return dedupe.Compare(content, m.line.Identity.Content)
	}
	return dedupe.Unknown
}

// append makes records durable.
func (w *writer) append(records []byte) error {
	began := time.Now()
	err := w.csv.Append(records)
	written, synced := w.csv.Times()
	w.traces.appended(began, written, synced, len(w.todo.lines), err)
	if err != nil {
		return err
	}
	if w.first == 0 {
		w.first = w.todo.lines[0].line.Identity.Key
	}
	w.metrics.sync.Observe(time.Since(began).Seconds())
	w.metrics.bytes.Store(w.csv.Bytes())
	return nil
}

// remember takes note of lines that are on disk. Adding them up goes on beside
// remembering them.
func (w *writer) remember(work *work) {
	if len(work.lines) == 0 {
		return
	}
	now := time.Now()
	entries := slices.Grow(w.todo.entries[:0], len(work.lines))
	w.todo.entries = entries
	parts := make(chan []totals.Entry, len(work.lines)/batchLines+1)
	var adding sync.WaitGroup
	adding.Go(func() {
		for part := range parts {
			w.totals.Add(part)
		}
		w.traces.observe(w.metrics.latency, work.lines, now)
		w.latest.addAll(work.lines)
	})
	for lines := range slices.Chunk(work.lines, batchLines) {
		begin := len(entries)
		for _, m := range lines {
			entries = append(entries, totals.Entry{Line: &m.line, NewInvoice: w.seen.Remember(m.line.Identity, m.line.Invoice)})
		}
		parts <- entries[begin:]
	}
	close(parts)
	adding.Wait()
}

// advance has the next commit begun when one has ended.
func (w *writer) advance() {
	claim := w.current.Load()
	claim.mu.Lock()
	defer claim.mu.Unlock()
	claim.advance()
}

// checkGoal calls reached when all partitions that are ours are settled up to the
// goal.
func (w *writer) checkGoal() {
	goal, claim := w.goal.Load(), w.current.Load()
	if goal == nil || claim == nil {
		return
	}
	claim.mu.Lock()
	defer claim.mu.Unlock()
	for _, p := range claim.partitions {
		if settled, ok := claim.settled[p]; !ok || settled < (*goal)[p] {
			return
		}
	}
	if !claim.lost && claim.ctx.Err() == nil && claim.pending == nil && claim.due.messages == 0 {
		w.reached()
	}
}

// journal names what is in the CSV: another directory has another name, and so has
// this one when its CSV was taken away.
func (w *writer) journal() string { return fmt.Sprintf("%s-%016x", w.token, w.first) }
