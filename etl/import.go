package etl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tillstream/internal/backoff"
	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// ImportSummary is what Import reports. Read, Inserted and so on count the rows of
// the six files.
type ImportSummary struct {
	Summary
	Tables []TableSummary `json:"tables"`
}

// TableSummary is what became of one file.
type TableSummary struct {
	Table      string  `json:"table"`
	Read       int64   `json:"read"`
	Inserted   int64   `json:"inserted"`
	Updated    int64   `json:"updated"`
	Duplicates int64   `json:"duplicates"`
	Rejected   int64   `json:"rejected"`
	Rows       int64   `json:"rows"` // that the table then has
	Seconds    float64 `json:"seconds"`
}

// Import brings the six published files of a directory into the source database.
// What a table has already is compared by its key: rows that differ are updated,
// the others inserted, none deleted; importing the same files again changes
// nothing. A row is rejected only where the columns cannot hold it, or where its
// key came before in the same file with other content; judging what a line of sale
// means is the load's job. Each file is one transaction. NetUSD counts the lines
// that the load will be able to use.
func Import(ctx context.Context, cfg Config, from string) (s ImportSummary, err error) {
	cfg = cfg.withDefaults()
	if err := checkFiles(from); err != nil {
		return s, err
	}
	source, dw, err := openBoth(ctx, cfg)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, source.Close(), dw.Close()) }()
	own, err := isOwn(ctx, source)
	if err == nil && !own {
		err = &database.Error{Address: source.Address(), Op: "importing into", Err: errors.New("its tables were not made by tillstream"),
			Hint: "name a new database and run `tillstream etl init`; `tillstream etl load` reads this one as it stands"}
	}
	if err != nil {
		return s, err
	}
	ctx, r, err := begin(ctx, cfg, dw, stepImport)
	if err != nil {
		return s, err
	}
	s.Step = stepImport
	defer func() {
		err = r.finish(ctx, err)
		s.take(r)
	}()
	// Another warehouse may have the same source.
	release, err := source.Lock(ctx, "etl-import", lockWait)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := dropStage(ctx, source, stepImport); err != nil {
		return s, err
	}
	for _, table := range importTables {
		i := &importer{run: r, db: source, dir: from, table: table}
		if err := r.span(ctx, "import "+table.short(), i.importTable); err != nil {
			return s, fmt.Errorf("importing %s: %w", table.file, err)
		}
		s.Tables = append(s.Tables, i.done)
		r.add(i.done)
		if table.file == "products.csv" {
			if err := i.importSizes(ctx); err != nil {
				return s, fmt.Errorf("importing the sizes of %s: %w", table.file, err)
			}
		}
		if table.file == "transactions.csv" {
			net, err := i.net(ctx)
			if err != nil {
				return s, err
			}
			s.NetUSD = net.String()
		}
	}
	return s, nil
}

// checkFiles finds a wrong directory before anything is done.
func checkFiles(dir string) error {
	for _, table := range importTables {
		path := filepath.Join(dir, table.file)
		if _, err := os.Stat(path); err != nil {
			return (&csvFile{path: path}).failed(err)
		}
	}
	return nil
}

// openBoth opens the source and the warehouse.
func openBoth(ctx context.Context, cfg Config) (source, dw *database.DB, err error) {
	if err := checkApart(cfg); err != nil {
		return nil, nil, err
	}
	if source, err = database.Open(ctx, cfg.Source); err != nil {
		return nil, nil, fmt.Errorf("the source database: %w", err)
	}
	if dw, err = database.Open(ctx, cfg.Warehouse); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("the warehouse: %w", err), source.Close())
	}
	return source, dw, nil
}

// checkApart refuses one file of SQLite for both: a transaction in one of the two
// would have to wait for the other, for ever.
func checkApart(cfg Config) error {
	if cfg.Source == cfg.Warehouse && strings.HasPrefix(cfg.Source, "sqlite:") {
		return fmt.Errorf("the source database and the warehouse are the same file, %s; give each its own", cfg.Source)
	}
	return nil
}

// take adds what the run has counted to the summary.
func (s *Summary) take(r *run) {
	net := s.NetUSD
	*s = r.summary()
	s.NetUSD = net
}

func (r *run) add(t TableSummary) {
	r.read += t.Read
	r.inserted += t.Inserted
	r.updated += t.Updated
	r.duplicates += t.Duplicates
	r.rejected += t.Rejected
}

// importer brings one file into its table.
type importer struct {
	run   *run
	db    *database.DB
	dir   string
	table *importTable
	done  TableSummary

	file   fileTotals // of the last time the file was read
	filter *keyFilter // nil where nobody wants to know of keys that come twice
}

// importTable does it all, and does it again from the beginning where it fails for
// a reason that passes.
func (i *importer) importTable(ctx context.Context) error {
	began := time.Now()
	err := i.tryTable(ctx)
	var pause backoff.Backoff
	for try := 1; try < importTries && database.IsTransient(err) && pause.Wait(ctx); try++ {
		i.run.cfg.Log.Warn("the import of a file is tried again", "file", i.table.file, "error", err)
		err = i.tryTable(ctx)
	}
	if err != nil {
		return err
	}
	i.done.Table, i.done.Read, i.done.Rejected = i.table.short(), i.file.read, i.done.Rejected+i.file.rejected
	i.done.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return i.db.QueryRow(ctx, "SELECT COUNT(*) FROM "+i.table.name).Scan(&i.done.Rows)
}

// importTries is how often a file is begun with.
const importTries = 3

// tryTable fills an empty table the quick way. If it turns out then that keys may
// come twice, or if the table has rows, the file goes through the stage.
func (i *importer) tryTable(ctx context.Context) error {
	i.done = TableSummary{}
	text := newImportText(i.table, i.stage(), i.run.stage(i.table.short()+"_doubles"), i.db.Engine())
	if i.table.big {
		var n int
		if err := i.db.QueryRow(ctx, "SELECT COUNT(*) FROM (SELECT {{top 1}} 1 AS n FROM "+i.table.name+" {{limit 1}}) x").Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			if done, err := i.fill(ctx, text); done || err != nil {
				return err
			}
		}
	}
	if err := i.stageFile(ctx, text); err != nil {
		return err
	}
	return i.merge(ctx, text)
}

// stage is the table in which the rows of the file are before they are compared.
func (i *importer) stage() string { return i.run.stage(i.table.short()) }

// progress says what is being done with the file.
func (i *importer) progress(what string, done, total int64) {
	i.run.cfg.Progress(i.table.short()+": "+what, done, total)
}

// net is the USD value of the lines that the source then holds.
func (i *importer) net(ctx context.Context) (sale.Micros, error) {
	if i.done.Rows == i.file.read-i.done.Rejected-i.done.Duplicates {
		return i.file.net, nil // they are the file's
	}
	i.progress("adding up", 0, i.done.Rows)
	net, err := sourceNet(ctx, i.run.cfg, i.db)
	if err != nil {
		return 0, fmt.Errorf("adding up the source's lines: %w", err)
	}
	return net, nil
}

// sourceNet adds up what the lines of a source database are worth.
func sourceNet(ctx context.Context, cfg Config, source *database.DB) (net sale.Micros, err error) {
	needed := []string{sale.InvoiceID.String(), sale.LineNumber.String(), sale.StoreID.String(), sale.Quantity.String(), sale.LineTotal.String(), sale.Currency.String()}
	table, err := openTable(ctx, source, "dbo.transactions", sale.Columns[:], needed)
	if err != nil {
		return 0, err
	}
	var within versions
	if table.versioned {
		if within.upTo, err = table.newest(ctx); err != nil {
			return 0, err
		}
	}
	reader := cfg.reader()
	var line sale.Line
	err = table.scan(ctx, within, func(_ int64, values []string) error {
		net += worth(reader, (*sale.Row)(values), &line)
		return nil
	})
	return net, err
}
