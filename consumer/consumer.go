// Package consumer turns the topic into the durable CSV: it fetches the
// partitions it is assigned, decodes and deduplicates their messages, appends
// what is new to the CSV, adds it to the totals, and only then commits.
//
// The order of durability is visible in one function, writer.settle. Everything
// that must survive is in the CSV and in Kafka; New rebuilds the rest from them.
package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tillstream/internal/backoff"
	"tillstream/internal/broker"
	"tillstream/internal/dedupe"
	"tillstream/internal/fx"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
	"tillstream/internal/store"
	"tillstream/internal/totals"
	"tillstream/internal/tracing"
)

// Config says what to consume and where to.
type Config struct {
	Cluster         *broker.Cluster
	Topic           string
	Partitions      int    // of the topics, where they have to be created
	Group           string // consumer group
	DeadLetterTopic string
	Out             string // directory of the CSV; one process only
	Stores          *store.Directory
	Rates           *fx.Table
	DedupeWindow    time.Duration         // how long a line is remembered at least; 0 = for ever
	RotateBytes     int64                 // 0 = never rotate
	SessionTimeout  time.Duration         // without a sign of life for so long, the group gives our partitions away; 0 is DefaultSessionTimeout
	Drain           bool                  // stop at the end of the topic as it stands at the start
	GiveUpAfter     time.Duration         // how long to try a cluster that is away at the start; 0 = for ever
	Tracer          *tracing.Tracer       // nil for no traces
	Registerer      prometheus.Registerer // may be nil
	Log             *slog.Logger          // nil is slog.Default
	FS              journal.FS            // nil is the real one
}

// Consumer is the engine. New makes one, Run runs it, once.
type Consumer struct {
	cfg     Config
	reader  *sale.Reader
	writer  *writer
	status  *status
	metrics *metrics
	lags    *lags
	totals  *totals.Totals
	latest  *latest
	began   time.Time
	asked   chan struct{} // Finish was called
	turns   turns
	known   map[int]int64 // by partition, up to where the identities of the log are in memory
}

// New opens the output directory and rebuilds identities and totals from the CSV
// that is there. Afterwards the totals, the metrics and Latest are true; Close
// must be called unless Run is.
func New(cfg Config) (*Consumer, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.SessionTimeout == 0 {
		cfg.SessionTimeout = DefaultSessionTimeout
	}
	if cfg.Registerer == nil {
		cfg.Registerer = prometheus.NewRegistry()
	}
	csv, err := journal.Open(cfg.Out, journal.Options{FS: cfg.FS, RotateBytes: cfg.RotateBytes, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	c := &Consumer{
		cfg:    cfg,
		reader: &sale.Reader{Stores: cfg.Stores, Rates: cfg.Rates},
		status: newStatus(cfg.Log),
		lags:   newLags(),
		totals: totals.New(cfg.Stores),
		latest: newLatest(),
		began:  time.Now(),
		asked:  make(chan struct{}, 1),
		turns:  newTurns(),
		known:  make(map[int]int64),
	}
	c.status.set(groupStatus, expected{errors.New("has not joined the consumer group yet")})
	seen := dedupe.New(cfg.DedupeWindow, time.Time{})
	recovery := &recovery{reader: c.reader, seen: seen, totals: c.totals, latest: c.latest}
	found, err := recovery.run(csv)
	var token string
	if err == nil {
		token, err = tokenOf(cfg.Out)
	}
	if err != nil {
		return nil, errors.Join(err, csv.Close())
	}
	if found.lines > 0 {
		cfg.Log.Info("took up the CSV that was there", "path", csv.Path(), "lines", found.lines,
			"net_usd", c.totals.Snapshot().All.Net().String(), "seconds", time.Since(c.began).Seconds())
	}
	if found.repeated > 0 {
		cfg.Log.Warn("lines are in the CSV more than once, as when a till sends them again after the dedupe window",
			"lines", found.repeated, "dedupe_window", cfg.DedupeWindow.String())
	}
	c.metrics = newMetrics(cfg.Registerer, c.totals)
	cfg.Registerer.MustRegister(c.status, c.lags)
	c.writer = &writer{
		csv:     csv,
		token:   token,
		first:   found.first,
		seen:    seen,
		totals:  c.totals,
		latest:  c.latest,
		status:  c.status,
		metrics: c.metrics,
		lags:    c.lags,
		letters: newDeadLetters(cfg.Cluster, cfg.DeadLetterTopic, cfg.Topic),
		traces:  traces{tracer: cfg.Tracer, topic: cfg.Topic, group: cfg.Group, letters: cfg.DeadLetterTopic},
		batches: make(chan *batch, queuedBatches),
	}
	c.metrics.recovered(csv.Bytes(), seen.Len())
	return c, nil
}

// Close lets go of a consumer that was not run.
func (c *Consumer) Close() error { return c.writer.csv.Close() }

// Run consumes until ctx ends, or until the end of the topic where Drain or
// Finish say so. When it returns, everything it took out of Kafka for good is on
// disk and committed. The summary is filled also with an error.
func (c *Consumer) Run(ctx context.Context) (Summary, error) {
	err := c.run(ctx)
	if closeErr := errors.Join(c.writer.letters.close(), c.writer.csv.Close()); err == nil {
		err = closeErr
	}
	return c.Summary(), err
}

func (c *Consumer) run(ctx context.Context) error {
	if err := c.ensureTopics(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before there was anything to do
		}
		return err
	}
	if c.cfg.Drain {
		c.Finish()
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c.writer.reached = stop
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return c.writer.run(ctx) })
	tasks.Go(func() error { return c.runGroup(ctx) })
	tasks.Go(func() error { return c.watchEnd(ctx) })
	return tasks.Wait()
}

// ensureTopics waits for the cluster and creates what is missing there.
func (c *Consumer) ensureTopics(ctx context.Context) error {
	began := time.Now()
	var pause backoff.Backoff
	for {
		err := c.createTopics(ctx)
		if err == nil {
			c.status.set(groupStatus, expected{errors.New("joining the consumer group")})
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = fmt.Errorf("%w; %s", err, broker.Advice(err))
		if broker.IsRefusal(err) {
			return err // waiting mends neither a password nor a certificate
		}
		if c.cfg.GiveUpAfter > 0 && time.Since(began) > c.cfg.GiveUpAfter {
			return fmt.Errorf("gave up after %v: %w", c.cfg.GiveUpAfter, err)
		}
		c.status.set(groupStatus, err)
		if !pause.Wait(ctx) {
			return ctx.Err()
		}
	}
}

func (c *Consumer) createTopics(ctx context.Context) error {
	for _, topic := range []string{c.cfg.Topic, c.cfg.DeadLetterTopic} {
		created, err := c.cfg.Cluster.EnsureTopic(ctx, topic, c.cfg.Partitions)
		if err != nil {
			return err
		}
		if created {
			c.cfg.Log.Info("created a topic", "topic", topic, "partitions", c.cfg.Partitions)
		}
	}
	return nil
}

// Ready returns nil while lines flow or could flow, else why not.
func (c *Consumer) Ready() error { return c.status.err() }

// Totals are the sums of all lines on disk.
func (c *Consumer) Totals() totals.Snapshot { return c.totals.Snapshot() }

// CSV is the file that rows are appended to.
func (c *Consumer) CSV() string { return c.writer.csv.Path() }
