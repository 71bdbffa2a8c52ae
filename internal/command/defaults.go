package command

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"tillstream/data"
)

// defaultsCommand prints what is used where no file is named, so that a file of one's
// own need not begin empty: the binary may come without the repository.
func defaultsCommand() *cli.Command {
	printing := func(flag cli.Flag, usage, content string) *cli.Command {
		return &cli.Command{
			Name: flag.Names()[0], Usage: usage,
			Action: func(c *cli.Context) error {
				if _, err := io.WriteString(c.App.Writer, content); err != nil {
					return fmt.Errorf("printing the built-in data: %w", err)
				}
				return nil
			},
		}
	}
	return &cli.Command{
		Name:  "defaults",
		Usage: "print the data built in, to begin a file of your own with",
		Subcommands: []*cli.Command{
			printing(fxFlag, "print the rates that are used without --fx", data.Rates),
			printing(storesFlag, "print the stores that are used without --stores", data.Stores),
		},
	}
}
