package command

import (
	_ "embed"
	"io"

	"github.com/urfave/cli/v2"
)

//go:embed completion/tillstream.bash
var bashCompletion string

//go:embed completion/tillstream.zsh
var zshCompletion string

func completionCommand() *cli.Command {
	prints := func(shell string, script func(*cli.App) (string, error)) *cli.Command {
		return &cli.Command{
			Name:  shell,
			Usage: "print the script for " + shell,
			Action: func(c *cli.Context) error {
				text, err := script(c.App)
				if err != nil {
					return err
				}
				_, err = io.WriteString(c.App.Writer, text)
				return err
			},
		}
	}
	return &cli.Command{
		Name:  "completion",
		Usage: "print a script that lets a shell complete commands and flags",
		Subcommands: []*cli.Command{
			prints("bash", func(*cli.App) (string, error) { return bashCompletion, nil }),
			prints("zsh", func(*cli.App) (string, error) { return zshCompletion, nil }),
			// Not the command's own app, which is that of the group.
			prints("fish", func(*cli.App) (string, error) { return App().ToFishCompletion() }),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no completion for %q; it is one of bash, zsh, fish", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}
