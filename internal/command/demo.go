package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"tillstream/consumer"
	"tillstream/etl"
	"tillstream/internal/broker"
	"tillstream/internal/embedded"
	"tillstream/internal/generator"
	"tillstream/internal/sale"
	"tillstream/internal/terminal"
	"tillstream/internal/tracing"
	"tillstream/producer"
)

// metricsName is the file in which the demo leaves its metrics, since nobody can
// ask for them afterwards.
const metricsName = "metrics.prom"

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "run all of it in one process, with nothing installed",
		Flags: concat(replayFlags(), []cli.Flag{demoLinesFlag, durationFlag, dirFlag, storesFlag, fxFlag, listenFlag("localhost:2112"), traceLimitFlag(tracesBegun)}, logFlags()),
		Action: func(c *cli.Context) error {
			d, err := newDemo(c)
			if err != nil {
				return err
			}
			defer d.traces.Close()
			err = errors.Join(d.run(c.Context), d.close())
			if interactive() {
				return errors.Join(err, d.sayWhere(c.App.Writer))
			}
			return errors.Join(err, printSummary(c.App.Writer, d.summary()))
		},
	}
}

// demo is a broker, a producer, a consumer and a warehouse in one process.
type demo struct {
	dir      string
	source   string // for people
	total    int64  // lines expected, 0 for unknown
	duration time.Duration
	log      *slog.Logger
	registry *prometheus.Registry
	traces   *tracing.Tracing
	broker   *embedded.Broker
	clusters []*broker.Cluster
	server   *server
	consumer *consumer.Consumer
	producer *producer.Producer
	reader   *sale.Reader
	produced producer.Summary

	warehouse *demoWarehouse
	began     time.Time
}

// demoSummary is the consumer's summary, and what was sent to it.
type demoSummary struct {
	consumer.Summary
	Produced producer.Summary `json:"produced"`
	History  etl.History      `json:"history"` // what the warehouse holds
	Dir      string           `json:"dir"`
}

// newDemo starts the broker and makes the engines. On an error nothing is left
// running.
func newDemo(c *cli.Context) (d *demo, err error) {
	d = &demo{duration: c.Duration(durationFlag.Name), began: time.Now()}
	logs := c.App.ErrWriter
	if interactive() {
		logs = io.Discard // the live view shows what they would say
	}
	if d.log, err = logger(c, logs); err != nil {
		return nil, err
	}
	d.registry = newRegistry()
	produce, err := producerConfig(c, d.log, d.registry)
	if err != nil {
		return nil, err
	}
	consume, err := demoConsumerConfig(c, d.registry)
	if err != nil {
		return nil, err
	}
	consume.Log = d.log
	limit, err := traceLimit(c)
	if err != nil {
		return nil, err
	}
	// Two services, as if they were two processes.
	d.traces = startTraces(d.log)
	produce.Tracer = d.traces.Service(c.Context, producerService, limit)
	consume.Tracer = d.traces.Service(c.Context, consumerService, limit*tracesTaken/tracesBegun)
	d.reader = &sale.Reader{Stores: consume.Stores, Rates: consume.Rates}
	if d.source = c.String(sourceFlag.Name); d.source == "" {
		d.source, d.total = "generated sales", c.Int64(demoLinesFlag.Name)
		seed := c.Uint64(seedFlag.Name)
		produce.Open = func() (producer.Source, error) { return newGenerated(d.total, seed) }
	}
	if limit := produce.Limit; limit > 0 && (d.total == 0 || limit < d.total) {
		d.total = limit
	}
	if produce.Loop && produce.Limit == 0 {
		d.total = 0
	}
	if d.dir = c.String(dirFlag.Name); d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "tillstream-demo-"); err != nil {
			return nil, fmt.Errorf("making a directory for the demo: %w", err)
		}
	}
	d.warehouse = newDemoWarehouse(d.dir, etl.Config{Stores: consume.Stores, Rates: consume.Rates, Tracer: d.traces.Service(c.Context, etlService, limit).Tracer()}, d.registry)
	d.warehouse.generated, d.warehouse.seed = c.String(sourceFlag.Name) == "", c.Uint64(seedFlag.Name)
	d.warehouse.stores = c.String(storesFlag.Name)
	if err := d.start(c, produce, consume); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func demoConsumerConfig(c *cli.Context, registry *prometheus.Registry) (consumer.Config, error) {
	stores, err := storesOf(c)
	if err != nil {
		return consumer.Config{}, err
	}
	rates, err := ratesOf(c)
	if err != nil {
		return consumer.Config{}, err
	}
	return consumer.Config{
		Topic: topicFlag.Value, Partitions: partsFlag.Value, Group: groupFlag.Value, DeadLetterTopic: lettersFlag.Value,
		Stores: stores, Rates: rates, Registerer: registry,
	}, nil
}

func (d *demo) start(c *cli.Context, produce producer.Config, consume consumer.Config) (err error) {
	if d.server, err = serverOf(c, d.registry, func() error { return errors.Join(d.producer.Ready(), d.consumer.Ready()) }); err != nil {
		return err
	}
	if d.broker, err = embedded.Start(filepath.Join(d.dir, "kafka")); err != nil {
		return err
	}
	// Each has its own connections, as if they were two processes.
	if produce.Cluster, err = broker.New(broker.Options{Addresses: d.broker.Addresses()}); err != nil {
		return err
	}
	if consume.Cluster, err = broker.New(broker.Options{Addresses: d.broker.Addresses()}); err != nil {
		return err
	}
	d.clusters = []*broker.Cluster{produce.Cluster, consume.Cluster}
	produce.Topic, produce.Partitions = consume.Topic, consume.Partitions
	consume.Out = d.dir
	if d.producer, err = producer.New(produce); err != nil {
		return usageError{err}
	}
	if d.consumer, err = consumer.New(consume); err != nil {
		return err
	}
	d.server.handleRate(d.producer)
	d.server.handleLatest(d.consumer)
	return nil
}

// run produces, consumes to the end of what was produced, and shows it.
func (d *demo) run(ctx context.Context) error {
	d.log.Info("the demo runs", "source", d.source, "csv", d.consumer.CSV(), "http", d.server.address(), "kafka", d.broker.Addresses()[0])
	work := func(ctx context.Context) error {
		return d.server.during(ctx, d.pipeline)
	}
	if interactive() {
		return d.watched(ctx, work)
	}
	return work(ctx)
}

// pipeline runs the engines. When the producer is through, or is told to stop, the
// consumer finishes what is in Kafka, and then the warehouse what is in the CSV.
func (d *demo) pipeline(ctx context.Context) error {
	var tasks errgroup.Group
	consuming, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	tasks.Go(func() error {
		producing, stop := context.WithCancel(ctx)
		defer stop()
		if d.duration > 0 {
			defer time.AfterFunc(d.duration, stop).Stop()
		}
		var err error
		d.produced, err = d.producer.Run(producing)
		if err != nil {
			giveUp()
			return err
		}
		d.consumer.Finish()
		return nil
	})
	tasks.Go(func() error {
		defer d.warehouse.live.Finish()
		_, err := d.consumer.Run(consuming)
		return err
	})
	tasks.Go(func() error { return d.warehouse.run(context.WithoutCancel(ctx)) })
	if err := tasks.Wait(); err != nil {
		return err
	}
	return writeMetrics(filepath.Join(d.dir, metricsName), d.registry)
}

// watched does the work while the live view shows it.
func (d *demo) watched(ctx context.Context, work func(context.Context) error) error {
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	viewing, endView := context.WithCancel(context.WithoutCancel(ctx))
	defer endView()
	var tasks errgroup.Group
	tasks.Go(func() error {
		defer endView()
		return work(ctx)
	})
	err := terminal.Run(viewing, os.Stdin, os.Stdout, d.snapshot, terminal.Actions{
		Quit:      quit,
		SetRate:   func(rate float64) { _ = d.producer.SetRate(rate) }, // the view only offers rates there are
		SetPaused: d.producer.Pause,
	})
	if err != nil {
		return err // ended by force, or the terminal is gone: not waiting for the work
	}
	return tasks.Wait()
}

// interactive reports whether a person watches.
func interactive() bool { return terminal.Interactive(os.Stdin, os.Stdout) }

func (d *demo) summary() demoSummary {
	return demoSummary{Summary: d.consumer.Summary(), Produced: d.produced, History: d.warehouse.history, Dir: d.dir}
}

// sayWhere tells a person, who has just seen the figures, where they are kept.
func (d *demo) sayWhere(w io.Writer) error {
	if err := d.warehouse.sayHistory(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s lines are in %s\nThe metrics as they were at the end are in %s\n",
		humanize.Comma(d.consumer.Totals().Lines), d.consumer.CSV(), filepath.Join(d.dir, metricsName))
	return err
}

// close stops what newDemo started.
func (d *demo) close() error {
	var errs []error
	for _, c := range d.clusters {
		c.Close()
	}
	if d.broker != nil {
		errs = append(errs, d.broker.Close())
	}
	return errors.Join(errs...)
}

// generated is the generator as a source.
type generated struct{ *generator.Transactions }

func newGenerated(lines int64, seed uint64) (producer.Source, error) {
	t, err := generator.NewTransactions(generator.Config{Lines: lines, Seed: seed, Start: time.Now(), Live: true})
	if err != nil {
		return nil, err
	}
	return generated{t}, nil
}

// Next fills row with the next generated line.
func (g generated) Next(row *sale.Row) (bool, error) { return g.Transactions.Next(row), nil }

// Close has nothing to do.
func (generated) Close() error { return nil }
