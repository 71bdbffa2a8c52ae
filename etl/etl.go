// Package etl builds the warehouse: it imports the published files into a source
// database, loads that into a star schema, lets the live sales flow in, and checks
// that all of it agrees. Each step can be killed at any instant and run again: it
// ends in the same content, and running it with nothing new changes nothing.
package etl

import (
	"embed"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"tillstream/internal/fx"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// sqlFiles are the migrations of both databases.
//
//go:embed sql
var sqlFiles embed.FS

// Config is what all steps have in common. The zero value of a field that is not an
// address means its default.
type Config struct {
	Source    string // address of the source database, see database.Open
	Warehouse string // address of the warehouse

	Stores *store.Directory // default: the published stores
	Rates  *fx.Table        // default: the built-in rates

	// Effective is from when on new versions of a dimension's members are valid.
	// Default: now.
	Effective time.Time

	Log        *slog.Logger          // default: nothing is logged
	Progress   Progress              // default: nothing is shown
	Registerer prometheus.Registerer // default: the metrics are not exposed
	Tracer     trace.Tracer          // default: no spans
}

// Progress is told how far a step is: what it is doing, how many rows it has done
// of how many. total is 0 where that is not known. It is called from one goroutine
// at a time, some times a second.
type Progress func(stage string, done, total int64)

// withDefaults returns cfg with its defaults filled in.
func (cfg Config) withDefaults() Config {
	if cfg.Stores == nil {
		cfg.Stores = store.Default()
	}
	if cfg.Rates == nil {
		cfg.Rates = fx.Default()
	}
	if cfg.Effective.IsZero() {
		cfg.Effective = time.Now().UTC().Truncate(time.Second)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Progress == nil {
		cfg.Progress = func(string, int64, int64) {}
	}
	if cfg.Tracer == nil {
		cfg.Tracer = noTracer
	}
	return cfg
}

// reader judges lines by the configuration's reference data.
func (cfg Config) reader() *sale.Reader { return &sale.Reader{Stores: cfg.Stores, Rates: cfg.Rates} }

// Summary is what a step reports in the end.
type Summary struct {
	Step       string  `json:"step"`
	Run        int64   `json:"run_id"` // of dw.etl_run
	Read       int64   `json:"read"`
	Inserted   int64   `json:"inserted"`
	Updated    int64   `json:"updated"`
	Duplicates int64   `json:"duplicates"` // the same row again
	Rejected   int64   `json:"rejected"`   // rows that cannot be used, those seen in earlier runs included
	NetUSD     string  `json:"net_usd"`    // of what the target then holds
	Seconds    float64 `json:"seconds"`
}

// The steps, as dw.etl_run and the metrics name them.
const (
	stepInit   = "init"
	stepImport = "import"
	stepLoad   = "load"
	stepLive   = "live"
	stepVerify = "verify"
)
