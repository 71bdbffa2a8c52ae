package consumer

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/backoff"
	"tillstream/internal/broker"
	"tillstream/internal/faultfs"
	"tillstream/internal/recordbatch"
	"tillstream/internal/sale"
)

// ledger is a group's coordinator that remembers what was committed, and when in
// relation to the writes to the CSV.
type ledger struct {
	fs *faultfs.FS

	mu      sync.Mutex
	err     error         // what it answers
	delay   time.Duration // how long that takes
	commits []map[int]int64
	writes  []int // to the CSV before each commit

	atOnce, most atomic.Int32 // how many commits are under way, and were
}

func (l *ledger) commit(_ context.Context, places map[int]place) error {
	offsets := make(map[int]int64)
	for p, at := range places {
		offsets[p] = at.offset
	}
	defer l.atOnce.Add(-1)
	l.most.Store(max(l.most.Load(), l.atOnce.Add(1)))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits = append(l.commits, offsets)
	l.writes = append(l.writes, l.fs.Count(faultfs.Write))
	time.Sleep(l.delay)
	return l.err
}

// answer says what the coordinator answers from now on, and after how long.
func (l *ledger) answer(err error, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err, l.delay = err, delay
}

// desk is a writer with its CSV, without a Kafka.
type desk struct {
	*Consumer
	fs     *faultfs.FS
	ledger *ledger
	claim  *claim
	next   int64
	end    context.CancelFunc // asks for the partitions
	lose   func()             // releases the claim
}

const proofTime = 5 * time.Second

func newDesk(t testing.TB) *desk {
	t.Helper()
	way, err := broker.New(broker.Options{Addresses: []string{"localhost:1"}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := configFor(t, &cluster{way: way})
	d := &desk{fs: faultfs.New()}
	cfg.FS = d.fs
	if d.Consumer, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	d.ledger = &ledger{fs: d.fs}
	ctx, end := context.WithCancel(context.Background())
	d.end = end
	d.claim, d.lose = newClaim(ctx, topic, d.ledger, d.status, []int{0, 1}, proofTime)
	t.Cleanup(func() {
		end()
		d.lose()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// batch makes a batch of rows of partition 0.
func (d *desk) batch(t testing.TB, rows ...sale.Row) *batch {
	t.Helper()
	b := d.writer.spare.get()
	b.claim, b.partition, b.known = d.claim, 0, false
	decoder := sale.NewDecoder()
	for i := range rows {
		value, err := sale.AppendMessage(nil, &rows[i])
		if err != nil {
			t.Fatal(err)
		}
		b.add(&recordbatch.Record{Offset: d.next, Value: value, Time: time.Now()}, decoder, d.reader)
		d.next++
	}
	b.next = d.next
	return b
}

// settle returns when the commit has ended as well.
func (d *desk) settle(b *batch) {
	d.writer.settle([]*batch{b})
	d.claim.mu.Lock()
	defer d.claim.mu.Unlock()
	_ = d.claim.await(d.claim.grace)
}

// rows counts the rows on disk.
func (d *desk) rows(t testing.TB) int { return len(readCSV(t, d.cfg.Out)) }

var fenced = []error{kafka.IllegalGeneration, kafka.UnknownMemberId, kafka.RebalanceInProgress, kafka.FencedInstanceID}

func TestSettleCommitsAfterTheAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		before := d.fs.Count(faultfs.Write)
		d.settle(d.batch(t, saleRows(0, 3)...))
		last := len(d.ledger.commits) - 1
		if last < 0 || !maps.Equal(d.ledger.commits[last], map[int]int64{0: 3}) {
			t.Fatalf("committed %v", d.ledger.commits)
		}
		if d.ledger.writes[last] != before+1 || d.rows(t) != 3 {
			t.Errorf("%d writes before the last commit, %d rows", d.ledger.writes[last]-before, d.rows(t))
		}
	})
}

// A claim that was released stands for partitions that another instance may have.
func TestNothingIsDoneAfterTheClaimIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		b := d.batch(t, saleRows(0, 3)...)
		d.end()
		d.lose()
		d.settle(b)
		if d.rows(t) != 0 || len(d.ledger.commits) != 0 || d.Summary().CSVRows != 0 {
			t.Errorf("%d rows are written, committed %v", d.rows(t), d.ledger.commits)
		}
	})
}

// A process that was stopped for longer than it may trust its membership asks the
// coordinator before it writes.
func TestStaleProofIsRenewedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.settle(d.batch(t, saleRows(0, 3)...))
		time.Sleep(proofTime + time.Second)
		before, commits := d.fs.Count(faultfs.Write), len(d.ledger.commits)
		d.settle(d.batch(t, saleRows(3, 6)...))
		if len(d.ledger.commits) != commits+2 {
			t.Fatalf("committed %v", d.ledger.commits[commits:])
		}
		if first := d.ledger.commits[commits]; !maps.Equal(first, map[int]int64{0: 3}) || d.ledger.writes[commits] != before {
			t.Errorf("the proof is %v, after %d writes", first, d.ledger.writes[commits]-before)
		}
		if d.rows(t) != 6 {
			t.Errorf("%d rows", d.rows(t))
		}
	})
}

// A zombie, whose partitions were given to another while it was stopped, neither
// writes nor commits: not now, and not with what was fetched meanwhile.
func TestZombieWritesNothing(t *testing.T) {
	for _, cause := range fenced {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			d.settle(d.batch(t, saleRows(0, 3)...))
			time.Sleep(time.Minute)
			d.ledger.answer(cause, 0)
			commits, writes := len(d.ledger.commits), d.fs.Count(faultfs.Write)
			d.settle(d.batch(t, saleRows(3, 6)...))
			if len(d.ledger.commits) != commits+1 || d.fs.Count(faultfs.Write) != writes {
				t.Errorf("%v: committed %v, %d writes", cause, d.ledger.commits[commits:], d.fs.Count(faultfs.Write)-writes)
			}
			d.settle(d.batch(t, saleRows(6, 9)...))
			if len(d.ledger.commits) != commits+1 || d.rows(t) != 3 || d.Summary().CSVRows != 3 {
				t.Errorf("%v: went on, %d rows, committed %v", cause, d.rows(t), d.ledger.commits[commits:])
			}
		})
	}
}

// A coordinator that does not answer is asked again before anything is written.
func TestProofIsInsistedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.settle(d.batch(t, saleRows(0, 3)...))
		time.Sleep(time.Minute)
		d.ledger.answer(errors.New("nobody answers"), 0)
		writes := d.fs.Count(faultfs.Write)
		done := make(chan struct{})
		b := d.batch(t, saleRows(3, 6)...)
		go func() {
			defer close(done)
			d.settle(b)
		}()
		time.Sleep(time.Minute)
		if d.fs.Count(faultfs.Write) != writes {
			t.Error("written without a proof")
		}
		if err := d.Ready(); err == nil {
			t.Error("Ready says nothing")
		}
		d.ledger.answer(nil, 0)
		<-done
		if d.rows(t) != 6 {
			t.Errorf("%d rows", d.rows(t))
		}
	})
}

// Asked for the partitions while the disk is full, the writer gives up, and
// neither remembers nor commits what it did not write.
func TestPartitionsTakenWhileTheDiskIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.fs.Add(faultfs.Fault{Op: faultfs.Write, Err: syscall.ENOSPC})
		b := d.batch(t, saleRows(0, 3)...)
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.settle(b)
		}()
		time.Sleep(time.Minute)
		began := time.Now()
		d.end()
		<-done
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		if d.Summary().CSVRows != 0 || d.rows(t) != 0 {
			t.Error("remembered, but not written")
		}
		for _, offsets := range d.ledger.commits {
			if offsets[0] > 0 {
				t.Errorf("committed %v", offsets)
			}
		}
	})
}

// What is on disk when the partitions are asked for is still committed, within a
// bound.
func TestCommitIsSeenThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ledger.answer(errors.New("nobody answers"), 0)
		d.claim.proven = time.Now() // the append need not wait for the coordinator
		b := d.batch(t, saleRows(0, 3)...)
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.settle(b)
		}()
		synctest.Wait()
		d.end()
		time.Sleep(handOverTime / 2)
		d.ledger.answer(nil, 0)
		<-done
		last := d.ledger.commits[len(d.ledger.commits)-1]
		if d.rows(t) != 3 || last[0] != 3 {
			t.Errorf("%d rows, committed %v", d.rows(t), last)
		}
	})
}

func TestCommitIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ledger.answer(errors.New("nobody answers"), 0)
		d.claim.proven = time.Now()
		b := d.batch(t, saleRows(0, 3)...)
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.settle(b)
		}()
		synctest.Wait()
		began := time.Now()
		d.end()
		<-done
		if took := time.Since(began); took > handOverTime+commitTimeout+backoff.Longest {
			t.Errorf("it took %v", took)
		}
		if d.Summary().CSVRows != 3 {
			t.Error("what is on disk is not remembered")
		}
	})
}
