// Package database is an SQL database that is either SQL Server or SQLite.
// Whatever differs between the two is here: addresses, the text of a statement,
// types, copying in bulk, transactions that are worth trying again, and errors.
//
// A statement is written once, in the SQL that both understand, with the names of
// SQL Server's schemas: see Render for what becomes of it. The schema stage is for
// tables that only the run needs that makes them. SQL Server has it as a schema
// like any other; in SQLite it is the temporary database of the one connection
// that writes, so nothing is left of it when the process ends, however it ends.
package database

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"sync"
)

// Engine is a kind of database.
type Engine int

// The engines there are.
const (
	SQLite Engine = iota
	SQLServer
)

// String returns the engine's own name.
func (e Engine) String() string {
	if e == SQLServer {
		return "SQL Server"
	}
	return "SQLite"
}

// DB is an open database. It is safe for concurrent use, but in SQLite all writing
// takes turns: a function given to Transact must not call the DB, only its Tx.
type DB struct {
	pool    *sql.DB
	engine  Engine
	address string // without a password
	file    string // of SQLite
	name    string // of the database, in SQL Server

	// In SQLite, what writes and what reads the stage goes through one connection,
	// to which the stage belongs. Whoever writes holds the turn.
	writer *sql.Conn
	turn   chan struct{}

	texts sync.Map // statements as they were rendered
}

// The schemes of addresses.
const (
	schemeSQLite    = "sqlite"
	schemeSQLServer = "sqlserver"
)

// Open opens a database that exists: sqlserver://user:password@host:1433?database=name
// or sqlite:FILE. Characters of a password that mean something in an address are
// written as in any URL, @ as %40. An error is an *Error.
func Open(ctx context.Context, address string) (*DB, error) { return open(ctx, address, false) }

// Create opens a database as Open does, and makes it if there is none.
func Create(ctx context.Context, address string) (*DB, error) { return open(ctx, address, true) }

func open(ctx context.Context, address string, create bool) (*DB, error) {
	scheme, rest, _ := strings.Cut(address, ":")
	switch {
	case scheme == schemeSQLite && rest != "":
		return openSQLite(ctx, rest, create)
	case scheme == schemeSQLServer:
		return openSQLServer(ctx, address, create)
	}
	return nil, &Error{Address: Redact(address), Op: "opening", Err: fmt.Errorf("it is no address of a database"),
		Hint: "write sqlite:FILE or sqlserver://user:password@host:1433?database=name"}
}

// Redact returns an address without its password, for people to read.
func Redact(address string) string {
	scheme, rest, found := strings.Cut(address, ":")
	if !found || scheme == schemeSQLite {
		return address
	}
	u, err := url.Parse(address)
	if err != nil || u.Opaque != "" || u.Host == "" {
		// It cannot be told what in it is the password.
		return scheme + ":" + strings.Repeat(".", min(3, len(rest)))
	}
	query := u.Query()
	shown := url.Values{}
	if name := query.Get("database"); name != "" {
		shown.Set("database", name)
	}
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawQuery: shown.Encode()}
	if name := u.User.Username(); name != "" {
		clean.User = url.User(name)
	}
	return clean.String()
}

// Engine says which engine it is.
func (db *DB) Engine() Engine { return db.engine }

// Address returns where it is, without a password.
func (db *DB) Address() string { return db.address }

// Pool is the database as the standard library has it, for what this package does
// not do. It does not render, and in SQLite it does not see the stage.
func (db *DB) Pool() *sql.DB { return db.pool }

// Close closes it. What is under way must have ended before.
func (db *DB) Close() error {
	if db.writer != nil {
		_ = db.writer.Close() // it only goes back to the pool
	}
	return db.pool.Close()
}

// write runs f on the connection that writes, alone.
func (db *DB) write(ctx context.Context, f func(*sql.Conn) error) error {
	select {
	case db.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-db.turn }()
	return f(db.writer)
}
