package database

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"text/template"
	"time"
)

// migrationName is how the files of a migration are called: 001_tables.sql.
var migrationName = regexp.MustCompile(`^[0-9]{3}_[a-z0-9_]+\.sql$`)

// batchEnd separates the batches of a file: CREATE VIEW and CREATE SCHEMA have to
// be the first statement of theirs.
var batchEnd = regexp.MustCompile(`(?im)^[ \t]*GO[ \t]*\r?$`)

// Migrate applies the files NNN_name.sql of a directory that have not been
// applied yet, in the order of their names, each in a transaction of its own with
// the note that it was: so each is applied once, and one that was interrupted is
// applied from its beginning. They may use what the .sql files beside the directory
// define. It returns the names of those it has applied. A file that has changed
// since it was applied is an error.
func (db *DB) Migrate(ctx context.Context, files fs.FS, dir string) (applied []string, err error) {
	names, err := fs.Glob(files, path.Join(dir, "*.sql"))
	if err != nil {
		return nil, err
	}
	shared, err := db.engine.shared(files, path.Dir(dir))
	if err != nil {
		return nil, fmt.Errorf("reading the SQL texts beside %s: %w", dir, err)
	}
	if err := db.createVersions(ctx); err != nil {
		return nil, err
	}
	for _, name := range names { // sorted by Glob
		if !migrationName.MatchString(path.Base(name)) {
			return applied, fmt.Errorf("%s is no name for a migration like 001_tables.sql", name)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return applied, err
		}
		did, err := db.migrateFile(ctx, shared, path.Base(dir), path.Base(name), string(text))
		if err != nil {
			return applied, fmt.Errorf("applying %s: %w", name, err)
		}
		if did {
			applied = append(applied, path.Base(name))
		}
	}
	return applied, nil
}

// createVersions makes the table of what has been applied.
func (db *DB) createVersions(ctx context.Context) error {
	return db.Transact(ctx, func(ctx context.Context, tx *Tx) error {
		if err := tx.lockSchema(ctx); err != nil {
			return err
		}
		exists, err := tx.TableExists(ctx, "dbo", "schema_version")
		if exists || err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `CREATE TABLE dbo.schema_version (
			component  NVARCHAR(64) NOT NULL,
			name       NVARCHAR(64) NOT NULL,
			checksum   NVARCHAR(64) NOT NULL,
			applied_at DATETIME2(3) NOT NULL,
			PRIMARY KEY (component, name)
		)`)
		return err
	})
}

func (db *DB) migrateFile(ctx context.Context, shared *template.Template, component, name, text string) (did bool, err error) {
	sum := sha256.Sum256([]byte(text))
	checksum := hex.EncodeToString(sum[:])
	rendered, err := db.engine.render(text, nil, shared)
	if err != nil {
		return false, err
	}
	err = db.Transact(ctx, func(ctx context.Context, tx *Tx) error {
		did = false
		if err := tx.lockSchema(ctx); err != nil {
			return err
		}
		var known string
		err := tx.QueryRow(ctx, "SELECT checksum FROM dbo.schema_version WHERE component = @component AND name = @name",
			sql.Named("component", component), sql.Named("name", name)).Scan(&known)
		switch {
		case err == nil && known != checksum:
			return &Error{Address: db.address, Op: "checking", Err: fmt.Errorf("%s/%s was applied with other content", component, name),
				Hint: "the database was made by another version of tillstream; use that one, or a new database"}
		case err == nil:
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		for _, batch := range batchEnd.Split(rendered, -1) {
			if strings.TrimSpace(batch) == "" {
				continue
			}
			if _, err := tx.tx.ExecContext(ctx, batch); err != nil {
				return err
			}
		}
		did = true
		_, err = tx.Exec(ctx, "INSERT INTO dbo.schema_version (component, name, checksum, applied_at) VALUES (@component, @name, @checksum, @at)",
			sql.Named("component", component), sql.Named("name", name), sql.Named("checksum", checksum), sql.Named("at", time.Now().UTC()))
		return err
	})
	return did, err
}

// lockSchema keeps out whoever else wants to change the schema until the
// transaction ends. In SQLite every transaction does.
func (tx *Tx) lockSchema(ctx context.Context) error {
	if tx.db.engine == SQLite {
		return nil
	}
	_, err := tx.Exec(ctx, "EXEC sp_getapplock @Resource = @name, @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 60000",
		sql.Named("name", tx.db.resource("schema")))
	return err
}

// TableExists reports whether there is such a table or view.
func (tx *Tx) TableExists(ctx context.Context, schema, table string) (bool, error) {
	return tx.db.tableExists(ctx, tx.tx, schema, table)
}

// TableExists reports whether there is such a table or view.
func (db *DB) TableExists(ctx context.Context, schema, table string) (bool, error) {
	return db.tableExists(ctx, db.pool, schema, table)
}

func (db *DB) tableExists(ctx context.Context, r runner, schema, table string) (bool, error) {
	query, args := "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = @schema AND table_name = @table",
		[]any{sql.Named("schema", schema), sql.Named("table", table)}
	if db.engine == SQLite {
		name, err := db.Render(schema+"."+table, nil)
		if err != nil {
			return false, err
		}
		query, args = "SELECT COUNT(*) FROM sqlite_schema WHERE name = @table AND type IN ('table', 'view')", []any{sql.Named("table", name)}
	}
	var n int
	err := r.QueryRowContext(ctx, query, args...).Scan(&n)
	return n > 0, db.fail("reading from", err)
}
