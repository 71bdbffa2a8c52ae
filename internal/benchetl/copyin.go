//go:build unix

package main

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// readyRows is how many lines are held ready: they are sent again and again until
// there are as many as in the file, which a table without keys does not mind.
const readyRows = 20_000

// copyIn is what a bulk copy takes when there is nothing else to do: on one
// connection, as freebcp, in one transaction, of values that were read before.
func (t *target) copyIn(file string, lines int) (took time.Duration, err error) {
	columns, rows, err := ready(file)
	if err != nil {
		return 0, err
	}
	if err := t.execute(t.source, "DROP TABLE IF EXISTS dbo.bare", bareTable); err != nil {
		return 0, err
	}
	db, err := sql.Open("sqlserver", t.source)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	began := time.Now()
	if err := copyRows(t.ctx, db, columns, rows, lines); err != nil {
		return 0, fmt.Errorf("copying with go-mssqldb: %w", err)
	}
	took = time.Since(began)
	if n, err := t.bareRows(); err != nil || n != lines {
		return 0, errors.Join(err, fmt.Errorf("go-mssqldb has copied %d lines of %d", n, lines))
	}
	return took, nil
}

func copyRows(ctx context.Context, db *sql.DB, columns []string, rows [][]any, lines int) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	copying, err := tx.PrepareContext(ctx, mssql.CopyIn("dbo.bare", mssql.BulkOptions{Tablock: true}, columns...))
	if err != nil {
		return err
	}
	for n := range lines {
		if _, err := copying.ExecContext(ctx, rows[n%len(rows)]...); err != nil {
			return err
		}
	}
	if _, err := copying.ExecContext(ctx); err != nil { // sends the rest
		return err
	}
	if err := copying.Close(); err != nil {
		return err
	}
	return tx.Commit()
}

// ready reads the first lines of a file into values such as the driver takes.
func ready(file string) (columns []string, rows [][]any, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	in := csv.NewReader(f)
	if columns, err = in.Read(); err != nil {
		return nil, nil, err
	}
	for len(rows) < readyRows {
		record, err := in.Read()
		if err != nil {
			return nil, nil, fmt.Errorf("%s has fewer than %d lines: %w", file, readyRows, err)
		}
		row := make([]any, len(columns))
		for i, field := range record {
			if row[i], err = readyValue(columns[i], field); err != nil {
				return nil, nil, err
			}
		}
		rows = append(rows, row)
	}
	return columns, rows, nil
}

func readyValue(column, field string) (any, error) {
	switch column {
	case "Line", "Quantity":
		return strconv.ParseInt(field, 10, 64)
	case "Date":
		return time.Parse(time.DateTime, field)
	case "Unit Price", "Discount", "Line Total", "Invoice Total":
		// The driver takes a whole number for a DECIMAL's digits, here six of them
		// behind the point. From text it would make a big.Int of each.
		whole, fraction, _ := strings.Cut(field, ".")
		return strconv.ParseInt(whole+(fraction + "000000")[:6], 10, 64)
	}
	return field, nil
}
