package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"tillstream/etl"
)

var (
	sourceDBFlag  = &cli.StringFlag{Name: "source-db", Value: "sqlite:data/source.db", Usage: "`URL` of the source database: sqlite:FILE or sqlserver://user:password@host:1433?database=name"}
	warehouseFlag = &cli.StringFlag{Name: "warehouse", Value: "sqlite:data/warehouse.db", Usage: "`URL` of the warehouse, likewise"}
	fromFlag      = &cli.StringFlag{Name: "from", Value: "data/generated", Usage: "`DIR` with the six published files"}

	etlPasswordFlag     = &cli.StringFlag{Name: "etl-password-file", Usage: "`FILE` with the password for the login tillstream_etl; or set TILLSTREAM_ETL_PASSWORD. Without, it is left as it is"}
	grafanaPasswordFlag = &cli.StringFlag{Name: "grafana-password-file", Usage: "`FILE` with the password for the login grafana_reader; or set TILLSTREAM_GRAFANA_PASSWORD. Without, it is left as it is"}
)

// etlCommand holds the warehouse's commands. Each is in a file of its own.
func etlCommand() *cli.Command {
	return &cli.Command{
		Name:  "etl",
		Usage: "build the warehouse and keep it up to date",
		Subcommands: []*cli.Command{
			etlInitCommand(), etlImportCommand(), etlLoadCommand(), etlLiveCommand(), etlVerifyCommand(), etlStatusCommand(),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("there is no command etl %q; `tillstream etl help` lists them", c.Args().First())
			}
			return cli.ShowSubcommandHelp(c)
		},
	}
}

// warehouseFlags are those of every etl command.
func warehouseFlags() []cli.Flag {
	return concat([]cli.Flag{sourceDBFlag, warehouseFlag, storesFlag, fxFlag}, logFlags())
}

// etlConfig returns what the flags say that all etl commands have.
func etlConfig(c *cli.Context) (etl.Config, error) {
	log, err := logger(c, c.App.ErrWriter)
	if err != nil {
		return etl.Config{}, err
	}
	stores, err := storesOf(c)
	if err != nil {
		return etl.Config{}, err
	}
	rates, err := ratesOf(c)
	if err != nil {
		return etl.Config{}, err
	}
	cfg := etl.Config{Source: c.String(sourceDBFlag.Name), Warehouse: c.String(warehouseFlag.Name), Stores: stores, Rates: rates, Log: log}
	for _, flag := range []struct{ name, address string }{{sourceDBFlag.Name, cfg.Source}, {warehouseFlag.Name, cfg.Warehouse}} {
		if !strings.HasPrefix(flag.address, "sqlite:") && !strings.HasPrefix(flag.address, "sqlserver:") {
			return etl.Config{}, usagef("--%s is no address of a database; write sqlite:FILE or sqlserver://user:password@host:1433?database=name", flag.name)
		}
	}
	if cfg.Source == cfg.Warehouse && strings.HasPrefix(cfg.Source, "sqlite:") {
		return etl.Config{}, usagef("--%s and --%s are the same file; give each its own", sourceDBFlag.Name, warehouseFlag.Name)
	}
	return cfg, nil
}

// runStep runs a step with its progress on the terminal, if there is one, and
// prints its summary, also that of a step that failed: it says how far it came.
func runStep[S any](c *cli.Context, step func(context.Context, etl.Config) (S, error)) error {
	cfg, err := etlConfig(c)
	if err != nil {
		return err
	}
	defer traceEtl(c, &cfg)()
	show := newProgress(c.App.ErrWriter)
	cfg.Progress = show.report
	summary, err := step(c.Context, cfg)
	show.end()
	if err != nil && reflect.ValueOf(summary).IsZero() {
		return err // it has not begun
	}
	return errors.Join(err, printSummary(c.App.Writer, summary))
}

func etlInitCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make the databases, tables, views and logins, or bring them up to date",
		Flags: concat([]cli.Flag{etlPasswordFlag, grafanaPasswordFlag}, warehouseFlags()),
		Action: func(c *cli.Context) error {
			var logins etl.Logins
			var err error
			if logins.ETL, err = passwordOf(c, etlPasswordFlag.Name, "TILLSTREAM_ETL_PASSWORD"); err != nil {
				return err
			}
			if logins.Reader, err = passwordOf(c, grafanaPasswordFlag.Name, "TILLSTREAM_GRAFANA_PASSWORD"); err != nil {
				return err
			}
			return runStep(c, func(ctx context.Context, cfg etl.Config) (etl.InitSummary, error) {
				return etl.Init(ctx, cfg, logins)
			})
		},
	}
}

// passwordOf reads a password from the file that a flag names, else from the
// environment: never from the command line, which everybody on the machine sees.
func passwordOf(c *cli.Context, flag, variable string) (string, error) {
	path := c.String(flag)
	if path == "" {
		return os.Getenv(variable), nil
	}
	password, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading the password of --%s: %w", flag, err)
	}
	return strings.TrimRight(string(password), "\r\n"), nil
}

// importGC is how much garbage an import may make, in percent of what it keeps.
const importGC = 400

func etlImportCommand() *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "bring the six published files into the source database",
		Flags: concat([]cli.Flag{fromFlag}, warehouseFlags()),
		Action: func(c *cli.Context) error {
			// It keeps next to nothing in memory and makes much garbage: collecting it
			// five times less often takes a sixth off the processor's work.
			if os.Getenv("GOGC") == "" {
				defer debug.SetGCPercent(debug.SetGCPercent(importGC))
			}
			return runStep(c, func(ctx context.Context, cfg etl.Config) (etl.ImportSummary, error) {
				return etl.Import(ctx, cfg, c.String(fromFlag.Name))
			})
		},
	}
}
