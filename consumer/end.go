package consumer

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/backoff"
)

// Finish makes Run return as soon as it has settled all that is in the topic now.
func (c *Consumer) Finish() {
	select {
	case c.asked <- struct{}{}:
	default: // asked already
	}
}

// watchEnd waits for Finish, then finds the topic's end and gives it to the
// writer as its goal, which calls stop when it is there.
func (c *Consumer) watchEnd(ctx context.Context) error {
	select {
	case <-c.asked:
	case <-ctx.Done():
		return nil
	}
	var pause backoff.Backoff
	for {
		end, err := c.endOffsets(ctx)
		if err == nil {
			c.status.set(endStatus, nil)
			c.writer.goal.Store(&end)
			return nil
		}
		if ctx.Err() == nil {
			c.status.set(endStatus, err)
		}
		if !pause.Wait(ctx) {
			return nil // asked to stop: there is no end to find any more
		}
	}
}

// endOffsets returns the offset after the last message of each partition.
func (c *Consumer) endOffsets(ctx context.Context) (map[int]int64, error) {
	client, topic := c.cfg.Cluster.Client(), c.cfg.Topic
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("asking for the partitions of %s: %w", topic, err)
	}
	var ask []kafka.OffsetRequest
	for _, t := range meta.Topics {
		if t.Error != nil {
			return nil, fmt.Errorf("asking for the partitions of %s: %w", topic, t.Error)
		}
		for _, p := range t.Partitions {
			ask = append(ask, kafka.LastOffsetOf(p.ID))
		}
	}
	answer, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ask}})
	if err != nil {
		return nil, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	end := make(map[int]int64)
	for _, p := range answer.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("asking for the end of partition %d of %s: %w", p.Partition, topic, p.Error)
		}
		end[p.Partition] = p.LastOffset
	}
	return end, nil
}
