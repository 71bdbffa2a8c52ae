package etl

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"time"

	"tillstream/internal/database"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// LoadOptions are what a load can be told besides Config.
type LoadOptions struct {
	// Full compares every row of the source with the warehouse, instead of going by
	// the watermark: it repairs what was changed in the warehouse, and works out USD
	// anew by the rates as they are now.
	Full bool
}

// Load brings the warehouse up to date with the source database: first the
// dimensions, then the lines, chunk by chunk. Each chunk is one transaction with
// the watermark, so a load that was killed goes on where it was. What cannot be
// loaded goes to dw.etl_reject. The summary is filled also with an error.
func Load(ctx context.Context, cfg Config, options LoadOptions) (summary Summary, err error) {
	cfg = cfg.withDefaults()
	source, dw, err := openBoth(ctx, cfg)
	if err != nil {
		return Summary{Step: stepLoad}, err
	}
	defer source.Close()
	defer dw.Close()
	ctx, r, err := begin(ctx, cfg, dw, stepLoad)
	if err != nil {
		return Summary{Step: stepLoad}, err
	}
	l := &loader{run: r, source: source, full: options.Full}
	err = l.load(ctx)
	var net sale.Micros
	if err == nil {
		net, err = netUSD(ctx, dw)
	}
	summary = r.summary()
	summary.NetUSD = net.String()
	return summary, r.finish(ctx, err)
}

// netUSD is what all facts add up to.
func netUSD(ctx context.Context, dw *database.DB) (net sale.Micros, err error) {
	stale, err := aggregatesStale(ctx, dw)
	if err != nil {
		return 0, err
	}
	query := "SELECT COALESCE(SUM(sales_usd_micros - refunds_usd_micros), 0) FROM dw.agg_day"
	if stale {
		query = "SELECT COALESCE(SUM(usd_micros), 0) FROM dw.fact_sales"
	}
	if err := dw.QueryRow(ctx, query).Scan((*int64)(&net)); err != nil {
		return 0, fmt.Errorf("adding up the facts: %w", err)
	}
	return net, nil
}

// loader is a load under way.
type loader struct {
	run    *run
	source *database.DB
	full   bool
	origin string // see originOf
}

func (l *loader) load(ctx context.Context) (err error) {
	if l.origin, err = originOf(ctx, l.source); err != nil {
		return err
	}
	for _, d := range []*dimension{&storeDimension, &employeeDimension, &productDimension, &customerDimension} {
		if err := l.run.span(ctx, "load "+d.table, func(ctx context.Context) error { return l.loadDimension(ctx, d) }); err != nil {
			return err
		}
	}
	if err := l.run.span(ctx, "load dim_campaign", l.loadCampaigns); err != nil {
		return err
	}
	reader := l.run.cfg.reader()
	if stores, err := storesOf(ctx, l.source); err != nil {
		return err
	} else if stores != nil {
		reader.Stores = stores
	}
	if err := l.run.span(ctx, "load fact_sales", func(ctx context.Context) error { return l.loadFacts(ctx, reader) }); err != nil {
		return err
	}
	return rebuildStale(ctx, l.run)
}

// rebuildStale adds the aggregates up anew where this run or one that was killed
// has put that off.
func rebuildStale(ctx context.Context, r *run) error {
	stale, err := aggregatesStale(ctx, r.dw)
	if err != nil || !stale {
		return err
	}
	return r.span(ctx, "rebuild aggregates", func(ctx context.Context) error {
		return r.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
			if err := lockFacts(ctx, tx); err != nil {
				return err
			}
			return rebuildAggregates(ctx, tx, func(done, total int64) { r.cfg.Progress("adding up", done, total) })
		})
	})
}

// storesOf returns the source's stores, nil where it has none. Those whose country
// is not known here are left out: the invoice number tells the country then.
func storesOf(ctx context.Context, source *database.DB) (*store.Directory, error) {
	exists, err := source.TableExists(ctx, "dbo", "stores")
	if err != nil || !exists {
		return nil, err
	}
	columns := []string{"Store ID", "Country", "City", "Store Name", "Latitude", "Longitude"}
	table, err := openTable(ctx, source, "dbo.stores", columns, columns[:3])
	if err != nil {
		return nil, err
	}
	table.versioned = false // all of it is read
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	_ = w.Write(columns) // into memory
	seen := make(map[string]bool)
	err = table.scan(ctx, versions{}, func(_ int64, values []string) error {
		if _, ok := store.CountryNamed(values[1]); ok && values[0] != "" && !seen[values[0]] {
			seen[values[0]] = true
			_ = w.Write(values)
		}
		return nil
	})
	if err != nil || len(seen) == 0 {
		return nil, err
	}
	w.Flush()
	stores, err := store.Read(&file)
	if err != nil {
		return nil, fmt.Errorf("reading the source's stores: %w", err)
	}
	return stores, nil
}

// originOf returns what tells the source database from others: when its tables were
// made. By its address it could be another one tomorrow, and that of a file can be
// written in many ways. A database that was not made by init has only its address.
func originOf(ctx context.Context, source *database.DB) (string, error) {
	exists, err := source.TableExists(ctx, "dbo", "schema_version")
	if err != nil {
		return "", err
	}
	if !exists {
		return source.Address(), nil
	}
	var made database.Time
	if err := source.QueryRow(ctx, "SELECT MIN(applied_at) FROM dbo.schema_version").Scan(&made); err != nil {
		return "", fmt.Errorf("asking when the source was made: %w", err)
	}
	return made.UTC().Format("2006-01-02T15:04:05.000"), nil
}

// retrySource runs a pass over the source, again if the connection breaks on the
// way: what it has brought into the warehouse by then is found there.
func retrySource(ctx context.Context, pass func() error) error {
	const (
		attempts = 5
		pause    = 2 * time.Second
	)
	for attempt := 1; ; attempt++ {
		err := pass()
		if attempt == attempts || !database.IsTransient(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
