package command

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"tillstream/etl"
)

var (
	verifyCSVFlag = &cli.StringSliceFlag{Name: "csv", Value: cli.NewStringSlice(), Usage: "`DIRS` of the consumers' live_transactions.csv, comma-separated; without, live lines are checked for their rates only"}
	sinceFlag     = &cli.StringFlag{Name: "since", Usage: "leave out what was sold before this `DATE`, 2006-01-02"}
	listFlag      = &cli.IntFlag{Name: "list", Value: 20, Usage: "how many differences of each sort to name; the totals count all"}
)

func etlVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "compare source, CSV and warehouse line by line and in sums; exit code 1 if they differ",
		Flags: concat([]cli.Flag{verifyCSVFlag, sinceFlag, listFlag}, warehouseFlags()),
		Action: func(c *cli.Context) error {
			options := etl.VerifyOptions{CSV: c.StringSlice(verifyCSVFlag.Name), List: c.Int(listFlag.Name)}
			if options.List < 1 {
				return usagef("--%s is %d; it is at least 1", listFlag.Name, options.List)
			}
			if text := c.String(sinceFlag.Name); text != "" {
				var err error
				if options.Since, err = time.Parse(time.DateOnly, text); err != nil {
					return usagef("--%s is %q; it is a date like 2024-01-31", sinceFlag.Name, text)
				}
			}
			cfg, err := etlConfig(c)
			if err != nil {
				return err
			}
			defer traceEtl(c, &cfg)()
			show := newProgress(c.App.ErrWriter)
			cfg.Progress = show.report
			summary, err := etl.Verify(c.Context, cfg, options)
			show.end()
			if err != nil && !errors.Is(err, etl.ErrDifferences) {
				return err // what was found until then says nothing
			}
			return errors.Join(err, summary.Print(c.App.ErrWriter), printSummary(c.App.Writer, summary))
		},
	}
}
