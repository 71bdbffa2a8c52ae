package producer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/sale"
)

// Producer publishes a source's lines. Run does the work, once; the other methods
// may be called at any time and from any goroutine.
type Producer struct {
	cfg   Config
	pace  *pacer
	retry *retrier
	now   func() time.Time // the clock that tags rounds

	state      atomic.Int32 // one of the states
	lines      atomic.Int64
	acked      atomic.Int64
	duplicates atomic.Int64
	corrupted  atomic.Int64
	rounds     atomic.Int64
	firstLine  atomic.Int64 // Unix nanoseconds; 0 while there was none
	lastAck    atomic.Int64 // Unix nanoseconds; 0 while there was none
}

// The states of a producer.
const (
	idle int32 = iota
	starting
	publishing
	ended
)

// New checks the configuration and registers the metrics. It does not talk to
// Kafka yet.
func New(cfg Config) (*Producer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	p := &Producer{
		cfg:   cfg,
		pace:  newPacer(cfg.Rate),
		retry: &retrier{cluster: cfg.Cluster, topic: cfg.Topic, giveUp: cfg.GiveUpAfter, log: cfg.Log},
		now:   time.Now,
	}
	return p, p.register(cfg.Registerer)
}

// Run publishes until the source is through, the limit is reached or the context
// ends. What was handed to Kafka is flushed first in each of these cases; when
// the context has ended, within Config.FlushTimeout. It is an error when that
// was not enough: the summary's lines then are more than what Kafka has. A
// producer runs once.
func (p *Producer) Run(ctx context.Context) (Summary, error) {
	if !p.state.CompareAndSwap(idle, starting) {
		return Summary{}, errors.New("the producer has run already; make a new one")
	}
	began := time.Now()
	err := p.run(ctx)
	p.state.Store(ended)
	return p.summary(time.Since(began)), err
}

// errFlush is why senders stop when the context ended and the time to flush is
// over.
var errFlush = errors.New("the time to flush is over")

func (p *Producer) run(ctx context.Context) error {
	// A source that cannot be read is told at once, also while Kafka is away.
	source, err := p.cfg.Open()
	if err != nil {
		return err
	}
	partitions, err := p.connect(ctx)
	if err != nil {
		if closeErr := source.Close(); closeErr != nil {
			err = errors.Join(err, closeErr)
		}
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			return nil // ended before it began
		}
		return err
	}
	p.state.Store(publishing)
	pub := newPublisher(p.cfg.Cluster, p.cfg.Topic, partitions, p.cfg.Compression, p.retry, &p.acked, &p.lastAck)
	pub.tracer = p.cfg.Tracer

	// The senders outlive the caller's context by the time to flush. Their failure
	// ends the feed.
	sending, stopSending := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopSending(nil)
	feeding, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	sent := make(chan error, 1)
	go func() {
		err := pub.run(sending)
		stopFeeding()
		sent <- err
	}()
	feedErr := p.feed(feeding, pub, source)
	pub.close()
	sendErr := p.flush(ctx, sent, stopSending)

	switch {
	case errors.Is(sendErr, errFlush):
		again := "run the same again, the consumer drops what it has already"
		if p.cfg.Renumber {
			again = "the next run sells under new numbers, and not these again"
		}
		return fmt.Errorf("stopping: %d messages that were handed over are not acknowledged by Kafka at %s after %s more (%s); %s",
			pub.handed.Load()-p.acked.Load(), p.cfg.Cluster, p.cfg.FlushTimeout, reason(p.retry.last()), again)
	case sendErr != nil:
		return sendErr
	case feedErr != nil && feeding.Err() != nil && errors.Is(feedErr, feeding.Err()):
		return nil // the caller ended it
	}
	return feedErr
}

// flush waits for the senders, once the context has ended only for so long.
func (p *Producer) flush(ctx context.Context, sent <-chan error, stop context.CancelCauseFunc) error {
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(p.cfg.FlushTimeout)
	defer timer.Stop()
	select {
	case err := <-sent:
		return err
	case <-timer.C:
		stop(errFlush)
		return <-sent
	}
}

// connectTimeout bounds one attempt to find or create the topic.
const connectTimeout = 15 * time.Second

// connect makes sure that there is a topic and returns how many partitions it has.
func (p *Producer) connect(ctx context.Context) (partitions int, err error) {
	client := p.cfg.Cluster.Client()
	err = p.retry.do(ctx, connecting, connectTimeout, func(ctx context.Context) error {
		if _, err := p.cfg.Cluster.EnsureTopic(ctx, p.cfg.Topic, p.cfg.Partitions); err != nil {
			return err
		}
		answer, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{p.cfg.Topic}})
		if err != nil {
			return err
		}
		for _, t := range answer.Topics {
			if t.Name == p.cfg.Topic && t.Error == nil {
				partitions = len(t.Partitions)
			}
		}
		if partitions == 0 {
			return kafka.UnknownTopicOrPartition // created, but not known everywhere yet
		}
		return nil
	})
	return partitions, err
}

// line is what feed hands over for one line of the source: the line, and what the
// ratios add to it. Its context's error means that the line was not taken.
func (p *Producer) line(ctx context.Context, pub *publisher, row *sale.Row, extra *extras, clocks *clocks) error {
	now := time.Now()
	if p.cfg.Stamp == StampNow {
		row[sale.Date] = clocks.stamp(row, now)
	}
	if err := pub.line(ctx, row, now); err != nil {
		return p.refused(ctx, row, err)
	}
	if p.lines.Add(1) == 1 {
		p.firstLine.Store(now.UnixNano())
	}
	if extra == nil {
		return nil
	}
	return extra.after(ctx, row)
}

// refused says which line could not be made a message.
func (p *Producer) refused(ctx context.Context, row *sale.Row, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("making a message of invoice %q, line %q, after %d lines: %w",
		row[sale.InvoiceID], row[sale.LineNumber], p.lines.Load(), err)
}

// Rate returns the target in lines a second; 0 is as fast as possible.
func (p *Producer) Rate() float64 {
	rate, _ := p.pace.get()
	return rate
}

// SetRate changes the target, at once. It refuses what is not a number from 0.
func (p *Producer) SetRate(perSecond float64) error { return p.pace.setRate(perSecond) }

// Pause stops handing over lines, or goes on. What was handed over is still sent.
func (p *Producer) Pause(paused bool) { p.pace.pause(paused) }

// Ready returns nil when lines can be published, else why not: which brokers, since
// when, what they answered.
func (p *Producer) Ready() error {
	if err := p.retry.err(); err != nil {
		return err
	}
	switch p.state.Load() {
	case idle:
		return errors.New("the producer has not started")
	case starting:
		return fmt.Errorf("connecting to Kafka at %s", p.cfg.Cluster)
	}
	return nil
}
