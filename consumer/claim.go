package consumer

import (
	"context"
	"errors"
	"sync"
	"time"
)

// place is where a partition is to be read on, as the group stores it.
type place struct {
	offset int64
	note   note
}

// committer stores places in the group, as a member of one generation.
type committer interface {
	commit(ctx context.Context, places map[int]place) error
}

// claim is the right to append and commit what some partitions hold, as long as
// one generation of the group lasts. Whoever acts on it holds mu; the group does
// not move on before mu is free and what was appended is committed, so nothing is
// appended or committed after the partitions were given to another instance.
type claim struct {
	ctx        context.Context // ends when the partitions are asked for
	grace      context.Context // ends handOverTime later
	topic      string
	group      committer
	status     *status
	partitions []int
	sole       map[int]int64 // by partition, the offset from which on our CSV holds its lines
	changed    chan struct{} // holds a token when a commit has ended

	mu        sync.Mutex
	lost      bool
	proven    time.Time     // when we asked, the last time that the coordinator took us for a member
	provenFor time.Duration // how long that is believed
	committed map[int]int64 // by partition, what the group holds
	settled   map[int]int64 // by partition, the offset after the last settled message
	journal   string        // whose lines are settled, see writer.journal
	due       due           // what is settled and not committed yet
	pending   *commit       // is under way, nil for none
}

// newClaim returns the claim on partitions. ctx is the generation's; provenFor is
// for how long a sign of life from the coordinator lets us believe that the
// partitions are ours, which must be less than the session.
func newClaim(ctx context.Context, topic string, group committer, status *status, partitions []int, provenFor time.Duration) (c *claim, release func()) {
	grace, giveUp := context.WithCancel(context.Background())
	c = &claim{
		ctx: ctx, grace: grace, topic: topic, group: group, status: status, partitions: partitions,
		provenFor: provenFor, changed: make(chan struct{}, 1),
		sole: make(map[int]int64), committed: make(map[int]int64), settled: make(map[int]int64),
	}
	context.AfterFunc(ctx, func() { time.AfterFunc(handOverTime, giveUp) })
	return c, func() {
		c.mu.Lock() // what is being written is written to the end
		defer c.mu.Unlock()
		c.finishCommits()
		c.lost = true
		giveUp()
	}
}

// ours reports whether the partitions are still ours. A process that was stopped
// for long (SIGSTOP, a laptop's lid) finds its sign of life too old and asks the
// coordinator, which fences members it has given up. So does a new claim: joining
// may be long ago by now. mu is held.
func (c *claim) ours(ctx context.Context, journal string) (bool, error) {
	c.collect()
	if c.lost || c.isProven() {
		return !c.lost, nil
	}
	if err := c.await(ctx); err != nil { // one at a time, and it may be the answer
		return false, err
	}
	if c.lost || c.isProven() {
		return !c.lost, nil
	}
	c.journal = journal
	ask := c.newCommit() // of what is known already, or of more
	ask.send(c)
	switch c.end(ask); {
	case c.lost:
		return false, nil
	case ask.err != nil:
		return false, ask.err
	case !c.isProven():
		return false, errSlow
	}
	return true, nil
}

// errSlow is an answer that proves nothing any more.
var errSlow = errors.New("the group's coordinator takes so long to answer that the partitions may be another's by then")

// isProven looks at both clocks: the monotonic one stands still while a machine
// sleeps, and the one on the wall can be set back.
func (c *claim) isProven() bool {
	now := time.Now()
	return now.Sub(c.proven) <= c.provenFor && now.Round(0).Sub(c.proven.Round(0)) <= c.provenFor
}
