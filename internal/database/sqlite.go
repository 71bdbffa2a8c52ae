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

	"modernc.org/sqlite"
)

// What every connection to SQLite is set to. WAL lets dashboards read while
// something is written; FULL syncs at each commit, which is what makes one durable.
// Sorting and the stage may use a file.
var pragmas = []string{
	"busy_timeout(30000)",
	"journal_mode(WAL)",
	"synchronous(FULL)",
	"cache_size(-65536)", // KiB
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
	if err != nil {
		return nil, errors.Join(err, db.pool.Close())
	}
	return db, nil
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
