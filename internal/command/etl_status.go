package command

import (
	"os"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"tillstream/etl"
)

var (
	runsFlag = &cli.IntFlag{Name: "runs", Value: 20, Usage: "how many of the latest runs to show"}
	jsonFlag = &cli.BoolFlag{Name: "json", Usage: "print one JSON object, as is done anyway where the output is no terminal"}
)

func etlStatusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show the latest runs, how fresh the warehouse is, and what was rejected",
		Flags: concat([]cli.Flag{runsFlag, jsonFlag}, warehouseFlags()),
		Action: func(c *cli.Context) error {
			runs := c.Int(runsFlag.Name)
			if runs < 1 {
				return usagef("--%s is %d; it is at least 1", runsFlag.Name, runs)
			}
			cfg, err := etlConfig(c)
			if err != nil {
				return err
			}
			status, err := etl.ReadStatus(c.Context, cfg, runs)
			if err != nil {
				return err
			}
			if f, ok := c.App.Writer.(*os.File); c.Bool(jsonFlag.Name) || !ok || !isatty.IsTerminal(f.Fd()) {
				return printSummary(c.App.Writer, status)
			}
			return status.Print(c.App.Writer)
		},
	}
}
