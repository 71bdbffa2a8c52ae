//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/segmentio/kafka-go"
)

// committed returns the offsets that a group has committed, by partition. One
// without a commit is missing.
func (l *lab) committed(ctx context.Context, group, topic string, partitions int) (map[int]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	transport := &kafka.Transport{ClientID: "crash"}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(l.kafka.Addr()), Transport: transport}
	var all []int
	for p := range partitions {
		all = append(all, p)
	}
	answer, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: all}})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets of group %s: %w", group, err)
	}
	offsets := make(map[int]int64)
	for _, p := range answer.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("asking for the offset of partition %d in group %s: %w", p.Partition, group, p.Error)
		}
		if p.CommittedOffset >= 0 {
			offsets[p.Partition] = p.CommittedOffset
		}
	}
	return offsets, nil
}

// settled reports whether the group has committed all that the topic holds.
func (l *lab) settled(group, topic string) (bool, error) {
	ends, err := l.kafka.EndOffsets(l.ctx, topic)
	if err != nil {
		return false, err
	}
	maps.DeleteFunc(ends, func(_ int, end int64) bool { return end == 0 }) // nothing to commit
	at, err := l.committed(l.ctx, group, topic, len(ends))
	return maps.Equal(ends, at), err
}

// watchOffsets fails when a committed offset goes back. It ends with ctx.
func (l *lab) watchOffsets(ctx context.Context, group, topic string, partitions int) error {
	const interval = 200 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	last := make(map[int]int64)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		at, err := l.committed(ctx, group, topic, partitions)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for p, offset := range at {
			if offset < last[p] {
				return fmt.Errorf("the committed offset of partition %d went back from %d to %d at %s", p, last[p], offset, time.Now().Format(time.TimeOnly))
			}
			last[p] = offset
		}
	}
}

// position is where a line is in the topic.
type position struct {
	partition int
	offset    int64
}

// positions reads the topic and returns where each line is for the first time.
func (l *lab) positions(topic string) (map[digest]position, error) {
	ends, err := l.kafka.EndOffsets(l.ctx, topic)
	if err != nil {
		return nil, err
	}
	first := make(map[digest]position)
	for p, end := range ends {
		if err := l.readPartition(topic, p, end, first); err != nil {
			return nil, fmt.Errorf("reading partition %d: %w", p, err)
		}
	}
	return first, nil
}

func (l *lab) readPartition(topic string, partition int, end int64, first map[digest]position) error {
	in := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{l.kafka.Addr()}, Topic: topic, Partition: partition,
		MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond}) // its reader waits at the end before it can be closed
	defer in.Close()
	for next := int64(0); next < end; {
		m, err := in.ReadMessage(l.ctx)
		if err != nil {
			return err
		}
		next = m.Offset + 1
		var line struct {
			Invoice string `json:"Invoice ID"`
			Line    string
		}
		if err := json.Unmarshal(m.Value, &line); err != nil {
			return fmt.Errorf("offset %d: %w", m.Offset, err)
		}
		id := digestOf(line.Invoice, line.Line)
		if _, ok := first[id]; !ok {
			first[id] = position{partition, m.Offset}
		}
	}
	return nil
}
