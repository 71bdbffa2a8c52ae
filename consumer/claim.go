package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
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
// not move on before mu is free, so nothing is appended or committed after the
// partitions were given to another instance.
type claim struct {
	ctx        context.Context // ends when the partitions are asked for
	grace      context.Context // ends handOverTime later
	topic      string
	group      committer
	partitions []int
	sole       map[int]int64 // by partition, the offset from which on our CSV holds its lines

	mu        sync.Mutex
	lost      bool
	proven    time.Time     // when we asked, the last time that the coordinator took us for a member
	provenFor time.Duration // how long that is believed
	committed map[int]int64 // by partition, what the group holds
	settled   map[int]int64 // by partition, the offset after the last settled message
}

// newClaim returns the claim on partitions. ctx is the generation's; provenFor is
// for how long a sign of life from the coordinator lets us believe that the
// partitions are ours, which must be less than the session.
func newClaim(ctx context.Context, topic string, group committer, partitions []int, provenFor time.Duration) (c *claim, release func()) {
	grace, giveUp := context.WithCancel(context.Background())
	c = &claim{
		ctx: ctx, grace: grace, topic: topic, group: group, partitions: partitions,
		provenFor: provenFor,
		sole:      make(map[int]int64), committed: make(map[int]int64), settled: make(map[int]int64),
	}
	context.AfterFunc(ctx, func() { time.AfterFunc(handOverTime, giveUp) })
	return c, func() {
		c.mu.Lock() // what is being written is written and committed to the end
		defer c.mu.Unlock()
		c.lost = true
		giveUp()
	}
}

// ours reports whether the partitions are still ours. A process that was stopped
// for long (SIGSTOP, a laptop's lid) finds its sign of life too old and asks the
// coordinator, which fences members it has given up. So does a new claim: joining
// may be long ago by now. mu is held.
func (c *claim) ours(journal string) (bool, error) {
	if c.lost || c.isProven() {
		return !c.lost, nil
	}
	if err := c.commit(journal, nil); err != nil {
		return false, err
	}
	if !c.lost && !c.isProven() {
		return false, errSlow
	}
	return !c.lost, nil
}

// errSlow is an answer that proves nothing any more.
var errSlow = errors.New("the group's coordinator takes so long to answer that the partitions may be another's by then")

// isProven looks at both clocks: the monotonic one stands still while a machine
// sleeps, and the one on the wall can be set back.
func (c *claim) isProven() bool {
	now := time.Now()
	return now.Sub(c.proven) <= c.provenFor && now.Round(0).Sub(c.proven.Round(0)) <= c.provenFor
}

// commit stores the offsets to go on from in the group. With none, it repeats
// where we stand, as a sign of life. Where the group says that the partitions are
// another's, the claim is lost and that is no error. mu is held.
func (c *claim) commit(journal string, offsets map[int]int64) error {
	merged := maps.Clone(c.committed)
	maps.Copy(merged, c.settled)
	maps.Copy(merged, offsets)
	places := make(map[int]place, len(merged))
	for p, offset := range merged {
		places[p] = place{offset, note{journal: journal, since: c.sole[p]}}
	}
	ctx, cancel := context.WithTimeout(c.grace, commitTimeout)
	defer cancel()
	asked := time.Now() // not when the answer is here: we may have been stopped in between
	err := c.group.commit(ctx, places)
	switch {
	case err == nil:
		c.committed = merged
		c.proven = asked
		return nil
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
		errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.FencedInstanceID):
		c.lost = true
		return nil
	}
	return fmt.Errorf("committing offsets: %w", err)
}
