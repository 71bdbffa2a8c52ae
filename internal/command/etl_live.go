package command

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"tillstream/etl"
)

var (
	liveCSVFlag   = &cli.StringSliceFlag{Name: "csv", Value: cli.NewStringSlice("data/live"), Usage: "`DIRS` of the consumers' live_transactions.csv, comma-separated"}
	liveFullFlag  = &cli.BoolFlag{Name: "full", Usage: "begin each file at its start: brings lines that were rejected before, now that a rate or a store is known"}
	liveDrainFlag = &cli.BoolFlag{Name: "drain", Usage: "stop at the end of the files as they are, and on any trouble"}
)

func etlLiveCommand() *cli.Command {
	return &cli.Command{
		Name:  "live",
		Usage: "bring the consumer's lines into the warehouse while they are written",
		Flags: concat([]cli.Flag{liveCSVFlag, liveFullFlag, liveDrainFlag, listenFlag("localhost:2114")}, warehouseFlags()),
		Action: func(c *cli.Context) error {
			cfg, err := etlConfig(c)
			if err != nil {
				return err
			}
			defer traceEtl(c, &cfg)()
			registry := newRegistry()
			cfg.Registerer = registry
			live := etl.NewLive(cfg, etl.LiveOptions{Dirs: c.StringSlice(liveCSVFlag.Name), Full: c.Bool(liveFullFlag.Name), Drain: c.Bool(liveDrainFlag.Name)})
			server, err := serverOf(c, registry, live.Ready)
			if err != nil {
				return err
			}
			var summary etl.Summary
			err = server.during(c.Context, func(ctx context.Context) (err error) {
				summary, err = live.Run(ctx)
				return err
			})
			return errors.Join(err, printSummary(c.App.Writer, summary))
		},
	}
}
