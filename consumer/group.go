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

const (
	// sessionTimeout is after how long without a heartbeat the group gives our
	// partitions to another instance.
	sessionTimeout = 10 * time.Second
	heartbeatEvery = sessionTimeout / 5
	// rebalanceTimeout is how long the group waits for us to hand over.
	rebalanceTimeout = 30 * time.Second
	joinPause        = 500 * time.Millisecond
	// handOverTime is how long what is on disk already may take to be committed
	// after the partitions were asked for, as when the broker is away just then.
	handOverTime = 5 * time.Second
	// provenFor is for how long a sign of life from the coordinator lets us
	// believe that the partitions are ours. It must end before the session does.
	provenFor = sessionTimeout / 2
)

// committer is the part of a generation that a claim uses.
type committer interface {
	CommitOffsets(offsets map[string]map[int]int64) error
}

// claim is the right to append and commit what some partitions hold, as long as
// one generation of the group lasts. Whoever acts on it holds mu; the group does
// not move on before mu is free, so nothing is appended or committed after the
// partitions were given to another instance.
type claim struct {
	ctx        context.Context // ends when the partitions are asked for
	grace      context.Context // ends handOverTime later
	topic      string
	generation committer
	partitions []int

	mu        sync.Mutex
	lost      bool
	proven    time.Time     // when the coordinator last took us for a member
	committed map[int]int64 // by partition, what the group holds
	settled   map[int]int64 // by partition, the offset after the last settled message
}

// newClaim returns the claim on partitions with the offsets that the group holds
// for them. ctx is the generation's.
func newClaim(ctx context.Context, topic string, generation committer, assigned []kafka.PartitionAssignment) (c *claim, release func()) {
	grace, giveUp := context.WithCancel(context.Background())
	c = &claim{
		ctx: ctx, grace: grace, topic: topic, generation: generation, proven: time.Now(),
		committed: make(map[int]int64), settled: make(map[int]int64),
	}
	for _, a := range assigned {
		c.partitions = append(c.partitions, a.ID)
		if a.Offset >= 0 {
			c.committed[a.ID] = a.Offset
		}
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
// for long (SIGSTOP, a laptop lid) finds its sign of life too old and asks the
// coordinator, which fences members it has given up. mu is held.
func (c *claim) ours() (bool, error) {
	if !c.lost && time.Since(c.proven) > provenFor {
		if err := c.commit(nil); err != nil {
			return false, err
		}
	}
	return !c.lost, nil
}

// commit stores the offsets to go on from in the group. With none, it repeats
// where we stand, as a sign of life. Where the group says that the partitions are
// another's, the claim is lost and that is no error. mu is held.
func (c *claim) commit(offsets map[int]int64) error {
	merged := maps.Clone(c.committed)
	maps.Copy(merged, c.settled)
	maps.Copy(merged, offsets)
	err := c.generation.CommitOffsets(map[string]map[int]int64{c.topic: merged})
	switch {
	case err == nil:
		c.committed = merged
		c.proven = time.Now()
		return nil
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
		errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.FencedInstanceID):
		c.lost = true
		return nil
	}
	return fmt.Errorf("committing offsets: %w", err)
}

// runGroup is a member of the consumer group until ctx ends.
func (c *Consumer) runGroup(ctx context.Context) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                    c.cfg.Group,
		Brokers:               c.cfg.Cluster.Addresses,
		Dialer:                c.cfg.Cluster.Dialer,
		Topics:                []string{c.cfg.Topic},
		StartOffset:           kafka.FirstOffset,
		SessionTimeout:        sessionTimeout,
		HeartbeatInterval:     heartbeatEvery,
		RebalanceTimeout:      rebalanceTimeout,
		JoinGroupBackoff:      joinPause,
		WatchPartitionChanges: true,
	})
	if err != nil {
		return fmt.Errorf("joining group %s: %w", c.cfg.Group, err)
	}
	for ctx.Err() == nil {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			c.status.set(groupStatus, fmt.Errorf("joining group %s: %w", c.cfg.Group, err))
			continue // the group pauses by itself
		}
		c.serve(ctx, generation)
	}
	// Leaves the group, so that others get the partitions at once.
	if err := group.Close(); err != nil {
		return fmt.Errorf("leaving group %s: %w", c.cfg.Group, err)
	}
	return nil
}

// serve fetches what the generation assigns to us until it ends.
func (c *Consumer) serve(ctx context.Context, generation *kafka.Generation) {
	assigned := generation.Assignments[c.cfg.Topic]
	ended := make(chan struct{})
	var fetchers sync.WaitGroup
	// One function stands for the generation: as long as it has not returned,
	// the group does not move on.
	generation.Start(func(generationCtx context.Context) {
		defer close(ended)
		fetchCtx, stop := context.WithCancel(generationCtx)
		defer stop()
		defer context.AfterFunc(ctx, stop)()
		own, release := newClaim(fetchCtx, c.cfg.Topic, generation, assigned)
		c.metrics.forget()
		c.writer.current.Store(own)
		for _, a := range assigned {
			fetchers.Go(func() {
				f := &fetcher{consumer: c, claim: own, partition: a.ID, offset: a.Offset}
				f.run(fetchCtx)
			})
		}
		c.status.set(groupStatus, nil)
		<-fetchCtx.Done()
		fetchers.Wait()
		release()
	})
	<-ended
}
