package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"tillstream/internal/sale"
)

const (
	// fetchBytes is how much of a partition is asked for at once.
	fetchBytes = 4 << 20
	// fetchWait is how long the broker holds a request when there is nothing new.
	fetchWait = 500 * time.Millisecond
	// fetchTimeout is when a broker that does not answer is given up.
	fetchTimeout = 30 * time.Second
)

// fetcher reads one partition as long as a claim lasts: first, where others have
// had it, what is settled but not known to us, then what is not settled.
type fetcher struct {
	consumer  *Consumer
	claim     *claim
	partition int

	next      int64 // the first offset that is not handed over yet; kafka.FirstOffset until that is resolved
	learnFrom int64 // settled offsets to learn the identities of: from here
	learnTo   int64 // up to here, exclusive
	resolved  bool  // learnFrom is set
	offset    int64 // to read now
	end       int64 // of the partition, as last heard
}

// run fetches, decodes and hands over until ctx ends. Troubles are waited out.
func (f *fetcher) run(ctx context.Context) {
	var pause backoff
	defer f.consumer.status.forget(f.name())
	for ctx.Err() == nil {
		err := f.fetch(ctx, &pause)
		if ctx.Err() != nil {
			return
		}
		f.consumer.status.set(f.name(), err)
		// Without idle connections kafka-go asks anew who leads the partition;
		// otherwise it does so every few seconds only.
		f.consumer.cfg.Cluster.Close()
		if !pause.wait(ctx) {
			return
		}
	}
}

// name is the partition's component in the status.
func (f *fetcher) name() string { return fmt.Sprintf("partition %d of %s", f.partition, f.claim.topic) }

// fetch reads until something goes wrong.
func (f *fetcher) fetch(ctx context.Context, pause *backoff) error {
	if err := f.resolve(ctx); err != nil {
		return err
	}
	decoder := sale.NewDecoder()
	for f.offset = f.learnFrom; f.offset < f.learnTo; f.learnFrom = f.offset {
		f.consumer.status.set(f.name(), expected{fmt.Errorf("learning from the log which lines its last owner wrote: offset %d of %d", f.offset, f.learnTo)})
		if err := f.step(ctx, decoder); err != nil {
			return err
		}
	}
	f.offset = f.next
	f.consumer.status.set(f.name(), nil)
	if !f.hand(ctx, f.batch()) { // tells the writer where the partition stands
		return ctx.Err()
	}
	for {
		if err := f.step(ctx, decoder); err != nil {
			return err
		}
		*pause = backoff{}
		f.consumer.status.set(f.name(), nil)
	}
}

// resolve finds the offsets that depend on the log: where it begins and ends, and
// where the dedupe window does.
func (f *fetcher) resolve(ctx context.Context) error {
	log, err := f.offsets(ctx, kafka.FirstOffsetOf(f.partition), kafka.LastOffsetOf(f.partition))
	if err != nil {
		return err
	}
	f.end = log.LastOffset
	if f.next > f.end { // nothing that is there was settled
		f.sayGone(log)
		f.next, f.learnTo = log.FirstOffset, 0
	}
	if f.next < 0 {
		f.next = log.FirstOffset
		f.claim.mu.Lock()
		f.claim.sole[f.partition] = f.next
		f.claim.mu.Unlock()
	}
	if f.resolved || f.learnTo == 0 {
		return nil
	}
	f.learnFrom = log.FirstOffset
	if window := f.consumer.cfg.DedupeWindow; window > 0 {
		young, err := f.offsets(ctx, kafka.TimeOffsetOf(f.partition, time.Now().Add(-window)))
		if err != nil {
			return err
		}
		f.learnFrom = f.learnTo // if nothing is so young
		for offset := range young.Offsets {
			if offset >= 0 {
				f.learnFrom = offset
			}
		}
	}
	f.resolved = true
	return nil
}

// offsets asks the partition's leader.
func (f *fetcher) offsets(ctx context.Context, what ...kafka.OffsetRequest) (kafka.PartitionOffsets, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	answer, err := f.consumer.cfg.Cluster.Client().ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{f.claim.topic: what},
	})
	if err != nil {
		return kafka.PartitionOffsets{}, err
	}
	for _, p := range answer.Topics[f.claim.topic] {
		if p.Partition == f.partition {
			return p, p.Error
		}
	}
	return kafka.PartitionOffsets{}, kafka.UnknownTopicOrPartition
}

// step makes one request and hands its messages over.
//
// Not with kafka-go's Conn: its ReadBatch leaves the messages of a response
// unread whose high watermark, which Kafka looks up before it reads the log, is
// the offset that was asked for, and the connection is of no use then.
func (f *fetcher) step(ctx context.Context, decoder *sale.Decoder) error {
	fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	response, err := f.consumer.cfg.Cluster.Client().Fetch(fetching, &kafka.FetchRequest{
		Topic: f.claim.topic, Partition: f.partition, Offset: f.offset,
		MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait,
	})
	if err == nil {
		err = response.Error
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return f.skipLost(ctx)
	}
	if err != nil {
		return err
	}
	f.end = response.HighWatermark
	return f.take(ctx, response.Records, decoder)
}

// skipLost moves to the oldest message there is when the one to read next is not
// there any more: retention was quicker than us, or the topic was made anew.
func (f *fetcher) skipLost(ctx context.Context) error {
	log, err := f.offsets(ctx, kafka.FirstOffsetOf(f.partition), kafka.LastOffsetOf(f.partition))
	if err != nil {
		return err
	}
	if f.offset < f.learnTo && log.FirstOffset > f.offset {
		f.offset = log.FirstOffset // what is gone cannot come again either
		return nil
	}
	f.sayGone(log)
	f.offset, f.next, f.learnTo = log.FirstOffset, log.FirstOffset, 0
	return nil
}

func (f *fetcher) sayGone(log kafka.PartitionOffsets) {
	f.consumer.cfg.Log.Error("messages to be read next are gone from Kafka, going on with the oldest there is",
		"topic", f.claim.topic, "partition", f.partition, "expected_offset", f.next,
		"oldest_offset", log.FirstOffset, "end_offset", log.LastOffset)
}

// take takes one fetch response apart and hands its messages over.
func (f *fetcher) take(ctx context.Context, records kafka.RecordReader, decoder *sale.Decoder) error {
	next := f.batch()
	for {
		record, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the message at offset %d: %w", f.offset, err)
		}
		if record.Offset < f.offset { // a batch can begin before the offset asked for
			if err := release(record); err != nil {
				return err
			}
			continue
		}
		if next.known && record.Offset >= f.next { // learned enough; from here on they are to be settled
			f.offset = f.next
			if err := f.handAll(ctx, &next); err != nil {
				return err
			}
		}
		err = next.add(record, decoder, f.consumer.reader)
		if err := errors.Join(err, release(record)); err != nil {
			return fmt.Errorf("reading the message at offset %d: %w", record.Offset, err)
		}
		f.offset = record.Offset + 1
		if len(next.messages) == batchLines {
			if err := f.handAll(ctx, &next); err != nil {
				return err
			}
		}
	}
	f.offset = max(f.offset, afterControl(records))
	// An empty one too, which tells the writer where the partition stands.
	return f.handAll(ctx, &next)
}

// handAll hands the batch over and begins another.
func (f *fetcher) handAll(ctx context.Context, b **batch) error {
	if !f.hand(ctx, *b) {
		return ctx.Err()
	}
	*b = f.batch()
	return nil
}

// release gives a record's memory back to kafka-go.
func release(record *kafka.Record) error {
	var errs []error
	for _, b := range []kafka.Bytes{record.Key, record.Value} {
		if b != nil {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(errs...)
}

// afterControl returns the offset after the last transaction marker among the
// records, which are offsets without a message, or 0.
func afterControl(records kafka.RecordReader) (next int64) {
	stream, ok := records.(*protocol.RecordStream)
	if !ok {
		return 0
	}
	for _, part := range stream.Records {
		control, ok := part.(*protocol.ControlBatch)
		for ok {
			marker, err := control.ReadRecord()
			if err != nil {
				break
			}
			next = max(next, marker.Offset+1)
		}
	}
	return next
}

// batch returns an empty batch for messages of the partition.
func (f *fetcher) batch() *batch {
	b := f.consumer.writer.spare.get()
	b.claim, b.partition, b.end, b.known = f.claim, f.partition, f.end, f.offset < f.next
	return b
}

// hand gives a batch to the writer. It reports false when ctx ended first.
func (f *fetcher) hand(ctx context.Context, b *batch) bool {
	b.next = f.offset
	known := b.known // b is the writer's afterwards
	select {
	case f.consumer.writer.batches <- b:
		if !known {
			f.next = f.offset
		}
		return true
	case <-ctx.Done():
		return false
	}
}
