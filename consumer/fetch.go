package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/backoff"
	"tillstream/internal/fetch"
	"tillstream/internal/recordbatch"
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

	ahead  *ahead             // what was asked for before it is needed, nil for nothing
	reader recordbatch.Reader // its memory is used again
}

// run fetches, decodes and hands over until ctx ends. Troubles are waited out.
func (f *fetcher) run(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { f.watchLog(ctx) })
	var pause backoff.Backoff
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
		if !pause.Wait(ctx) {
			return
		}
	}
}

// name is the partition's component in the status.
func (f *fetcher) name() string { return fmt.Sprintf("partition %d of %s", f.partition, f.claim.topic) }

// fetch reads until something goes wrong.
func (f *fetcher) fetch(ctx context.Context, pause *backoff.Backoff) error {
	defer f.drop()
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
	if !f.hand(ctx, f.batch(nil)) { // tells the writer where the partition stands
		return ctx.Err()
	}
	for {
		if err := f.step(ctx, decoder); err != nil {
			return err
		}
		*pause = backoff.Backoff{}
		f.consumer.status.set(f.name(), nil)
	}
}

// resolve finds the offsets that depend on the log: where it begins and ends, and
// where the dedupe window does.
func (f *fetcher) resolve(ctx context.Context) error {
	log, err := f.ends(ctx)
	if err != nil {
		return err
	}
	f.consumer.lags.log(f.partition, log)
	if f.next > log.LastOffset { // nothing that is there was settled
		f.startOver(log)
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

// ends asks the partition's leader where the log begins and ends.
func (f *fetcher) ends(ctx context.Context) (kafka.PartitionOffsets, error) {
	return f.offsets(ctx, kafka.FirstOffsetOf(f.partition), kafka.LastOffsetOf(f.partition))
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

// step takes one answer of the partition's leader and hands its messages over.
func (f *fetcher) step(ctx context.Context, decoder *sale.Decoder) error {
	response, err := f.response(ctx)
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return f.skipLost(ctx)
	}
	if err != nil {
		return err
	}
	defer response.Release()
	f.consumer.lags.fetched(f.partition, response.HighWatermark)
	if next := recordbatch.End(response.Records); next > f.offset {
		f.ask(ctx, next) // while these are decoded
	}
	return f.take(ctx, response, decoder)
}

// skipLost moves to the oldest message there is when the one to read next is not
// there any more: retention was quicker than us, or the topic was made anew.
func (f *fetcher) skipLost(ctx context.Context) error {
	log, err := f.ends(ctx)
	if err != nil {
		return err
	}
	f.consumer.lags.log(f.partition, log)
	if f.offset < f.learnTo && log.FirstOffset > f.offset {
		f.offset = log.FirstOffset // what is gone cannot come again either
		return nil
	}
	f.startOver(log)
	f.offset, f.next, f.learnTo = log.FirstOffset, log.FirstOffset, 0
	return nil
}

// startOver says that what was to be read next is gone. What is in the log now waits,
// all of it.
func (f *fetcher) startOver(log kafka.PartitionOffsets) {
	f.consumer.lags.settle(f.partition, log.FirstOffset)
	f.consumer.cfg.Log.Error("messages to be read next are gone from Kafka, going on with the oldest there is",
		"topic", f.claim.topic, "partition", f.partition, "expected_offset", f.next,
		"oldest_offset", log.FirstOffset, "end_offset", log.LastOffset)
}

// take takes one fetch response apart and hands its messages over.
func (f *fetcher) take(ctx context.Context, response *fetch.Response, decoder *sale.Decoder) error {
	f.consumer.turns.take()
	defer f.consumer.turns.give()
	began, next := f.offset, f.batch(response)
	f.reader.Reset(response.Records)
	for {
		var record recordbatch.Record
		err := f.reader.Read(&record)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			err = fmt.Errorf("reading the message at offset %d: %w", f.offset, err)
			if !f.handDecoded(ctx, next) { // what comes before is good
				return ctx.Err()
			}
			return err
		}
		if record.Offset < f.offset { // a batch can begin before the offset asked for
			continue
		}
		if next.known && record.Offset >= f.next { // learned enough; from here on they are to be settled
			f.offset = f.next
			if err := f.handAll(ctx, &next, response); err != nil {
				return err
			}
		}
		next.add(&record, decoder, f.consumer.reader)
		f.offset = record.Offset + 1
		if len(next.messages) == batchLines {
			if err := f.handAll(ctx, &next, response); err != nil {
				return err
			}
		}
	}
	// What is no longer in the log, or is no message, is passed over as well.
	f.offset = max(f.offset, f.reader.Next())
	if f.offset == began && len(response.Records) > 0 {
		return fmt.Errorf("asked for offset %d, the broker sent %d bytes that end before it", began, len(response.Records))
	}
	// An empty one too, which tells the writer where the partition stands.
	if !f.handDecoded(ctx, next) {
		return ctx.Err()
	}
	return nil
}

// handAll hands the batch over and begins another.
func (f *fetcher) handAll(ctx context.Context, b **batch, response *fetch.Response) error {
	if !f.handDecoded(ctx, *b) {
		return ctx.Err()
	}
	*b = f.batch(response)
	return nil
}

// handDecoded is hand for who has a turn, which others may have meanwhile.
func (f *fetcher) handDecoded(ctx context.Context, b *batch) bool {
	f.consumer.turns.give()
	defer f.consumer.turns.take()
	return f.hand(ctx, b)
}

// batch returns an empty batch for messages of the partition that are in the
// response.
func (f *fetcher) batch(response *fetch.Response) *batch {
	b := f.consumer.writer.spare.get()
	b.claim, b.partition, b.known = f.claim, f.partition, f.offset < f.next
	b.received = time.Now()
	if b.response = response; response != nil {
		response.Retain()
	}
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
