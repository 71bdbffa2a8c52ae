package database

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bulk copies rows into a table as fast as the engine can.
type Bulk struct {
	copier
	db     *DB
	values []any
	failed error
}

// copier is an engine's own way to copy rows.
type copier interface {
	add(values []any) error
	// close ends the copying: all of the rows are there then, or an error says why
	// not. With failed it gives up.
	close(failed error) (rows int64, err error)
}

// Bulk begins to copy rows into columns of a table, named as in a statement:
// stage.lines. It is not part of a transaction. In SQLite all rows are there or
// none, and nothing else can write until Close; in SQL Server what was copied before
// an error may stay, so there it is for tables of the stage.
func (db *DB) Bulk(ctx context.Context, table string, columns []string) (*Bulk, error) {
	table, err := db.Render(table, nil)
	if err != nil {
		return nil, err
	}
	b := &Bulk{db: db, values: make([]any, len(columns))}
	if db.engine == SQLServer {
		b.copier, err = newServerCopier(ctx, db, table, columns, false)
	} else {
		b.copier, err = newLiteBulk(ctx, db, table, columns)
	}
	if err != nil {
		return nil, db.fail("copying rows into", err)
	}
	return b, nil
}

// Bulk is DB.Bulk as a part of the transaction, which can be used for nothing else
// until Close. Only SQLite can do it.
func (tx *Tx) Bulk(ctx context.Context, table string, columns []string) (*Bulk, error) {
	if tx.db.engine != SQLite {
		return nil, errors.New("copying in a transaction is for SQLite only")
	}
	table, err := tx.db.Render(table, nil)
	if err != nil {
		return nil, err
	}
	return &Bulk{db: tx.db, values: make([]any, len(columns)),
		copier: newLiteCopier(ctx, tx.tx, func() {}, table, columns)}, nil
}

// Add copies one row: strings, whole numbers, floats, booleans, times, Dates and
// nil. After an error only Close is left to call.
func (b *Bulk) Add(values ...any) error {
	if b.failed != nil {
		return b.failed
	}
	if len(values) != len(b.values) {
		b.failed = fmt.Errorf("a row has %d values for %d columns", len(values), len(b.values))
		return b.failed
	}
	for i, v := range values {
		b.values[i] = b.db.engine.bulkValue(v)
	}
	b.failed = b.db.fail("copying rows into", b.add(b.values))
	return b.failed
}

// Close waits until all rows are there, and returns how many. It must be called,
// also after an error, which it returns again.
func (b *Bulk) Close() (int64, error) {
	rows, err := b.close(b.failed)
	if b.failed != nil {
		return 0, b.failed
	}
	return rows, b.db.fail("copying rows into", err)
}

// Abort ends the copying without its rows: those of SQLite are gone. It returns why.
func (b *Bulk) Abort(why error) error {
	if b.failed == nil {
		b.failed = why
	}
	_, err := b.Close()
	return err
}

// bulkValue makes of a value what the copiers take.
func (e Engine) bulkValue(v any) any {
	switch t := v.(type) {
	case string, int64, nil:
		return v
	case int:
		return int64(t)
	case Date:
		if e == SQLServer {
			return time.Time(t)
		}
	case Time:
		return e.bulkValue(t.Time)
	case time.Time:
		if e == SQLServer {
			return t
		}
	}
	return e.value(v)
}
