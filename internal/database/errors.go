package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	mssql "github.com/microsoft/go-mssqldb"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Error is what went wrong with a database, for people.
type Error struct {
	Address string // of the database, without a password
	Op      string // what was being done: "opening"
	Err     error
	Hint    string // what to try; empty where there is nothing to say
}

// Error says what happened, to what, and what to try.
func (e *Error) Error() string {
	text := e.Op + " " + e.Address + ": " + e.Err.Error()
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Unwrap returns the engine's own error.
func (e *Error) Unwrap() error { return e.Err }

// fail wraps an error of the engine, unless it says it all already or is only that
// the caller's context has ended.
func (db *DB) fail(op string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{Address: db.address, Op: op, Err: err, Hint: hint(err)}
}

// unmapped is the number under which a compatible server such as Babelfish reports
// whatever has no number of SQL Server's: only the text tells what it is.
const unmapped = 33557097

// Hints that a number of SQL Server's and the text of another server lead to.
const (
	hintDatabase = "check the database's name and that this user may use it; `tillstream etl init` makes databases"
	hintRights   = "this login may not do that; `tillstream etl init` grants each login its rights"
	hintTables   = "is this the right database? `tillstream etl init` makes the tables"
)

// hint says what to try against an engine's error, empty where that is unknown.
func hint(err error) string {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB:
			return "the file is no SQLite database; name another one, or move it away"
		case sqlite3.SQLITE_CORRUPT:
			return "the file is damaged; restore it, or move it away and load it anew"
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return "another program writes to it; wait for that, or end it"
		case sqlite3.SQLITE_FULL:
			return "the disk is full, that of the database or of temporary files (SQLITE_TMPDIR, else TMPDIR); make room and run it again"
		case sqlite3.SQLITE_READONLY:
			return "this user may not write the file or its directory; check them with ls -l"
		case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
			return "check the path and the permissions of the directory with ls -l"
		}
	}
	var server mssql.Error
	if errors.As(err, &server) {
		switch server.Number {
		case 18456, 18452:
			return "check user and password; a character like @ in a password is written %40 in an address"
		case 4060, 911:
			return hintDatabase
		case 208, 2812:
			return hintTables
		case 229, 230, 262, 300:
			return hintRights
		case 1105, 9002:
			return "the server's disk or log is full; make room and run it again"
		case unmapped:
			switch {
			case strings.HasPrefix(server.Message, "Cannot open database"):
				return hintDatabase
			case strings.Contains(server.Message, "permission denied"), strings.HasPrefix(server.Message, "must be owner"):
				return hintRights
			case strings.HasSuffix(server.Message, "does not exist"):
				return hintTables
			}
		}
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) {
		return "does the server run, and is the address right?"
	}
	return ""
}

// IsTransient reports whether the same thing may well work when it is tried again:
// a deadlock, a lock that was not to be had in time, a connection that broke or lost step.
func IsTransient(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if errors.Is(err, errLostStep) {
		return true
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff
		return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
	}
	var server mssql.Error
	if errors.As(err, &server) {
		switch server.Number {
		case 1205, // deadlock victim
			1222,                                                     // lock request timed out
			-2,                                                       // timeout
			3960,                                                     // snapshot update conflict
			601,                                                      // data moved under a NOLOCK scan
			64, 233, 10053, 10054, 10060, 40197, 40501, 40613, 49918, // the connection or the service went away
			6005, // the server is shutting down
			921,  // the database is not recovered yet
			4221: // login to a read replica timed out
			return true
		case unmapped:
			return strings.Contains(server.Message, "lock timeout") || strings.Contains(server.Message, "could not serialize access")
		}
		return false
	}
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.As(err, &network) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "broken pipe")
}

// IsUnsupported reports whether a server that is compatible with SQL Server says
// that it does not have a feature.
func IsUnsupported(err error) bool {
	var server mssql.Error
	return errors.As(err, &server) && server.Number == unmapped && strings.Contains(server.Message, "not currently supported")
}

// IsDuplicate reports whether a row was refused because its key is taken.
func IsDuplicate(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	var server mssql.Error
	if !errors.As(err, &server) {
		return false
	}
	for _, e := range append(server.All, server) {
		switch e.Number {
		case 2627, 2601, 1505: // a constraint's, an index's, and an index that is being built
			return true
		}
	}
	return false
}
