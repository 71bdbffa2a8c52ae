package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/backoff"
)

// uncommitted bounds how many messages may be on disk and not committed when more
// are begun: what a kill leaves for the next owner to write once more.
const uncommitted = settleLines

// commit is where we stand, on its way to the group. It is under way while the next
// lines are appended, which have nothing to wait for: Kafka's coordinator alone
// gathers commits for some milliseconds (group.coordinator.append.linger.ms). A claim
// has one at a time, so that none overtakes another.
type commit struct {
	offsets map[int]int64 // by partition
	places  map[int]place
	due     due
	began   time.Time
	asked   time.Time     // the last time
	err     error         // of the last time
	ended   chan struct{} // closed when it has, for one that is under way
}

// due is what is settled but not committed.
type due struct {
	messages int
	then     []func(began time.Time, done bool) // to be called when the commit has ended
}

func (d due) and(later due) due {
	return due{d.messages + later.messages, append(d.then, later.then...)}
}

// commitSoon has what is settled committed, beside whatever comes next. then is
// called when that has ended, with mu held, and may be nil. mu is held.
func (c *claim) commitSoon(journal string, messages int, then func(began time.Time, done bool)) {
	c.journal = journal
	c.due.messages += messages
	if then != nil {
		c.due.then = append(c.due.then, then)
	}
	c.advance()
	if c.due.messages >= uncommitted {
		_ = c.await(c.ctx) // when that ends, nothing is begun any more
		c.advance()
	}
}

// commits holds a token when a commit has ended, for whoever owns the claim to
// advance it. A claim that is not there has none.
func (c *claim) commits() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.changed
}

// advance takes note of a commit that has ended, and begins one if there is what to
// commit. mu is held.
func (c *claim) advance() {
	c.collect()
	if c.pending == nil && c.due.messages > 0 && !c.lost && c.grace.Err() == nil {
		c.pending = c.newCommit()
		go c.pending.insist(c)
	}
}

// await waits until no commit is under way, or for ctx. mu is held.
func (c *claim) await(ctx context.Context) error {
	if c.pending == nil {
		return nil
	}
	select {
	case <-c.pending.ended:
		c.collect()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finishCommits returns when all that is settled is committed, or grace has ended,
// or the claim is lost. mu is held.
func (c *claim) finishCommits() {
	for c.advance(); c.pending != nil; c.advance() {
		<-c.pending.ended // with grace at the latest
	}
	for _, then := range c.due.then {
		then(time.Now(), false)
	}
	c.due = due{}
}

// collect takes note of a commit that has ended. mu is held.
func (c *claim) collect() {
	if c.pending == nil {
		return
	}
	select {
	case <-c.pending.ended:
		c.end(c.pending)
		c.pending = nil
	default:
	}
}

// newCommit returns a commit of where we stand. mu is held.
func (c *claim) newCommit() *commit {
	k := &commit{offsets: maps.Clone(c.committed), places: make(map[int]place), due: c.due, began: time.Now(), ended: make(chan struct{})}
	c.due = due{}
	maps.Copy(k.offsets, c.settled)
	for p, offset := range k.offsets {
		k.places[p] = place{offset, note{journal: c.journal, since: c.sole[p]}}
	}
	return k
}

// end takes note of how a commit has ended. Where the group says that the partitions
// are another's, the claim is lost and that is no error. mu is held.
func (c *claim) end(k *commit) {
	switch {
	case k.err == nil:
		c.committed = k.offsets
		c.proven = k.asked
	case isFenced(k.err):
		c.lost = true
	default:
		c.due = k.due.and(c.due) // for the next one
		return
	}
	for _, then := range k.due.then {
		then(k.began, k.err == nil)
	}
}

// send makes one attempt.
func (k *commit) send(c *claim) {
	ctx, cancel := context.WithTimeout(c.grace, commitTimeout)
	defer cancel()
	k.asked = time.Now() // not when the answer is here: we may have been stopped in between
	if k.err = c.group.commit(ctx, k.places); k.err != nil {
		k.err = fmt.Errorf("committing offsets: %w", k.err)
	}
}

// insist sends it until there is an answer, as long as grace lasts.
func (k *commit) insist(c *claim) {
	defer func() {
		close(k.ended)
		select {
		case c.changed <- struct{}{}:
		default: // it is known that something has
		}
	}()
	var pause backoff.Backoff
	for {
		k.send(c)
		if k.err == nil || isFenced(k.err) {
			c.status.set(groupStatus, nil)
			return
		}
		c.status.set(groupStatus, k.err)
		if !pause.Wait(c.grace) {
			c.status.forget(groupStatus)
			return
		}
	}
}

// isFenced reports whether the group takes the partitions for another's.
func isFenced(err error) bool {
	return errors.Is(err, kafka.IllegalGeneration) || errors.Is(err, kafka.UnknownMemberId) ||
		errors.Is(err, kafka.RebalanceInProgress) || errors.Is(err, kafka.FencedInstanceID)
}
