//go:build unix

package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// with calls do with a client of its own: kafka-go's transport answers metadata
// from a cache of several seconds, and its connections survive a broker's restart
// only as errors.
func (s *Server) with(do func(*kafka.Client) error) error {
	transport := &kafka.Transport{ClientID: "kafkatest", DialTimeout: 2 * time.Second}
	defer transport.CloseIdleConnections()
	return do(&kafka.Client{Addr: kafka.TCP(s.Addr()), Transport: transport})
}

// ready says why the broker is not of use yet: every partition needs its leader,
// and consumer groups their coordinator with its log loaded. Asking creates the
// topic of the groups' offsets, so that the first test does not wait for that.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	const group = "kafkatest"
	return s.with(func(c *kafka.Client) error {
		if _, err := partitions(ctx, c); err != nil {
			return err
		}
		coordinator, err := c.FindCoordinator(ctx, &kafka.FindCoordinatorRequest{
			Key: group, KeyType: kafka.CoordinatorKeyTypeConsumer,
		})
		if err == nil {
			err = coordinator.Error
		}
		if err != nil {
			return fmt.Errorf("looking for the groups' coordinator: %w", err)
		}
		offsets, err := c.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
			GroupID: group, Topics: map[string][]int{group: {0}},
		})
		if err == nil {
			err = offsets.Error
		}
		if err != nil {
			return fmt.Errorf("asking the groups' coordinator: %w", err)
		}
		for _, p := range offsets.Topics[group] {
			if p.Error != nil {
				return fmt.Errorf("asking the groups' coordinator: %w", p.Error)
			}
		}
		return nil
	})
}

// partitions returns how many partitions each topic has, or an error if one of
// them is without a leader.
func partitions(ctx context.Context, c *kafka.Client, topics ...string) (map[string]int, error) {
	meta, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
	if err != nil {
		return nil, fmt.Errorf("reading the metadata: %w", err)
	}
	if len(meta.Brokers) == 0 {
		return nil, errors.New("the broker is not part of its cluster yet")
	}
	count := make(map[string]int)
	for _, t := range meta.Topics {
		if t.Error != nil {
			return nil, fmt.Errorf("topic %s: %w", t.Name, t.Error)
		}
		for _, p := range t.Partitions {
			if p.Error != nil {
				return nil, fmt.Errorf("topic %s, partition %d: %w", t.Name, p.ID, p.Error)
			}
		}
		count[t.Name] = len(t.Partitions)
	}
	return count, nil
}

// CreateTopic creates a topic and returns when all its partitions have a leader.
func (s *Server) CreateTopic(ctx context.Context, name string, partitionCount int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := s.with(func(c *kafka.Client) error {
		created, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
			{Topic: name, NumPartitions: partitionCount, ReplicationFactor: 1},
		}})
		if err != nil {
			return err
		}
		return created.Errors[name]
	})
	if err != nil {
		return fmt.Errorf("creating topic %s: %w", name, err)
	}
	err = poll(ctx, func(ctx context.Context) error {
		return s.with(func(c *kafka.Client) error {
			count, err := partitions(ctx, c, name)
			if err == nil && count[name] != partitionCount {
				err = fmt.Errorf("it has %d of its %d partitions", count[name], partitionCount)
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("waiting for the new topic %s: %w", name, err)
	}
	return nil
}

// Produce sends the messages, those of one key to one partition (by FNV-1a, not by
// the Java client's hash), and returns when the broker has acknowledged them all.
func (s *Server) Produce(ctx context.Context, topic string, messages ...kafka.Message) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	transport := &kafka.Transport{ClientID: "kafkatest"}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{
		Addr: kafka.TCP(s.Addr()), Topic: topic, Transport: transport,
		Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll,
		BatchSize:    1000,
		BatchTimeout: 5 * time.Millisecond, // of 1 s by default, waited in full by the last batch
	}
	err := w.WriteMessages(ctx, messages...)
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("producing to topic %s: %w", topic, err)
	}
	return nil
}

// EndOffsets returns the offset after the last message of each partition.
func (s *Server) EndOffsets(ctx context.Context, topic string) (map[int]int64, error) {
	_, ends, err := s.offsets(ctx, topic)
	return ends, err
}

func (s *Server) offsets(ctx context.Context, topic string) (starts, ends map[int]int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	starts, ends = make(map[int]int64), make(map[int]int64)
	err = s.with(func(c *kafka.Client) error {
		count, err := partitions(ctx, c, topic)
		if err != nil {
			return err
		}
		var ask []kafka.OffsetRequest
		for p := range count[topic] {
			ask = append(ask, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
		}
		listed, err := c.ListOffsets(ctx, &kafka.ListOffsetsRequest{
			Topics: map[string][]kafka.OffsetRequest{topic: ask},
		})
		if err != nil {
			return err
		}
		for _, p := range listed.Topics[topic] {
			if p.Error != nil {
				return fmt.Errorf("partition %d: %w", p.Partition, p.Error)
			}
			starts[p.Partition], ends[p.Partition] = p.FirstOffset, p.LastOffset
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("listing the offsets of topic %s: %w", topic, err)
	}
	return starts, ends, nil
}

// Messages reads all that the topic holds at the time of the call, one partition
// after the other, without a consumer group.
func (s *Server) Messages(ctx context.Context, topic string) ([]kafka.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	starts, ends, err := s.offsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	var all []kafka.Message
	for p := range len(ends) {
		if starts[p] == ends[p] {
			continue
		}
		if all, err = s.read(ctx, all, topic, p, starts[p], ends[p]); err != nil {
			return nil, fmt.Errorf("reading topic %s, partition %d: %w", topic, p, err)
		}
	}
	return all, nil
}

func (s *Server) read(ctx context.Context, all []kafka.Message, topic string, partition int, start, end int64) (_ []kafka.Message, err error) {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{s.Addr()}, Topic: topic, Partition: partition,
		MaxBytes: 16 << 20, MaxWait: 100 * time.Millisecond,
	})
	defer closing(r, &err)
	if err := r.SetOffset(start); err != nil {
		return nil, err
	}
	for next := start; next < end; {
		m, err := r.ReadMessage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
		next = m.Offset + 1
	}
	return all, nil
}

func closing(c io.Closer, err *error) { *err = errors.Join(*err, c.Close()) }
