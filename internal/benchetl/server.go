//go:build unix

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	_ "github.com/microsoft/go-mssqldb"

	"tillstream/internal/workbench"
)

// bareTable has the columns of dbo.transactions, without the row version.
const bareTable = `CREATE TABLE dbo.bare (
	[Invoice ID] NVARCHAR(255) NOT NULL, [Line] INT NOT NULL, [Customer ID] NVARCHAR(255) NULL, [Product ID] NVARCHAR(255) NULL,
	[Size] NVARCHAR(255) NULL, [Color] NVARCHAR(255) NULL, [Unit Price] DECIMAL(38,6) NULL, [Quantity] INT NOT NULL, [Date] DATETIME2(0) NULL,
	[Discount] DECIMAL(38,6) NULL, [Line Total] DECIMAL(38,6) NOT NULL, [Store ID] NVARCHAR(255) NULL, [Employee ID] NVARCHAR(255) NULL,
	[Currency] NVARCHAR(255) NULL, [Currency Symbol] NVARCHAR(255) NULL, [SKU] NVARCHAR(255) NULL, [Transaction Type] NVARCHAR(255) NULL,
	[Payment Method] NVARCHAR(255) NULL, [Invoice Total] DECIMAL(38,6) NULL)`

// server compares the import of transactions.csv with what freebcp takes to copy
// the same lines into a bare table; where freebcp cannot, with the driver's own bulk
// copy. FREEBCP names another freebcp than the one that is installed.
func (b *bench) server(address string) (err error) {
	freebcp := os.Getenv("FREEBCP")
	if freebcp == "" {
		freebcp = "freebcp"
	}
	if _, err := exec.LookPath(freebcp); err != nil {
		return errors.New("freebcp is not installed; install it with: apt-get install freetds-bin")
	}
	data, err := b.Generate(b.lines)
	if err != nil {
		return err
	}
	target, err := newTarget(b.Context, address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.drop()) }()
	peer, file := "freebcp", data+"/transactions.csv"
	var theirs, ours []time.Duration
	for round := range b.runs {
		workbench.Say("SQL Server, round %d of %d", round+1, b.runs)
		if err := target.drop(); err != nil {
			return err
		}
		if _, err := b.etl(nil, target.source, target.warehouse, "init"); err != nil {
			return err
		}
		var summary imported
		if _, err := b.etl(&summary, target.source, target.warehouse, "import", "--from", data); err != nil {
			return err
		}
		ours = append(ours, summary.transactions())
		var took time.Duration
		if round == 0 {
			if took, err = target.freebcp(b, freebcp, file); errors.Is(err, errLost) {
				fmt.Printf("%v. Here the import is compared with the barest bulk copy there is: go-mssqldb's, of values that are ready in memory.\n\n", err)
				peer, err = "go-mssqldb's bulk copy", nil
			}
		} else if peer == "freebcp" {
			took, err = target.freebcp(b, freebcp, file)
		}
		if err == nil && peer != "freebcp" {
			took, err = target.copyIn(file, b.lines)
		}
		if err != nil {
			return err
		}
		theirs = append(theirs, took)
	}
	fmt.Printf("| %d lines of sale into SQL Server | seconds | lines a second |\n|---|---|---|\n", b.lines)
	fmt.Printf("| %s, a bare table of the same columns | %.1f | %.0f |\n", peer, workbench.Median(theirs).Seconds(), float64(b.lines)/workbench.Median(theirs).Seconds())
	fmt.Printf("| etl import | %.1f | %.0f |\n", workbench.Median(ours).Seconds(), float64(b.lines)/workbench.Median(ours).Seconds())
	fmt.Printf("| rate, as a share of the bare copy's | %.2f | |\n\n", ratio(theirs, ours))
	return nil
}

// target is the two databases on the server, and how to reach them.
type target struct {
	ctx               context.Context
	server            *url.URL
	source, warehouse string // addresses
	name              string // of the source database
}

func newTarget(ctx context.Context, address string) (*target, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "sqlserver" || u.User == nil {
		return nil, errors.New("MSSQL_URL is no address like sqlserver://user:password@host:1433")
	}
	t := &target{ctx: ctx, server: u, name: "tillstream_bench_source"}
	t.source, t.warehouse = t.database(t.name), t.database("tillstream_bench_dw")
	return t, nil
}

func (t *target) database(name string) string {
	u := *t.server
	query := u.Query()
	query.Set("database", name)
	u.RawQuery = query.Encode()
	return u.String()
}

// execute runs statements on a database of their own connection.
func (t *target) execute(address string, statements ...string) (err error) {
	db, err := sql.Open("sqlserver", address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (t *target) drop() error {
	return t.execute(t.database("master"), "DROP DATABASE IF EXISTS "+t.name, "DROP DATABASE IF EXISTS tillstream_bench_dw")
}

// errLost is that some of freebcp's rows have not come to the server. A bulk copy ends
// with a DONE token (MS-TDS, BulkLoadBCP), which FreeTDS does not send. SQL Server does not
// mind; Babelfish takes 1,000 rows at a time and drops the last ones. freebcp counts all of
// them all the same.
var errLost = errors.New("rows that this freebcp has sent did not come to the server; FREEBCP can name another one")

// freebcp copies a file, whose fields must hold no comma, and checks that it has
// arrived.
func (t *target) freebcp(b *bench, program, file string) (time.Duration, error) {
	if err := t.execute(t.source, "DROP TABLE IF EXISTS dbo.bare", bareTable); err != nil {
		return 0, err
	}
	host, port := t.server.Hostname(), t.server.Port()
	if port == "" {
		port = "1433"
	}
	password, _ := t.server.User.Password()
	u, failed := b.Run(program, "dbo.bare", "in", file, "-D", t.name, "-S", host+":"+port,
		"-U", t.server.User.Username(), "-P", password, "-c", "-t", ",", "-F", "2", "-b", strconv.Itoa(b.lines))
	rows, err := t.bareRows()
	switch {
	case err != nil:
		return 0, err
	case rows != b.lines:
		return 0, fmt.Errorf("%d of %d lines: %w", rows, b.lines, errLost)
	case failed != nil:
		return 0, errors.New(strings.ReplaceAll(failed.Error(), password, "..."))
	}
	return u.Wall, nil
}

// bareRows counts what has come to the bare table.
func (t *target) bareRows() (rows int, err error) {
	db, err := sql.Open("sqlserver", t.source)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(t.ctx, "SELECT COUNT(*) FROM dbo.bare").Scan(&rows)
	return rows, err
}
