package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/backoff"
)

const (
	// DefaultSessionTimeout is after how long without a heartbeat the group gives
	// our partitions to another instance.
	DefaultSessionTimeout = 10 * time.Second
	heartbeatsPerSession  = 5
	// rebalanceTimeout is how long the group waits for us to hand over.
	rebalanceTimeout = 30 * time.Second
	joinPause        = 500 * time.Millisecond
	// handOverTime is how long what is on disk already may take to be committed
	// after the partitions were asked for, as when the broker is away just then.
	handOverTime = 4 * time.Second
	// leaveTime is how long leaving the group may take after that.
	leaveTime     = 4 * time.Second
	commitTimeout = 5 * time.Second
)

// runGroup is a member of the consumer group until ctx ends.
//
// kafka-go's Reader would do this alone, but hides when partitions are taken away.
// Its ConsumerGroup shows each generation, and holds the next one off until the
// functions started on the last one have returned.
func (c *Consumer) runGroup(ctx context.Context) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                    c.cfg.Group,
		Brokers:               c.cfg.Cluster.Addresses,
		Dialer:                c.cfg.Cluster.Dialer,
		Topics:                []string{c.cfg.Topic},
		StartOffset:           kafka.FirstOffset,
		SessionTimeout:        c.cfg.SessionTimeout,
		HeartbeatInterval:     c.cfg.SessionTimeout / heartbeatsPerSession,
		RebalanceTimeout:      rebalanceTimeout,
		JoinGroupBackoff:      joinPause,
		WatchPartitionChanges: true,
	})
	if err != nil {
		return fmt.Errorf("joining group %s: %w", c.cfg.Group, err)
	}
	// Closing the group, not leaving the generation first, ends the membership:
	// else kafka-go joins once more, and all others with it, only to leave then.
	closed := make(chan error, 1)
	context.AfterFunc(ctx, func() { closed <- group.Close() })
	for ctx.Err() == nil {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			err = fmt.Errorf("joining group %s: %w", c.cfg.Group, err)
			if errors.Is(err, kafka.RebalanceInProgress) {
				err = expected{err} // others are joining or leaving too
			}
			c.status.set(groupStatus, err)
			continue // the group pauses by itself
		}
		c.serve(generation)
	}
	select {
	case err := <-closed:
		if err != nil {
			return fmt.Errorf("leaving group %s: %w", c.cfg.Group, err)
		}
	case <-time.After(leaveTime):
		c.cfg.Log.Warn("ending without having left the group, since Kafka does not answer; it gives the partitions to others after the session timeout",
			"group", c.cfg.Group, "session_timeout", c.cfg.SessionTimeout.String())
	}
	return nil
}

// serve fetches what the generation assigns to us until it ends.
func (c *Consumer) serve(generation *kafka.Generation) {
	ended := make(chan struct{})
	// One function stands for the generation: as long as it has not returned,
	// the group does not move on.
	generation.Start(func(ctx context.Context) {
		defer close(ended)
		c.hold(ctx, &coordinator{
			cluster: c.cfg.Cluster, group: c.cfg.Group, topic: c.cfg.Topic,
			generation: generation.ID, member: generation.MemberID,
		}, partitionsOf(generation.Assignments[c.cfg.Topic]))
	})
	<-ended
}

func partitionsOf(assigned []kafka.PartitionAssignment) (partitions []int) {
	for _, a := range assigned {
		partitions = append(partitions, a.ID)
	}
	return partitions
}

// hold settles the partitions until ctx ends and returns when nothing more is
// done about them.
func (c *Consumer) hold(ctx context.Context, group *coordinator, partitions []int) {
	var places map[int]place
	for pause := (backoff.Backoff{}); ; {
		var err error
		if places, err = group.places(ctx, partitions); err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		c.status.set(groupStatus, err)
		if !pause.Wait(ctx) {
			return
		}
	}
	own, release := newClaim(ctx, group.topic, group, c.status, partitions, c.cfg.SessionTimeout/2)
	var fetchers []*fetcher
	for _, p := range partitions {
		fetchers = append(fetchers, c.fetcherOf(own, p, places))
	}
	c.lags.assign(partitions, own.committed)
	var running sync.WaitGroup
	for _, f := range fetchers { // only now: from here on the claim is shared
		running.Go(func() { f.run(ctx) })
	}
	c.writer.current.Store(own)
	c.status.set(groupStatus, nil)
	<-ctx.Done()
	running.Wait()
	release()
	c.lags.forget()
	for p, offset := range own.settled {
		c.known[p] = offset
	}
}

// fetcherOf returns the partition's fetcher and completes the claim about it. A
// partition that others have had brings its identities with it: they are in the
// part of Kafka's log that is settled but that neither our CSV nor our memory
// covers, and the fetcher reads that first.
func (c *Consumer) fetcherOf(own *claim, p int, places map[int]place) *fetcher {
	f := &fetcher{consumer: c, claim: own, partition: p, next: kafka.FirstOffset}
	at, ok := places[p]
	if !ok {
		return f // nobody has settled anything
	}
	own.committed[p] = at.offset
	own.sole[p] = at.offset
	f.next, f.learnTo = at.offset, at.offset
	if at.note.journal == c.writer.journal() {
		own.sole[p] = at.note.since
		f.learnTo = min(at.note.since, at.offset)
	}
	if known, ok := c.known[p]; ok {
		f.learnFrom, f.resolved = known, true
	}
	return f
}
