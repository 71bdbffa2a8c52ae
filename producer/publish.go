package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"golang.org/x/sync/errgroup"

	"tillstream/internal/broker"
	"tillstream/internal/sale"
	"tillstream/internal/tracing"
)

const (
	// requestTimeout bounds one attempt to publish a batch.
	requestTimeout = 10 * time.Second
	// memoryBound is how much may wait for Kafka in all, as with the Java client
	// (buffer.memory). Each partition has one batch that fills and one under way.
	memoryBound = 32 << 20
	// After a batch of busyRecords the next one is given linger to become half
	// full: at full speed that saves the broker a third of its work. A quiet till
	// never waits.
	busyRecords = 64
	linger      = 5 * time.Millisecond
)

// publisher hands messages to Kafka. Each partition has a batch that fills and a
// goroutine that sends: it takes what is there, sends it until it is acknowledged,
// and takes what has come meanwhile. So a lone line leaves at once, encoding
// overlaps sending, and the order within a partition is the order of the calls.
type publisher struct {
	cluster     *broker.Cluster
	client      *kafka.Client
	topic       string
	compression kafka.Compression
	retry       *retrier
	tracer      *tracing.Tracer // nil for no traces
	partitions  []*partition
	numbers     []int // 0, 1, 2 ...: what kafka-go's balancer wants
	handed      atomic.Int64
	acked       *atomic.Int64
	lastAck     *atomic.Int64 // Unix nanoseconds
	closed      chan struct{}
}

type partition struct {
	id    int
	limit int           // bytes that close a batch
	work  chan struct{} // holds a token when there is something to send
	room  chan struct{} // holds a token when the filling batch was taken

	mu        sync.Mutex
	filling   *batch
	spare     *batch // empty, to be filled next
	gathering bool   // the sender wants no token before the batch is half full
}

func newPublisher(cluster *broker.Cluster, topic string, partitions int, compression kafka.Compression, retry *retrier, acked, lastAck *atomic.Int64) *publisher {
	p := &publisher{
		cluster: cluster, client: cluster.Client(), topic: topic, compression: compression, retry: retry, acked: acked, lastAck: lastAck,
		closed: make(chan struct{}),
	}
	limit := min(batchBytes, max(memoryBound/partitions/2, 16<<10))
	for id := range partitions {
		p.numbers = append(p.numbers, id)
		p.partitions = append(p.partitions, &partition{
			id: id, limit: limit,
			work: make(chan struct{}, 1), room: make(chan struct{}, 1),
			filling: new(batch), spare: new(batch),
		})
	}
	return p
}

// balancer chooses partitions as the Java client does, so that an invoice's lines
// stay in one whoever sends them.
var balancer = kafka.Murmur2Balancer{Consistent: true}

func (p *publisher) partitionOf(key string) *partition {
	return p.partitions[balancer.Balance(kafka.Message{Key: []byte(key)}, p.numbers...)]
}

// line hands a line over. It waits while Kafka is behind; the context's error
// means that the line was not taken.
func (p *publisher) line(ctx context.Context, row *sale.Row, at time.Time) error {
	return p.add(ctx, row[sale.InvoiceID], at, func(b *batch) error { return b.addRow(row, at) })
}

// raw hands over a message whose value is anything.
func (p *publisher) raw(ctx context.Context, key string, value []byte, at time.Time) error {
	return p.add(ctx, key, at, func(b *batch) error { b.addRaw(key, value, at); return nil })
}

func (p *publisher) add(ctx context.Context, key string, at time.Time, add func(*batch) error) error {
	part := p.partitionOf(key)
	for {
		part.mu.Lock()
		if part.filling.size() < part.limit {
			break
		}
		part.mu.Unlock()
		select {
		case <-part.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// The message is encoded into the batch that will be sent, under the lock: the
	// sender needs it only to exchange batches.
	err := add(part.filling)
	if err == nil && p.tracer.Sample(at) {
		part.filling.trace(p.tracer, p.topic, part.id, at)
	}
	enough := !part.gathering || part.isHalfFull()
	part.mu.Unlock()
	if err != nil {
		return err
	}
	p.handed.Add(1)
	if enough {
		wake(part.work)
	}
	return nil
}

// wake puts a token into a channel that does not have one yet.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// close says that no more is handed over: the senders end when all is sent.
func (p *publisher) close() { close(p.closed) }

// run sends until close was called and all is acknowledged, or until the context
// ends or a message cannot be published.
func (p *publisher) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range p.partitions {
		group.Go(func() error { return p.send(ctx, part) })
	}
	err := group.Wait()
	if err != nil {
		for _, part := range p.partitions {
			part.abandon(err)
		}
	}
	return err
}

func (p *publisher) send(ctx context.Context, part *partition) error {
	busy := false
	for {
		if busy {
			p.gather(ctx, part)
		}
		if b := part.take(); b != nil {
			busy = len(b.records) >= busyRecords
			clean, err := p.publish(ctx, part, b, 0, len(b.records))
			if err != nil {
				b.abandoned(err)
				return err
			}
			if clean {
				part.recycle(b)
			}
			continue
		}
		busy = false
		select {
		case <-part.work:
		case <-p.closed:
			if part.isEmpty() {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// gather waits until the filling batch is worth a request, but not for long.
func (p *publisher) gather(ctx context.Context, part *partition) {
	part.mu.Lock()
	select {
	case <-part.work: // it tells of what is in the batch already
	default:
	}
	part.gathering = !part.isHalfFull()
	wait := part.gathering
	part.mu.Unlock()
	if !wait {
		return
	}
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-part.work:
	case <-timer.C:
	case <-p.closed:
	case <-ctx.Done():
	}
	part.mu.Lock()
	part.gathering = false
	part.mu.Unlock()
}

// isHalfFull is called under the lock.
func (part *partition) isHalfFull() bool { return part.filling.size() >= part.limit/2 }

func (part *partition) take() *batch {
	part.mu.Lock()
	defer part.mu.Unlock()
	if len(part.filling.records) == 0 {
		return nil
	}
	taken := part.filling
	part.filling = part.spare
	if part.filling == nil {
		part.filling = new(batch)
	}
	part.spare = nil
	wake(part.room)
	return taken
}

func (part *partition) recycle(b *batch) {
	b.reset()
	part.mu.Lock()
	part.spare = b
	part.mu.Unlock()
}

// abandon says in the spans of what was never sent why.
func (part *partition) abandon(err error) {
	part.mu.Lock()
	defer part.mu.Unlock()
	part.filling.abandoned(err)
}

func (part *partition) isEmpty() bool {
	part.mu.Lock()
	defer part.mu.Unlock()
	return len(part.filling.records) == 0
}

// publish sends records of a batch until they are acknowledged. It is clean when
// the first attempt did it; else a request that was given up may still read the
// batch, which then must not be used again.
func (p *publisher) publish(ctx context.Context, part *partition, b *batch, from, to int) (clean bool, err error) {
	attempts := 0
	var offset int64
	err = p.retry.do(ctx, part.id, requestTimeout, func(ctx context.Context) error {
		attempts++
		answer, err := p.client.Produce(ctx, &kafka.ProduceRequest{
			Topic: p.topic, Partition: part.id, RequiredAcks: kafka.RequireAll,
			Compression: p.compression, Records: b.reader(from, to),
		})
		if err == nil {
			offset, err = answer.BaseOffset, answer.Error
		}
		if errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, protocol.ErrNoTopic) {
			// A broker that came back empty, or a topic that was deleted.
			if _, failed := p.cluster.EnsureTopic(ctx, p.topic, len(p.partitions)); failed != nil {
				return failed
			}
		}
		return err
	})
	switch {
	case err == nil:
		b.acknowledged(from, to, offset, attempts)
		p.acked.Add(int64(to - from))
		p.lastAck.Store(time.Now().UnixNano())
		return attempts == 1, nil
	case !errors.Is(err, kafka.MessageSizeTooLarge) && !errors.Is(err, kafka.RecordListTooLarge):
		return false, err
	case to-from == 1:
		return false, &TooLargeError{InvoiceID: b.key(from), Bytes: b.records[from].value - b.start(from), Topic: p.topic, Err: err}
	}
	// The broker takes less at once than we thought (max.message.bytes of the
	// topic). Later batches are smaller; this one goes in halves, in order.
	part.mu.Lock()
	part.limit = max(part.limit/2, 1)
	part.mu.Unlock()
	middle := (from + to) / 2
	if _, err := p.publish(ctx, part, b, from, middle); err != nil {
		return false, err
	}
	_, err = p.publish(ctx, part, b, middle, to)
	return false, err
}

// TooLargeError is a message that the broker will never take.
type TooLargeError struct {
	InvoiceID string
	Bytes     int
	Topic     string
	Err       error
}

// Error returns one line for the user.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("publishing invoice %s to topic %s: its message of %d bytes is larger than the broker takes; look for a field that is far too long, or raise the topic's max.message.bytes", e.InvoiceID, e.Topic, e.Bytes)
}

// Unwrap returns the broker's answer.
func (e *TooLargeError) Unwrap() error { return e.Err }
