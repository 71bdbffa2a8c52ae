package command

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"tillstream/consumer"
)

func consumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "consume",
		Usage: "turn the topic into a durable CSV, each line once, and live totals",
		Flags: concat([]cli.Flag{groupFlag, outFlag, storesFlag, fxFlag, lettersFlag, windowFlag, rotateFlag, sessionFlag, drainFlag},
			clusterFlags(), []cli.Flag{listenFlag("localhost:2113"), traceLimitFlag(tracesTaken)}, logFlags()),
		Action: func(c *cli.Context) error {
			log, err := logger(c, c.App.ErrWriter)
			if err != nil {
				return err
			}
			registry := newRegistry()
			config, err := consumerConfig(c, registry)
			if err != nil {
				return err
			}
			config.Log = log
			if config.Cluster, err = clusterOf(c); err != nil {
				return err
			}
			defer config.Cluster.Close()
			limit, err := traceLimit(c)
			if err != nil {
				return err
			}
			traces := startTraces(log)
			defer traces.Close()
			config.Tracer = traces.Service(c.Context, consumerService, limit)
			var engine *consumer.Consumer
			server, err := serverOf(c, registry, func() error { return engine.Ready() })
			if err != nil {
				return err
			}
			if engine, err = consumer.New(config); err != nil {
				return errors.Join(err, server.close())
			}
			server.handleLatest(engine)
			var summary consumer.Summary
			err = server.during(c.Context, func(ctx context.Context) (err error) {
				summary, err = engine.Run(ctx)
				return err
			})
			return errors.Join(err, printSummary(c.App.Writer, summary))
		},
	}
}

// consumerConfig returns what the flags say about consuming. The way to Kafka is
// the caller's to fill in.
func consumerConfig(c *cli.Context, registry *prometheus.Registry) (consumer.Config, error) {
	window, rotate := c.Duration(windowFlag.Name), c.Int64(rotateFlag.Name)
	if window < 0 {
		return consumer.Config{}, usagef("--%s is %v; it is a time like 168h, or 0 for ever", windowFlag.Name, window)
	}
	if rotate < 0 {
		return consumer.Config{}, usagef("--%s is %d; it is a size in bytes, or 0 for never", rotateFlag.Name, rotate)
	}
	session := c.Duration(sessionFlag.Name)
	if session < time.Second {
		return consumer.Config{}, usagef("--%s is %v; it is at least 1s", sessionFlag.Name, session)
	}
	stores, err := storesOf(c)
	if err != nil {
		return consumer.Config{}, err
	}
	rates, err := ratesOf(c)
	if err != nil {
		return consumer.Config{}, err
	}
	return consumer.Config{
		Topic:           c.String(topicFlag.Name),
		Partitions:      c.Int(partsFlag.Name),
		Group:           c.String(groupFlag.Name),
		DeadLetterTopic: c.String(lettersFlag.Name),
		Out:             c.String(outFlag.Name),
		Stores:          stores,
		Rates:           rates,
		DedupeWindow:    window,
		RotateBytes:     rotate,
		SessionTimeout:  session,
		Drain:           c.Bool(drainFlag.Name),
		GiveUpAfter:     c.Duration(giveUpFlag.Name),
		Registerer:      registry,
	}, nil
}
