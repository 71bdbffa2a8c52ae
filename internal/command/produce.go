package command

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"tillstream/producer"
)

func produceCommand() *cli.Command {
	return &cli.Command{
		Name:  "produce",
		Usage: "replay a transactions CSV as the tills would, into Kafka",
		Flags: concat(replayFlags(), []cli.Flag{storesFlag}, clusterFlags(), []cli.Flag{listenFlag("localhost:2112"), traceLimitFlag(tracesBegun)}, logFlags()),
		Action: func(c *cli.Context) error {
			log, err := logger(c, c.App.ErrWriter)
			if err != nil {
				return err
			}
			registry := newRegistry()
			config, err := producerConfig(c, log, registry)
			if err != nil {
				return err
			}
			if c.String(sourceFlag.Name) == "" {
				return usagef("--%s is missing; it names the CSV to replay. `tillstream generate` makes one", sourceFlag.Name)
			}
			if config.Cluster, err = clusterOf(c); err != nil {
				return err
			}
			defer config.Cluster.Close()
			config.Topic, config.Partitions, config.GiveUpAfter = c.String(topicFlag.Name), c.Int(partsFlag.Name), c.Duration(giveUpFlag.Name)
			limit, err := traceLimit(c)
			if err != nil {
				return err
			}
			traces := startTraces(log)
			defer traces.Close()
			config.Tracer = traces.Service(c.Context, producerService, limit)
			p, err := producer.New(config)
			if err != nil {
				return usageError{err}
			}
			server, err := serverOf(c, registry, p.Ready)
			if err != nil {
				return err
			}
			server.handleRate(p)
			var summary producer.Summary
			err = server.during(c.Context, func(ctx context.Context) (err error) {
				summary, err = p.Run(ctx)
				return err
			})
			return errors.Join(err, printSummary(c.App.Writer, summary))
		},
	}
}

// producerConfig returns what the flags say about the replay. Where to send it is
// the caller's to fill in.
func producerConfig(c *cli.Context, log *slog.Logger, registry *prometheus.Registry) (producer.Config, error) {
	stamp, ok := producer.ParseStamp(c.String(stampFlag.Name))
	if !ok {
		return producer.Config{}, usagef("--%s is %q; it is now or keep", stampFlag.Name, c.String(stampFlag.Name))
	}
	stores, err := storesOf(c)
	if err != nil {
		return producer.Config{}, err
	}
	path := c.String(sourceFlag.Name)
	if path != "" { // what cannot be read is to be known before anything starts
		source, err := producer.OpenCSV(path)
		if err != nil {
			return producer.Config{}, err
		}
		if err := source.Close(); err != nil {
			return producer.Config{}, err
		}
	}
	return producer.Config{
		Open:           func() (producer.Source, error) { return producer.OpenCSV(path) },
		Stores:         stores,
		Rate:           c.Float64(rateFlag.Name),
		Loop:           c.Bool(loopFlag.Name),
		Renumber:       c.Bool(renumberFlag.Name),
		Limit:          c.Int64(limitFlag.Name),
		Stamp:          stamp,
		DuplicateRatio: c.Float64(duplicatesFlag.Name),
		CorruptRatio:   c.Float64(corruptFlag.Name),
		Seed:           c.Uint64(seedFlag.Name),
		Registerer:     registry,
		Log:            log,
	}, nil
}
