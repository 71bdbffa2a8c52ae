package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

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

// fetcher reads one partition as long as a claim lasts.
type fetcher struct {
	consumer  *Consumer
	claim     *claim
	partition int
	offset    int64 // next to read; kafka.FirstOffset until it is resolved
}

// run fetches, decodes and hands over until ctx ends. Troubles are waited out.
func (f *fetcher) run(ctx context.Context) {
	var pause backoff
	defer f.consumer.status.set(f.name(), nil) // the partition is no longer ours to worry about
	for ctx.Err() == nil {
		err := f.fetch(ctx, &pause)
		if ctx.Err() != nil {
			return
		}
		f.consumer.status.set(f.name(), err)
		if !pause.wait(ctx) {
			return
		}
	}
}

// name is the partition's component in the status.
func (f *fetcher) name() string { return fmt.Sprintf("partition %d of %s", f.partition, f.claim.topic) }

// fetch reads over one connection to the partition's leader, until something
// goes wrong.
func (f *fetcher) fetch(ctx context.Context, pause *backoff) error {
	conn, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // ends a read that waits
	if err := f.resolve(conn); err != nil {
		return err
	}
	decoder := sale.NewDecoder()
	for {
		if err := conn.SetReadDeadline(time.Now().Add(fetchTimeout)); err != nil {
			return err
		}
		if _, err := conn.Seek(f.offset, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
			return err
		}
		err := f.read(ctx, conn, decoder)
		if errors.Is(err, kafka.OffsetOutOfRange) {
			if err := f.skipLost(conn); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		*pause = backoff{}
		f.consumer.status.set(f.name(), nil)
	}
}

// dial connects to the partition's leader by way of any broker that answers.
func (f *fetcher) dial(ctx context.Context) (*kafka.Conn, error) {
	var errs []error
	for _, address := range f.consumer.cfg.Cluster.Addresses {
		conn, err := f.consumer.cfg.Cluster.Dialer.DialLeader(ctx, "tcp", address, f.claim.topic, f.partition)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// resolve finds the offset to begin with where the group has none yet.
func (f *fetcher) resolve(conn *kafka.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(fetchTimeout)); err != nil {
		return err
	}
	if f.offset >= 0 {
		return nil
	}
	first, err := conn.ReadFirstOffset()
	if err != nil {
		return err
	}
	f.offset = first
	return nil
}

// skipLost moves to the oldest message there is when the one to read next is not
// there any more: retention was quicker than us, or the topic was made anew.
func (f *fetcher) skipLost(conn *kafka.Conn) error {
	first, end, err := conn.ReadOffsets()
	if err != nil {
		return err
	}
	f.consumer.cfg.Log.Error("messages to be read next are gone from Kafka, going on with the oldest there is",
		"topic", f.claim.topic, "partition", f.partition, "expected_offset", f.offset, "oldest_offset", first, "end_offset", end)
	f.offset = first
	return nil
}

// read takes one fetch response apart and hands its messages over.
func (f *fetcher) read(ctx context.Context, conn *kafka.Conn, decoder *sale.Decoder) error {
	response := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait})
	next := f.batch(response)
	for {
		m, err := response.ReadMessage()
		if err != nil {
			break // Close tells an error from the end of the response
		}
		f.offset = m.Offset + 1
		next.add(&m, decoder, f.consumer.reader)
		if len(next.messages) == batchLines {
			if !f.hand(ctx, next) {
				return errors.Join(ctx.Err(), response.Close())
			}
			next = f.batch(response)
		}
	}
	err := response.Close()
	if errors.Is(err, kafka.RequestTimedOut) {
		err = nil // taking it apart took longer than its deadline, but it is whole
	}
	if err == nil {
		f.offset = max(f.offset, response.Offset()) // past what compaction removed
	}
	// An empty one too, which tells the writer where the partition stands. After
	// an error it does not.
	if (err == nil || len(next.messages) > 0) && !f.hand(ctx, next) {
		return ctx.Err()
	}
	return err
}

// batch returns an empty batch for the response's messages.
func (f *fetcher) batch(response *kafka.Batch) *batch {
	b := f.consumer.writer.spare.get()
	b.claim, b.partition, b.end = f.claim, f.partition, response.HighWaterMark()
	return b
}

// hand gives a batch to the writer. It reports false when ctx ended first.
func (f *fetcher) hand(ctx context.Context, b *batch) bool {
	b.next = f.offset
	select {
	case f.consumer.writer.batches <- b:
		return true
	case <-ctx.Done():
		return false
	}
}
