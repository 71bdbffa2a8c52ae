package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	mssql "github.com/microsoft/go-mssqldb"
)

// serverCopier fills a table by SQL Server's bulk copy, with a table lock: several
// may fill the same table at the same time, if it has no index.
type serverCopier struct {
	ctx  context.Context
	conn *sql.Conn
	held bool // it is in a transaction, which stays open after it
	bulk *mssql.Bulk

	isText  []bool // by column: it takes UTF-16
	scratch []byte // a row's texts in UTF-16
}

func newServerCopier(ctx context.Context, db *DB, table string, columns []string, held bool) (_ *serverCopier, err error) {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &serverCopier{ctx: ctx, conn: conn, held: held}
	defer func() {
		if err != nil {
			c.discard()
		}
	}()
	if c.isText, err = textColumns(ctx, conn, table, columns); err != nil {
		return nil, err
	}
	if held {
		// A sql.Tx would not let go of a connection that is to be thrown away.
		if _, err = conn.ExecContext(ctx, "BEGIN TRANSACTION"); err != nil {
			return nil, err
		}
	}
	return c, conn.Raw(func(raw any) error {
		driver, ok := raw.(*mssql.Conn)
		if !ok {
			return fmt.Errorf("%T is no connection to SQL Server", raw)
		}
		c.bulk = driver.CreateBulkContext(ctx, table, columns)
		c.bulk.Options.Tablock = true
		return nil
	})
}

// textColumns says which columns are NVARCHAR.
func textColumns(ctx context.Context, conn *sql.Conn, table string, columns []string) (isText []bool, err error) {
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = QuoteName(name)
	}
	rows, err := conn.QueryContext(ctx, "SELECT "+strings.Join(quoted, ", ")+" FROM "+table+" WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		isText = append(isText, t.DatabaseTypeName() == "NVARCHAR")
	}
	return isText, rows.Err()
}

// add encodes the texts itself, into memory that it uses again for each row: the
// driver's way allocates three times for each of them, which is a third of what a
// copy costs on this side.
func (c *serverCopier) add(values []any) error {
	size := 0
	for i, v := range values {
		if s, ok := v.(string); ok && c.isText[i] {
			size += 2 * len(s) // no rune takes more than twice its bytes
		}
	}
	if size > cap(c.scratch) {
		c.scratch = make([]byte, 0, 2*size)
	}
	b := c.scratch[:0]
	for i, v := range values {
		if s, ok := v.(string); ok && c.isText[i] {
			begin := len(b)
			b = appendUTF16(b, s)
			values[i] = b[begin:len(b):len(b)]
		}
	}
	return c.bulk.AddRow(values)
}

// appendUTF16 appends a text in UTF-16, little end first, as the protocol has it.
func appendUTF16(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] >= 0x80 {
			for _, unit := range utf16.Encode([]rune(s[i:])) {
				b = append(b, byte(unit), byte(unit>>8))
			}
			return b
		}
		b = append(b, s[i], 0)
	}
	return b
}

func (c *serverCopier) close(failed error) (rows int64, err error) {
	if failed == nil {
		rows, err = c.bulk.Done()
	}
	if failed != nil || err != nil {
		c.discard() // the server is in the middle of a copy
		return 0, errors.Join(failed, err)
	}
	if err := c.inStep(); err != nil {
		c.discard()
		if c.held { // and not committed
			return 0, err
		}
		return rows, nil
	}
	if c.held {
		return rows, nil
	}
	return rows, c.conn.Close()
}

// errLostStep is that a server takes a part of a copy for the next question.
var errLostStep = errors.New("the server has lost step after copying rows")

// inStep asks something, whose answer nobody needs. Babelfish stops reading at the
// first byte of the token that ends a copy. Where the rest of it begins a packet, it
// takes that packet for the next question and refuses it, and from then on each
// question gets the answer of the one before, without an error. That depends on the
// length of the rows alone, and happens to one copy in 300.
func (c *serverCopier) inStep() error {
	var n int
	if err := c.conn.QueryRowContext(c.ctx, "SELECT 1").Scan(&n); err != nil {
		return fmt.Errorf("%w: %w", errLostStep, err)
	}
	return nil
}

// discard ends the connection, and with it the transaction.
func (c *serverCopier) discard() {
	if c.conn == nil {
		return
	}
	_ = c.conn.Raw(func(any) error { return errBroken })
	c.conn = nil
}

// HeldBulk is a Bulk whose rows are not in the table before Commit.
type HeldBulk struct {
	*Bulk
	server *serverCopier
}

// HeldBulk begins to copy rows as Bulk does, in a transaction of its own that
// stays open after Close, until Commit or Rollback. Only SQL Server can do it.
func (db *DB) HeldBulk(ctx context.Context, table string, columns []string) (*HeldBulk, error) {
	if db.engine != SQLServer {
		return nil, errors.New("holding a copy back is for SQL Server only")
	}
	c, err := newServerCopier(ctx, db, table, columns, true)
	if err != nil {
		return nil, db.fail("copying rows into", err)
	}
	return &HeldBulk{Bulk: &Bulk{db: db, values: make([]any, len(columns)), copier: c}, server: c}, nil
}

// Commit lets the rows be in the table, after Close.
func (h *HeldBulk) Commit() error {
	return h.db.fail("copying rows into", h.server.end("COMMIT TRANSACTION"))
}

// Rollback takes the rows back, after Close. Also after an error, and after Commit,
// when it does nothing.
func (h *HeldBulk) Rollback() {
	if h.server.conn != nil {
		_ = h.server.end("ROLLBACK TRANSACTION") // or the server does it, when it is left alone
	}
}

// end ends the transaction of a copy that is held, and gives the connection back.
func (c *serverCopier) end(statement string) error {
	if _, err := c.conn.ExecContext(context.WithoutCancel(c.ctx), statement); err != nil {
		c.discard()
		return err
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}
