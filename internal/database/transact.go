package database

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"
)

// Tx is a transaction that is open.
type Tx struct {
	db *DB
	tx *sql.Tx
}

// Exec is as DB.Exec.
func (tx *Tx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	return tx.db.exec(ctx, tx.tx, text, args)
}

// Query is as DB.Query. Close its rows before the next statement: SQL Server has
// one answer at a time on a connection.
func (tx *Tx) Query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return tx.db.query(ctx, tx.tx, text, args)
}

// QueryRow is as DB.QueryRow.
func (tx *Tx) QueryRow(ctx context.Context, text string, args ...any) *Row {
	return tx.db.queryRow(ctx, tx.tx, text, args)
}

// Prepare renders a statement that runs many times in the transaction. Its
// arguments are by position.
func (tx *Tx) Prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	text, err := tx.db.Render(text, nil)
	if err != nil {
		return nil, err
	}
	stmt, err := tx.tx.PrepareContext(ctx, text)
	return stmt, tx.db.fail("writing to", err)
}

// Engine says which engine it is.
func (tx *Tx) Engine() Engine { return tx.db.engine }

// Render is as DB.Render.
func (tx *Tx) Render(text string, data any) (string, error) { return tx.db.Render(text, data) }

// How often and how patiently a transaction is tried again.
const (
	attempts   = 6
	firstPause = 50 * time.Millisecond
	mostPause  = 5 * time.Second
)

// Transact runs f in a transaction and commits it. Where f or the commit fails for
// a reason that passes (see IsTransient), all of it is rolled back and run again,
// up to 6 times in about 5 seconds: so f must do nothing but what the transaction undoes.
// A commit whose answer was lost in a broken connection may have happened, and f
// runs once more on its result: it must find then that nothing is left to do.
func (db *DB) Transact(ctx context.Context, f func(context.Context, *Tx) error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := db.transactOnce(ctx, f)
		if attempt == attempts || !IsTransient(err) || ctx.Err() != nil {
			return db.fail("writing to", err)
		}
		// Two that have hindered each other must not meet again.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, mostPause)
	}
}

func (db *DB) transactOnce(ctx context.Context, f func(context.Context, *Tx) error) error {
	if db.engine == SQLServer {
		return db.transactOn(ctx, db.pool.BeginTx, f)
	}
	return db.write(ctx, func(conn *sql.Conn) error { return db.transactOn(ctx, conn.BeginTx, f) })
}

func (db *DB) transactOn(ctx context.Context, begin func(context.Context, *sql.TxOptions) (*sql.Tx, error), f func(context.Context, *Tx) error) (err error) {
	defer func() {
		// When a context ends, database/sql rolls back at once, and whoever comes next,
		// a statement or the commit, learns only that the transaction is done.
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	tx, err := begin(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(ctx, &Tx{db: db, tx: tx}); err != nil {
		// A transaction that the engine has ended already cannot be rolled back again.
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) && !IsTransient(err) {
			return errors.Join(err, undo)
		}
		return err
	}
	return tx.Commit()
}
