package command

import (
	"context"

	"github.com/urfave/cli/v2"

	"tillstream/etl"
)

var fullFlag = &cli.BoolFlag{Name: "full", Usage: "compare every row instead of going by what is new in the source: repairs the warehouse, and takes other rates of exchange into account"}

func etlLoadCommand() *cli.Command {
	return &cli.Command{
		Name:  "load",
		Usage: "bring the warehouse up to date with the source database",
		Flags: concat([]cli.Flag{fullFlag}, warehouseFlags()),
		Action: func(c *cli.Context) error {
			return runStep(c, func(ctx context.Context, cfg etl.Config) (etl.Summary, error) {
				return etl.Load(ctx, cfg, etl.LoadOptions{Full: c.Bool(fullFlag.Name)})
			})
		},
	}
}
