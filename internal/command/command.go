// Package command is the command line: flags, their defaults, and the thin
// commands that put the engines together.
package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"
)

// Exit codes.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// usageError is a mistake in how a command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// ExitCode returns the exit code that an error of Run stands for.
func ExitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &usage):
		return ExitUsage
	}
	return ExitFailed
}

// App returns the whole command line.
func App() *cli.App {
	app := &cli.App{
		Name:  "tillstream",
		Usage: "the sales pipeline of a fashion retailer: tills, Kafka, a durable CSV, live totals",
		Description: "Try `tillstream demo`: it runs a broker, a producer and a consumer in one process,\n" +
			"with nothing installed. Each flag can also be set by the environment variable\n" +
			"that its help names.",
		Commands: []*cli.Command{
			demoCommand(), produceCommand(), consumeCommand(), etlCommand(), generateCommand(), defaultsCommand(), healthCommand(),
			completionCommand(), versionCommand(),
		},
		HideVersion:          true,
		EnableBashCompletion: true,
		// Only main exits, and only main prints errors.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return usageError{err} },
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no command %q; `tillstream help` lists them", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, command := range commandsOf(app) {
		command.OnUsageError = app.OnUsageError
		if len(command.Subcommands) == 0 {
			command.Action = withoutArguments(command.Action)
		}
		for _, flag := range command.Flags {
			bindEnvironment(flag)
		}
	}
	return app
}

// commandsOf returns all commands, those of a group after it.
func commandsOf(app *cli.App) (all []*cli.Command) {
	for _, command := range app.Commands {
		all = append(append(all, command), command.Subcommands...)
	}
	return all
}

// withoutArguments refuses stray words, which are mistyped flags mostly.
func withoutArguments(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return usagef("%s takes no argument %q; `tillstream %[1]s --help` lists its flags", c.Command.FullName(), c.Args().First())
		}
		return action(c)
	}
}

// logger returns the log that the flags ask for, on w.
func logger(c *cli.Context, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.String(logLevelFlag.Name))); err != nil {
		return nil, usagef("--%s is %q; it is one of debug, info, warn, error", logLevelFlag.Name, c.String(logLevelFlag.Name))
	}
	options := &slog.HandlerOptions{Level: level}
	switch format := c.String(logFormatFlag.Name); format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	default:
		return nil, usagef("--%s is %q; it is one of text, json", logFormatFlag.Name, format)
	}
}

// printSummary writes the run's one JSON object: on one line for programs,
// indented for people.
func printSummary(w io.Writer, summary any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		encoder.SetIndent("", "  ")
	}
	if err := encoder.Encode(summary); err != nil {
		return fmt.Errorf("printing the summary: %w", err)
	}
	return nil
}

// environmentName is the variable that stands for a flag.
func environmentName(flag string) string {
	return "TILLSTREAM_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
