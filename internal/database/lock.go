package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is that another process holds a lock.
var ErrLocked = errors.New("another process is at work there")

// errBroken makes the pool throw a connection away, when sql.Conn.Raw returns it.
var errBroken = driver.ErrBadConn

// poll is how often a lock in the file system is tried.
const poll = 20 * time.Millisecond

// Lock takes a lock of the database that one process at a time can have, and waits
// for it if need be, at most so long; then the error is ErrLocked. It is free again
// after release, and when the process ends, however it ends.
func (db *DB) Lock(ctx context.Context, name string, wait time.Duration) (release func() error, err error) {
	if db.engine == SQLite {
		return db.lockFile(ctx, name, wait)
	}
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, db.fail("locking", err)
	}
	defer func() {
		if release == nil {
			_ = conn.Close() // it only goes back to the pool
		}
	}()
	var result int
	err = conn.QueryRowContext(ctx, `DECLARE @result INT;
		EXEC @result = sp_getapplock @Resource = @name, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = @wait;
		SELECT @result`, sql.Named("name", db.resource(name)), sql.Named("wait", wait.Milliseconds())).Scan(&result)
	switch {
	case err != nil:
		return nil, db.fail("locking", err)
	case result < 0:
		return nil, db.locked(name)
	}
	return func() error {
		// The lock belongs to the session, so it has to end or be told.
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "EXEC sp_releaseapplock @Resource = @name, @LockOwner = 'Session'", sql.Named("name", db.resource(name))); err == nil {
			return conn.Close()
		}
		// A session ends with its connection, so it is let go of either way.
		_ = conn.Raw(func(any) error { return errBroken })
		return nil
	}, nil
}

// resource names a lock. A compatible server such as Babelfish keeps those of all
// databases together, so the database's name is in it.
func (db *DB) resource(name string) string { return "tillstream " + name + " " + db.name }

// lockFile locks a file beside the database.
func (db *DB) lockFile(ctx context.Context, name string, wait time.Duration) (func() error, error) {
	lock := flock.New(db.file + "-" + name + ".lock")
	ctx, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	defer cancel()
	locked, err := lock.TryLockContext(ctx, poll)
	switch {
	case locked:
		return lock.Unlock, nil
	case err == nil || errors.Is(err, context.DeadlineExceeded):
		return nil, db.locked(name)
	}
	return nil, db.fail("locking", err)
}

func (db *DB) locked(name string) error {
	return &Error{Address: db.address, Op: fmt.Sprintf("taking the lock %q of", name), Err: ErrLocked,
		Hint: "wait until it is done, or end it; `tillstream etl status` shows the runs"}
}
