package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-sql/civil"
)

// Date is a day, as an argument or a value to copy.
type Date time.Time

// Time reads a time that a query returns, whatever the engine makes of it, also
// NULL, which is the zero time.
type Time struct{ time.Time }

// How SQLite holds times: text whose order is that of time.
const (
	dateForm   = time.DateOnly
	secondForm = time.DateTime
	milliForm  = "2006-01-02 15:04:05.000"
)

// Scan implements sql.Scanner.
func (t *Time) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		t.Time = time.Time{}
		return nil
	case time.Time:
		t.Time = v
		return nil
	case []byte:
		return t.Scan(string(v))
	case string:
		for _, form := range []string{secondForm, milliForm, dateForm, time.RFC3339Nano} {
			if parsed, err := time.Parse(form, v); err == nil {
				t.Time = parsed
				return nil
			}
		}
	}
	return fmt.Errorf("%v (%T) is no time", value, value)
}

// runner is what runs statements: a pool, a connection or a transaction.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Exec renders and runs a statement, or several with a semicolon after each, and
// returns how many rows it has changed. Arguments are sql.Named("name", value) and
// written @name; times and Dates are turned into what the engine keeps.
func (db *DB) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	if db.engine == SQLServer {
		return db.exec(ctx, db.pool, text, args)
	}
	var n int64
	err := db.write(ctx, func(conn *sql.Conn) (err error) {
		n, err = db.exec(ctx, conn, text, args)
		return err
	})
	return n, err
}

// Query renders and runs a query. In SQLite a query of the stage goes through the
// connection that writes.
func (db *DB) Query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return db.query(ctx, db.reader(text), text, args)
}

// Row is the answer to a query for one row.
type Row struct {
	db  *DB
	row *sql.Row
	err error
}

// Scan copies the row's values, and closes it. Its error is sql.ErrNoRows where
// there is no row.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) { // which is no trouble of the database's
		return err
	}
	return r.db.fail("reading from", err)
}

// QueryRow renders and runs a query for one row.
func (db *DB) QueryRow(ctx context.Context, text string, args ...any) *Row {
	return db.queryRow(ctx, db.reader(text), text, args)
}

func (db *DB) reader(text string) runner {
	if db.engine == SQLite && (strings.Contains(text, "stage.") || strings.Contains(text, "temp.")) { // temp: it was rendered before
		return db.writer
	}
	return db.pool
}

func (db *DB) exec(ctx context.Context, r runner, text string, args []any) (int64, error) {
	text, err := db.Render(text, nil)
	if err != nil {
		return 0, err
	}
	result, err := r.ExecContext(ctx, text, db.arguments(args)...)
	if err != nil {
		return 0, db.fail("writing to", err)
	}
	return result.RowsAffected()
}

func (db *DB) query(ctx context.Context, r runner, text string, args []any) (*sql.Rows, error) {
	text, err := db.Render(text, nil)
	if err != nil {
		return nil, err
	}
	rows, err := r.QueryContext(ctx, text, db.arguments(args)...)
	return rows, db.fail("reading from", err)
}

func (db *DB) queryRow(ctx context.Context, r runner, text string, args []any) *Row {
	text, err := db.Render(text, nil)
	if err != nil {
		return &Row{err: err}
	}
	return &Row{db: db, row: r.QueryRowContext(ctx, text, db.arguments(args)...)}
}

func (db *DB) arguments(args []any) []any {
	converted := make([]any, len(args))
	for i, arg := range args {
		if named, ok := arg.(sql.NamedArg); ok {
			named.Value = db.engine.value(named.Value)
			arg = named
		}
		converted[i] = arg
	}
	return converted
}

// value turns a time into what the engine keeps.
func (e Engine) value(v any) any {
	switch t := v.(type) {
	case Date:
		if e == SQLServer {
			return civil.DateOf(time.Time(t))
		}
		return time.Time(t).Format(dateForm)
	case Time:
		return e.value(t.Time)
	case time.Time:
		if e == SQLServer {
			return civil.DateTimeOf(t)
		}
		if t.Nanosecond() == 0 {
			return t.Format(secondForm)
		}
		return t.Format(milliForm)
	}
	return v
}
