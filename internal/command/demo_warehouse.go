package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/client_golang/prometheus"

	"tillstream/data"
	"tillstream/etl"
	"tillstream/internal/generator"
	"tillstream/internal/sale"
)

// demoWarehouse is the demo's third engine: the lines of the CSV go on into a
// warehouse beside it.
type demoWarehouse struct {
	cfg       etl.Config
	dir       string
	generated bool   // the lines are the generator's, and so is what they refer to
	seed      uint64 // of it
	stores    string // a stores file, empty for the published stores
	live      *etl.Live
	history   etl.History
}

func newDemoWarehouse(dir string, cfg etl.Config, registry *prometheus.Registry) *demoWarehouse {
	cfg.Source, cfg.Warehouse = "sqlite:"+filepath.Join(dir, "source.db"), "sqlite:"+filepath.Join(dir, "warehouse.db")
	cfg.Log = slog.New(slog.DiscardHandler) // the demo tells what matters
	w := &demoWarehouse{cfg: cfg, dir: dir}
	live := cfg
	live.Registerer = registry
	w.live = etl.NewLive(live, etl.LiveOptions{Dirs: []string{dir}})
	return w
}

// run makes the warehouse, fills its dimensions, and follows the CSV until Finish
// of live has been called and all of it is there.
func (w *demoWarehouse) run(ctx context.Context) error {
	if err := w.prepare(ctx); err != nil {
		return fmt.Errorf("preparing the demo's warehouse: %w", err)
	}
	if _, err := w.live.Run(ctx); err != nil {
		return fmt.Errorf("filling the demo's warehouse: %w", err)
	}
	var err error
	w.history, err = etl.ReadHistory(ctx, w.cfg.Warehouse)
	return err
}

// prepare brings the reference data in, by the way that a shop's would come: files,
// source database, warehouse.
func (w *demoWarehouse) prepare(ctx context.Context) error {
	if _, err := etl.Init(ctx, w.cfg, etl.Logins{}); err != nil {
		return err
	}
	files := filepath.Join(w.dir, "reference")
	if err := w.writeReference(ctx, files); err != nil {
		return err
	}
	if _, err := etl.Import(ctx, w.cfg, files); err != nil {
		return err
	}
	_, err := etl.Load(ctx, w.cfg, etl.LoadOptions{})
	return err
}

// writeReference writes the six files. The transactions have a header only: lines
// come by the stream. Of lines that were not generated nothing is known but their
// stores; the rest becomes inferred members.
func (w *demoWarehouse) writeReference(ctx context.Context, dir string) error {
	if _, err := generator.Generate(ctx, dir, generator.Config{Lines: 1, Seed: w.seed, Start: time.Now(), Live: true}, nil); err != nil {
		return err
	}
	files := map[string][]byte{"transactions.csv": sale.AppendHeader(nil)}
	if !w.generated {
		for _, name := range []string{"employees.csv", "customers.csv", "products.csv", "discounts.csv"} {
			header, err := firstLine(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			files[name] = header
		}
		files["stores.csv"] = []byte(data.Stores)
	}
	if w.stores != "" {
		given, err := os.ReadFile(w.stores)
		if err != nil {
			return err
		}
		files["stores.csv"] = given
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// firstLine returns a file's header, with its line end.
func firstLine(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for i, c := range content {
		if c == '\n' {
			return content[:i+1], nil
		}
	}
	return nil, errors.New(path + " has no header")
}

// sayHistory tells a person what the warehouse holds.
func (w *demoWarehouse) sayHistory(out io.Writer) error {
	text := fmt.Sprintf("The warehouse holds %s lines of %s invoices, %s USD net: %s\n", humanize.Comma(w.history.Lines),
		humanize.Comma(w.history.Invoices), w.history.NetUSD, filepath.Join(w.dir, "warehouse.db"))
	for _, c := range w.history.Countries {
		text += fmt.Sprintf("  %-14s %9s invoices %16s USD\n", c.Country, humanize.Comma(c.Invoices), c.NetUSD)
	}
	_, err := io.WriteString(out, text)
	return err
}
