package database

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// How long the server may take to answer a connection and its first question.
const connectTimeout = 15 * time.Second

func openSQLServer(ctx context.Context, address string, create bool) (_ *DB, err error) {
	db := &DB{engine: SQLServer, address: Redact(address)}
	defer func() { err = db.fail("opening", err) }()
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		// The parser's error quotes the address, the password with it.
		return nil, &Error{Address: db.address, Op: "opening", Err: errors.New("the address cannot be read"),
			Hint: "write sqlserver://user:password@host:1433?database=name; a character like @ in a password is %40"}
	}
	query := u.Query()
	name := query.Get("database")
	if name == "" {
		return nil, &Error{Address: db.address, Op: "opening", Err: errors.New("the address names no database"),
			Hint: "add ?database=name"}
	}
	db.name = name
	if query.Get("app name") == "" {
		query.Set("app name", "tillstream")
	}
	if create {
		if err := createDatabase(ctx, *u, query, name); err != nil {
			return nil, err
		}
	}
	db.pool, err = connect(ctx, *u, query)
	if err != nil {
		return nil, err
	}
	return db, nil
}

// connect opens the server and waits for its first answer.
func connect(ctx context.Context, u url.URL, query url.Values) (*sql.DB, error) {
	u.RawQuery = query.Encode()
	connector, err := mssql.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	// The default of 2 would open and close connections all the time.
	pool.SetMaxIdleConns(8)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// createDatabase makes the database, unless it is there.
func createDatabase(ctx context.Context, u url.URL, query url.Values, name string) (err error) {
	elsewhere := url.Values{}
	for key, values := range query {
		elsewhere[key] = values
	}
	elsewhere.Set("database", "master")
	pool, err := connect(ctx, u, elsewhere)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	exists := func() (found bool, err error) {
		var n int
		err = pool.QueryRowContext(ctx, "SELECT COUNT(*) FROM sys.databases WHERE name = @name", sql.Named("name", name)).Scan(&n)
		return n > 0, err
	}
	if found, err := exists(); found || err != nil {
		return err
	}
	if _, err := pool.ExecContext(ctx, "CREATE DATABASE "+QuoteName(name)); err != nil {
		if found, _ := exists(); found { // another one was quicker
			return nil
		}
		return err
	}
	return nil
}

// QuoteName writes a name so that a statement can hold it, whatever is in it.
func QuoteName(name string) string { return mssql.TSQLQuoter{}.ID(name) }
