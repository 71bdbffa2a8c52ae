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
	defer f.consumer.status.set(f.name(), nil) // the partition is no longer ours to worry about
	for ctx.Err() == nil {
		err := f.fetch(ctx, &pause)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errMoved) {
			continue
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
	for f.offset = f.learnFrom; f.offset < f.learnTo; {
		f.consumer.status.set(f.name(), expected{fmt.Errorf("learning from the log which lines its last owner wrote: offset %d of %d", f.offset, f.learnTo)})
		if err := f.step(ctx, conn, decoder); err != nil {
			return err
		}
		f.learnFrom = f.offset
	}
	f.offset = f.next
	if !f.hand(ctx, f.batch()) { // tells the writer where the partition stands
		return ctx.Err()
	}
	for {
		if err := f.step(ctx, conn, decoder); err != nil {
			return err
		}
		*pause = backoff{}
		f.consumer.status.set(f.name(), nil)
	}
}

// step makes one request, and mends the offset where the log has moved on.
func (f *fetcher) step(ctx context.Context, conn *kafka.Conn, decoder *sale.Decoder) error {
	if err := conn.SetReadDeadline(time.Now().Add(fetchTimeout)); err != nil {
		return err
	}
	if _, err := conn.Seek(f.offset, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return err
	}
	err := f.read(ctx, conn, decoder)
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return f.skipLost(ctx)
	}
	return err
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

// resolve finds the offsets that depend on the log: where it begins, and where
// the dedupe window does.
func (f *fetcher) resolve(conn *kafka.Conn) error {
	if err := conn.SetReadDeadline(time.Now().Add(fetchTimeout)); err != nil {
		return err
	}
	first, end, err := conn.ReadOffsets()
	if err != nil {
		return err
	}
	f.end = end
	if f.next > end { // nothing that is there was settled
		f.sayGone(first, end)
		f.next, f.learnTo = first, 0
	}
	if f.next < 0 {
		f.next = first
		f.claim.mu.Lock()
		f.claim.sole[f.partition] = first
		f.claim.mu.Unlock()
	}
	if f.resolved || f.learnTo == 0 {
		return nil
	}
	if window := f.consumer.cfg.DedupeWindow; window > 0 {
		f.learnFrom, err = conn.ReadOffset(time.Now().Add(-window))
	} else {
		f.learnFrom = first
	}
	if err != nil {
		return err
	}
	if f.learnFrom < 0 { // nothing is so young
		f.learnFrom = f.learnTo
	}
	f.resolved = true
	return nil
}

// errMoved asks for a new connection: after an error in a fetch response kafka-go
// leaves the rest of it in the old one's buffer.
var errMoved = errors.New("reading goes on at another offset")

// skipLost moves to the oldest message there is when the one to read next is not
// there any more: retention was quicker than us, or the topic was made anew.
func (f *fetcher) skipLost(ctx context.Context) error {
	conn, err := f.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(fetchTimeout)); err != nil {
		return err
	}
	first, end, err := conn.ReadOffsets()
	if err != nil {
		return err
	}
	if f.offset < f.learnTo && first > f.offset {
		f.learnFrom = first // what is gone cannot come again either
		return errMoved
	}
	f.sayGone(first, end)
	f.next, f.learnTo = first, 0
	return errMoved
}

func (f *fetcher) sayGone(first, end int64) {
	f.consumer.cfg.Log.Error("messages to be read next are gone from Kafka, going on with the oldest there is",
		"topic", f.claim.topic, "partition", f.partition, "expected_offset", f.next, "oldest_offset", first, "end_offset", end)
}

// read takes one fetch response apart and hands its messages over.
func (f *fetcher) read(ctx context.Context, conn *kafka.Conn, decoder *sale.Decoder) error {
	response := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait})
	if response.Err() == nil {
		f.end = response.HighWaterMark()
	}
	next := f.batch()
	for {
		m, err := response.ReadMessage()
		if err != nil {
			break // Close tells an error from the end of the response
		}
		if next.known && m.Offset >= f.next {
			f.offset = f.next // learned enough; the rest is read once more, to be settled
			break
		}
		f.offset = m.Offset + 1
		next.add(&m, decoder, f.consumer.reader)
		if len(next.messages) == batchLines {
			if !f.hand(ctx, next) {
				return errors.Join(ctx.Err(), response.Close())
			}
			next = f.batch()
		}
	}
	err := response.Close()
	if errors.Is(err, kafka.RequestTimedOut) {
		err = nil // taking it apart took longer than its deadline, but it is whole
	}
	if err == nil && f.offset < response.Offset() {
		f.offset = response.Offset() // past what compaction removed
	}
	// An empty one too, which tells the writer where the partition stands. After
	// an error it does not.
	if (err == nil || len(next.messages) > 0) && !f.hand(ctx, next) {
		return ctx.Err()
	}
	return err
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
