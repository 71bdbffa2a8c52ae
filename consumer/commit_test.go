package consumer

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

// slow is how long the coordinator takes to answer in these tests.
const slow = time.Second

// slowDesk is a desk whose coordinator is slow from now on.
func slowDesk(t *testing.T) *desk {
	d := newDesk(t)
	d.settle(d.batch(t, saleRows(0, 1)...))
	d.ledger.answer(nil, slow)
	return d
}

// last is the newest commit that was asked for.
func (d *desk) last() map[int]int64 {
	if len(d.ledger.commits) == 0 {
		return nil
	}
	return d.ledger.commits[len(d.ledger.commits)-1]
}

// Lines do not wait on the way to the disk for the commit of those before. What
// came meanwhile is committed at once, and no two commits are under way together.
func TestAppendsGoOnBesideACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := slowDesk(t)
		began := time.Now()
		for i := range 3 {
			d.writer.settle([]*batch{d.batch(t, saleRows(1+i, 2+i)...)})
			synctest.Wait()
		}
		if took := time.Since(began); took > 0 || d.rows(t) != 4 {
			t.Errorf("%d rows after %v", d.rows(t), took)
		}
		if !maps.Equal(d.last(), map[int]int64{0: 2}) {
			t.Errorf("committed %v", d.ledger.commits)
		}
		time.Sleep(slow)
		synctest.Wait()
		d.writer.current.Store(d.claim)
		<-d.claim.commits()
		d.writer.advance()
		synctest.Wait()
		if n := len(d.ledger.commits); !maps.Equal(d.last(), map[int]int64{0: 4}) || !maps.Equal(d.ledger.commits[n-2], map[int]int64{0: 2}) {
			t.Errorf("committed %v", d.ledger.commits)
		}
		if most := d.ledger.most.Load(); most != 1 {
			t.Errorf("%d commits at once", most)
		}
	})
}

// The goal is reached when all is committed, not before.
func TestTheGoalIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := slowDesk(t)
		reached := false
		d.writer.reached = func() { reached = true }
		d.writer.current.Store(d.claim)
		d.claim.settled[1] = 0
		d.writer.goal.Store(&map[int]int64{0: 2, 1: 0})
		d.writer.settle([]*batch{d.batch(t, saleRows(1, 2)...)})
		if d.writer.checkGoal(); reached {
			t.Error("reached while the commit is under way")
		}
		time.Sleep(slow)
		synctest.Wait()
		d.writer.advance()
		if d.writer.checkGoal(); !reached {
			t.Error("not reached when it has ended")
		}
	})
}

// Who gives the partitions back commits all that is on disk first, with one commit
// under way and more to come.
func TestReleaseCommitsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := slowDesk(t)
		for i := range 3 {
			d.writer.settle([]*batch{d.batch(t, saleRows(1+i, 2+i)...)})
			synctest.Wait()
		}
		d.end()
		d.lose()
		if !maps.Equal(d.last(), map[int]int64{0: 4}) || !d.claim.lost {
			t.Errorf("committed %v", d.ledger.commits)
		}
		d.settle(d.batch(t, saleRows(4, 5)...))
		if !maps.Equal(d.last(), map[int]int64{0: 4}) || d.rows(t) != 4 {
			t.Errorf("went on: committed %v, %d rows", d.ledger.commits, d.rows(t))
		}
	})
}

// When the group answers that the partitions are another's, nothing more is written.
func TestFencedWhileAppending(t *testing.T) {
	for _, cause := range fenced {
		synctest.Test(t, func(t *testing.T) {
			d := slowDesk(t)
			d.ledger.answer(cause, slow)
			d.settle(d.batch(t, saleRows(1, 2)...))
			rows, commits := d.rows(t), len(d.ledger.commits)
			d.settle(d.batch(t, saleRows(2, 3)...))
			d.end()
			d.lose()
			if d.rows(t) != rows || len(d.ledger.commits) != commits {
				t.Errorf("%v: went on, %d rows, committed %v", cause, d.rows(t), d.ledger.commits)
			}
		})
	}
}

// How much a kill can leave on disk uncommitted is bounded, however slow the
// coordinator is.
func TestUncommittedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := slowDesk(t)
		half := uncommitted / 2
		big := func() *batch { return d.batch(t, saleRows(int(d.next), int(d.next)+half)...) }
		first, second, third := big(), big(), big()
		began := time.Now()
		d.writer.settle([]*batch{first})
		d.writer.settle([]*batch{second})
		if took := time.Since(began); took > 0 {
			t.Errorf("waited %v for half of what is allowed", took)
		}
		d.writer.settle([]*batch{third})
		if took := time.Since(began); took < slow/2 {
			t.Errorf("went on after %v", took)
		}
	})
}
