package command

import (
	"fmt"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"tillstream/internal/generator"
)

func generateCommand() *cli.Command {
	return &cli.Command{
		Name:  "generate",
		Usage: "make the six files of a data set shaped like the real one",
		Flags: []cli.Flag{linesFlag, seedFlag, generateOutFlag},
		Action: func(c *cli.Context) error {
			lines := c.Int64(linesFlag.Name)
			if lines < 1 {
				return usagef("--%s is %d; there must be at least 1", linesFlag.Name, lines)
			}
			began := time.Now()
			var progress func(int64)
			if terminal, ok := c.App.ErrWriter.(*os.File); ok && isatty.IsTerminal(terminal.Fd()) {
				progress = func(done int64) {
					_, _ = fmt.Fprintf(terminal, "\r\x1b[Ktransactions: %s of %s (%d %%), %s lines a second",
						humanize.Comma(done), humanize.Comma(lines), 100*done/lines,
						humanize.Comma(int64(float64(done)/max(time.Since(began).Seconds(), 1e-3))))
					if done == lines {
						_, _ = fmt.Fprintln(terminal)
					}
				}
			}
			summary, err := generator.Generate(c.Context, c.String(generateOutFlag.Name),
				generator.Config{Lines: lines, Seed: c.Uint64(seedFlag.Name)}, progress)
			if err != nil {
				return err
			}
			return printSummary(c.App.Writer, summary)
		},
	}
}
