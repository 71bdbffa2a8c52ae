package etl

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// fileTotals are what was found in a file: what must have arrived in the database.
type fileTotals struct {
	read     int64
	rejected int64
	sums     []big.Int // of whole numbers and amounts, column by column, as they were sent
	net      sale.Micros
}

// How a file is read and copied.
const (
	rowsPerProgress = 5000
	rejectsAtOnce   = 1000
	rowsPerBatch    = 500
	// connections is how many fill the stage of SQL Server at the same time.
	connections = 4
)

// readFile reads the file and hands each row that its columns can hold to add, with
// its number. The values are only good during the call.
func (i *importer) readFile(ctx context.Context, add func(row int64, values []any) error) (err error) {
	f, err := openCSV(i.dir, i.table.file, i.table.columns)
	if err != nil {
		return err
	}
	defer f.close()
	i.file = fileTotals{sums: make([]big.Int, len(i.table.columns))}
	var (
		engine  = i.db.Engine()
		columns = i.table.columns
		fields  = make([]string, len(columns))
		values  = make([]any, len(columns))
		adders  = make([]exactSum, len(columns))
		lines   = i.lineReader()
		rejects []rejected
	)
	for {
		ok, err := f.next(fields)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		i.file.read++
		if i.file.read%rowsPerProgress == 0 {
			i.progress("reading", i.file.read, f.rows(i.file.read))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		lines.complete(f, fields)
		var wrong *sale.Reject
		for c := range columns {
			if values[c], wrong = columns[c].convert(fields[c], engine); wrong != nil {
				break
			}
		}
		if wrong != nil {
			i.file.rejected++
			rejects = append(rejects, i.rejected(f, fields, wrong))
			if len(rejects) == rejectsAtOnce {
				if err := i.reject(ctx, rejects); err != nil {
					return err
				}
				rejects = rejects[:0]
			}
			continue
		}
		for c := range values {
			if n, ok := values[c].(int64); ok {
				adders[c].add(n)
			}
		}
		if i.filter != nil {
			i.filter.add(i.table, fields)
		}
		i.file.net += lines.worth(fields)
		if err := add(i.file.read, values); err != nil {
			return err
		}
	}
	for c := range adders {
		i.file.sums[c] = adders[c].sum()
	}
	return i.reject(ctx, rejects)
}

// reject records rows without counting them in the run yet: the file may have to be
// read again.
func (i *importer) reject(ctx context.Context, rows []rejected) error {
	if len(rows) == 0 {
		return nil
	}
	if err := i.run.recordRejects(ctx, rows); err != nil {
		return fmt.Errorf("recording %d rejected rows: %w", len(rows), err)
	}
	return nil
}

func (i *importer) rejected(f *csvFile, fields []string, wrong *sale.Reject) rejected {
	var key []string
	for c := range i.table.columns {
		if i.table.isKey(i.table.columns[c].name) {
			key = append(key, fields[c])
		}
	}
	return rejected{source: i.table.file, key: strings.Join(key, " "), reason: string(wrong.Reason), detail: wrong.Detail, content: f.content()}
}

// exactSum adds up 64-bit numbers without overflow.
type exactSum struct {
	low  int64
	high big.Int
}

func (a *exactSum) add(n int64) {
	sum := a.low + n
	if (sum > a.low) != (n > 0) && n != 0 {
		a.high.Add(&a.high, big.NewInt(a.low))
		sum = n
	}
	a.low = sum
}

func (a *exactSum) sum() (total big.Int) {
	total.Add(&a.high, big.NewInt(a.low))
	return total
}

// lineReader knows what is special about transactions.csv; for another file it
// does nothing.
type lineReader struct {
	reader *sale.Reader
	line   sale.Line
}

func (i *importer) lineReader() *lineReader {
	if i.table.name != "dbo.transactions" {
		return &lineReader{}
	}
	return &lineReader{reader: i.run.cfg.reader()}
}

// complete joins Time to Date and fills the currency's sign, as everywhere.
func (l *lineReader) complete(f *csvFile, fields []string) {
	if l.reader == nil {
		return
	}
	date := fields[sale.Date]
	if clock := f.time(); clock != "" && date != "" && !strings.ContainsAny(date, " T:") {
		fields[sale.Date] = date + " " + clock
	}
	if fields[sale.CurrencySymbol] == "" {
		fields[sale.CurrencySymbol] = sale.SymbolOf(fields[sale.Currency])
	}
}

func (l *lineReader) worth(fields []string) sale.Micros {
	if l.reader == nil {
		return 0
	}
	return worth(l.reader, (*sale.Row)(fields), &l.line)
}

// noTime is for lines without a date: the load has no other time to go by either.
var noTime = time.Unix(-1, 0)

// worth is a line's value in USD, 0 for one that the load will reject.
func worth(reader *sale.Reader, row *sale.Row, line *sale.Line) sale.Micros {
	if reader.Read(row, noTime, line) != nil {
		return 0
	}
	return line.USD
}

// stageFile reads the file into a new table of the stage, and compares what has
// arrived with what was sent.
func (i *importer) stageFile(ctx context.Context, text *importText) error {
	if _, err := i.db.Exec(ctx, "DROP TABLE IF EXISTS "+text.Stage); err != nil { // of a try before this one
		return err
	}
	if _, err := i.execute(ctx, i.db, text, "stage"); err != nil {
		return err
	}
	columns := []int{rowNumber}
	for c := range i.table.columns {
		columns = append(columns, c)
	}
	names := i.names(columns)
	if err := i.copyFile(ctx, columns, func(ctx context.Context) (*database.Bulk, error) {
		return i.db.Bulk(ctx, text.Stage, names)
	}); err != nil {
		return err
	}
	return i.check(ctx, text)
}

// rowNumber stands for the number of the row where columns are counted.
const rowNumber = -1

// names are the columns' names.
func (i *importer) names(columns []int) (names []string) {
	for _, c := range columns {
		if c == rowNumber {
			names = append(names, "row_number")
			continue
		}
		names = append(names, i.table.columns[c].name)
	}
	return names
}

// kept are the columns that the table itself has.
func (i *importer) kept() (columns []int) {
	for c := range i.table.columns {
		if !i.table.columns[c].staged {
			columns = append(columns, c)
		}
	}
	return columns
}

// copyFile copies the file's columns over as many connections as the engine can
// use. All that was sent has arrived when it returns without an error.
func (i *importer) copyFile(ctx context.Context, columns []int, open func(context.Context) (*database.Bulk, error)) error {
	workers := 1
	if i.db.Engine() == database.SQLServer && i.table.big {
		workers = connections
	}
	group, ctx := errgroup.WithContext(ctx)
	batches := make(chan []any, workers)
	arrived := make([]int64, workers)
	for w := range workers {
		group.Go(func() error {
			bulk, err := open(ctx)
			if err != nil {
				return err
			}
			for batch := range batches {
				for ; len(batch) > 0; batch = batch[len(columns):] {
					if err := bulk.Add(batch[:len(columns)]...); err != nil {
						return bulk.Abort(err)
					}
				}
			}
			if err := ctx.Err(); err != nil { // the file was not read to its end
				return bulk.Abort(err)
			}
			arrived[w], err = bulk.Close()
			return err
		})
	}
	group.Go(func() error {
		defer close(batches)
		batch := make([]any, 0, rowsPerBatch*len(columns))
		send := func() error {
			select {
			case batches <- batch:
				batch = make([]any, 0, rowsPerBatch*len(columns))
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := i.readFile(ctx, func(row int64, values []any) error {
			for _, c := range columns {
				if c == rowNumber {
					batch = append(batch, row)
				} else {
					batch = append(batch, values[c])
				}
			}
			if len(batch) < cap(batch) {
				return nil
			}
			return send()
		})
		if err != nil {
			return err
		}
		return send()
	})
	if err := group.Wait(); err != nil {
		return err
	}
	var rows int64
	for _, n := range arrived {
		rows += n
	}
	if sent := i.file.read - i.file.rejected; rows != sent {
		return fmt.Errorf("%d rows were sent, but %d have arrived", sent, rows)
	}
	return nil
}

// check compares the number of rows and the sums of a table with the file's.
func (i *importer) check(ctx context.Context, text *importText) error {
	query, err := importStatement(i.db, text, "check")
	if err != nil {
		return err
	}
	var rows int64
	var got []any
	var sums []*string
	for c := range text.Columns {
		if text.Columns[c].Sum {
			sums = append(sums, new(string))
		}
	}
	got = append(got, &rows)
	for _, s := range sums {
		got = append(got, s)
	}
	if err := i.db.QueryRow(ctx, query).Scan(got...); err != nil {
		return err
	}
	if sent := i.file.read - i.file.rejected; rows != sent {
		return fmt.Errorf("%d rows were sent to %s, but it has %d", sent, text.Stage, rows)
	}
	for c := range text.Columns {
		f := &text.Columns[c]
		if !f.Sum {
			continue
		}
		if sent := i.file.sums[f.column].String(); sent != *sums[0] {
			return fmt.Errorf("the column %s was sent with a sum of %s, but in %s it is %s", f.Name, sent, text.Stage, *sums[0])
		}
		sums = sums[1:]
	}
	return nil
}

// importStatement renders one of the texts of sql/import.
func importStatement(db *database.DB, text *importText, name string) (string, error) {
	content, err := sqlFiles.ReadFile("sql/import/" + name + ".sql")
	if err != nil {
		return "", err
	}
	rendered, err := db.Render(string(content), text)
	if err != nil {
		return "", fmt.Errorf("%s.sql: %w", name, err)
	}
	return rendered, nil
}

// executor is a database or a transaction.
type executor interface {
	Exec(ctx context.Context, text string, args ...any) (int64, error)
}

func (i *importer) execute(ctx context.Context, on executor, text *importText, name string) (int64, error) {
	statement, err := importStatement(i.db, text, name)
	if err != nil {
		return 0, err
	}
	return on.Exec(ctx, statement)
}

func (i *importer) drop(ctx context.Context, tables ...string) (err error) {
	for _, table := range tables {
		_, dropped := i.db.Exec(ctx, "DROP TABLE "+table)
		err = errors.Join(err, dropped)
	}
	return err
}
