package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
)

// busyTimeout is how long a connection waits for another one's lock.
const busyTimeout = 30 * time.Second

// idleReaders is how many connections that read are kept open.
const idleReaders = 2

// How much a connection keeps of the file, and sorts in memory, in KiB. It takes twice
// that: the driver's allocator gives out powers of two, so that a page of 4 KiB with its
// header costs 8. More of it did not make a load of 1 million lines quicker.
const (
	writerCache = 16 << 10
	readerCache = 8 << 10
)

// What every connection to SQLite is set to. FULL syncs at each commit, which is what
// makes one durable. Sorting and the stage may use a file.
var pragmas = []string{
	fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
	"synchronous(FULL)",
	fmt.Sprintf("cache_size(-%d)", readerCache),
	"temp_store(FILE)",
}

func openSQLite(ctx context.Context, file string, create bool) (_ *DB, err error) {
	db := &DB{engine: SQLite, address: schemeSQLite + ":" + file, file: file, turn: make(chan struct{}, 1)}
	defer func() { err = db.fail("opening", err) }()
	if err := checkFile(file, create); err != nil {
		return nil, err
	}
	query := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}, "mode": {"rw"}}
	if create {
		query.Set("mode", "rwc")
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: query.Encode(), OmitHost: true}
	if err := registerFeeds(); err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	db.pool = sql.OpenDB(connector)
	db.writer, err = db.pool.Conn(ctx)
	if err == nil {
		// The first look at the file: only now does it show whether it is a database.
		_, err = db.writer.ExecContext(ctx, "SELECT COUNT(*) FROM sqlite_schema")
	}
	if err == nil {
		_, err = db.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA cache_size = -%d", writerCache))
	}
	if err == nil {
		// WAL lets dashboards read while something is written. The file keeps the mode.
		err = db.setJournal(ctx, "WAL")
	}
	if err != nil {
		return nil, errors.Join(err, db.pool.Close())
	}
	return db, nil
}

// WithoutWAL runs f while SQLite changes the file itself, with a rollback journal
// beside it, instead of writing everything to the log first and to the file later:
// half as much, where f fills an empty table. It is as safe; but others wait for f
// before they can read. Where another process has the file open, and in SQL Server,
// f runs as always.
func (db *DB) WithoutWAL(ctx context.Context, f func() error) (err error) {
	if db.engine != SQLite {
		return f()
	}
	// The mode changes only when nobody else has the file open, our own connections
	// that read included.
	db.pool.SetMaxIdleConns(0)
	defer db.pool.SetMaxIdleConns(idleReaders)
	if err := db.setJournal(ctx, "TRUNCATE"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.setJournal(context.WithoutCancel(ctx), "WAL")) }()
	return f()
}

// setJournal changes the journal's mode, if it can do so at once.
func (db *DB) setJournal(ctx context.Context, mode string) error {
	return db.write(ctx, func(conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
			return db.fail("setting up", err)
		}
		_, err := conn.ExecContext(ctx, "PRAGMA journal_mode = "+mode)
		if IsTransient(err) {
			err = nil
		}
		_, restored := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", busyTimeout.Milliseconds()))
		return db.fail("setting up", errors.Join(err, restored))
	})
}

// checkFile finds what SQLite has only "unable to open database file" for.
func checkFile(file string, create bool) error {
	info, err := os.Stat(file)
	switch {
	case err == nil && info.IsDir():
		return &Error{Address: schemeSQLite + ":" + file, Op: "opening", Err: errors.New("it is a directory"), Hint: "name a file in it"}
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist) && create:
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("creating its directory: %w", err)
		}
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Address: schemeSQLite + ":" + file, Op: "opening", Err: errors.New("there is no such file"),
			Hint: "check the path; `tillstream etl init` makes the databases"}
	}
	return err
}
