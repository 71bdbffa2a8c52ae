package grafana

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tillstream/etl"
	"tillstream/internal/database"
	"tillstream/internal/databasetest"
	"tillstream/internal/generator"
)

// lines are enough that each store sells each category in each year.
const lines = 30_000

// history is a warehouse that the etl has filled.
type history struct {
	db      *database.DB
	address string
	verify  etl.VerifySummary
}

// filled generates two years of sales and brings them all the way into a
// warehouse, which verify finds right.
func filled(t testing.TB) history {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	if _, err := generator.Generate(ctx, dir, generator.Config{Lines: lines, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	var cfg etl.Config
	cfg.Source, cfg.Warehouse = databasetest.Databases(t)
	if _, err := etl.Init(ctx, cfg, etl.Logins{}); err != nil {
		t.Fatal(err)
	}
	if _, err := etl.Import(ctx, cfg, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := etl.Load(ctx, cfg, etl.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	verify, err := etl.Verify(ctx, cfg, etl.VerifyOptions{})
	if err != nil || verify.Differences != 0 {
		t.Fatalf("verify finds %d differences: %v", verify.Differences, err)
	}
	db, err := database.Open(ctx, cfg.Warehouse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return history{db, cfg.Warehouse, verify}
}

// table is what a query returns, as text.
type table struct {
	columns []string
	rows    [][]string
}

// ask runs a query of a dashboard: on SQL Server as it stands, on SQLite as
// forSQLite writes it.
func (h history) ask(ctx context.Context, text string) (result table, err error) {
	if h.db.Engine() == database.SQLite {
		text = forSQLite(text)
	}
	rows, err := h.db.Query(ctx, text)
	if err != nil {
		return table{}, err
	}
	defer rows.Close()
	if result.columns, err = rows.Columns(); err != nil {
		return table{}, err
	}
	for rows.Next() {
		cells, pointers := make([]any, len(result.columns)), make([]any, len(result.columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return table{}, err
		}
		row := make([]string, len(cells))
		for i, cell := range cells {
			switch value := cell.(type) {
			case nil:
			case []byte: // SQL Server's exact decimals
				row[i] = string(value)
			case float64:
				row[i] = strconv.FormatFloat(value, 'f', -1, 64)
			case time.Time:
				row[i] = value.Format(time.DateTime)
			default:
				row[i] = fmt.Sprint(value)
			}
		}
		result.rows = append(result.rows, row)
	}
	return result, rows.Err()
}

// What the two dialects write differently, and the dashboards use.
var (
	top     = regexp.MustCompile(`^\s*SELECT TOP (\(\d+\))`)
	unicode = regexp.MustCompile(`\bN'`)
	inYear  = regexp.MustCompile(`\bYEAR\((\w+)\)`)
	before  = regexp.MustCompile(`\bDATEADD\(year, -1, ([\w.]+)\)`)
	written = regexp.MustCompile(`\bCONVERT\(varchar\((\d+)\), ([\w.]+), 120\)`) // 2006-01-02 15:04:05
)

// forSQLite writes a dashboard's T-SQL for SQLite. What it does not know, SQLite
// refuses.
func forSQLite(text string) string {
	if m := top.FindStringSubmatch(text); m != nil {
		text = top.ReplaceAllString(text, "SELECT") + " LIMIT " + m[1]
	}
	text = unicode.ReplaceAllString(text, "'")
	text = written.ReplaceAllString(text, "SUBSTR($2, 1, $1)")
	text = inYear.ReplaceAllString(text, "CAST(STRFTIME('%Y', $1) AS INTEGER)")
	return before.ReplaceAllString(text, "DATE($1, '-1 year')")
}

// question is one query of one dashboard, of a panel or of a variable.
type question struct {
	board Dashboard
	name  string
	text  string
}

// questions are all queries that go to the warehouse.
func questions(t testing.TB) (all []question) {
	t.Helper()
	for _, d := range dashboards(t) {
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			text, err := v.Text()
			if err != nil {
				t.Fatal(err)
			}
			if v.Datasource.UID != Warehouse {
				t.Errorf("%s: the variable %s asks %q", d.File, v.Name, v.Datasource.UID)
			}
			all = append(all, question{d, "variable " + v.Name, text})
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if q.RawSQL != "" {
					all = append(all, question{d, p.Title, q.RawSQL})
				}
			}
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d queries were found", len(all))
	}
	return all
}

// reportView finds the views that a query names.
var reportView = regexp.MustCompile(`(?i)\b(?:FROM|JOIN)\s+([\w.]+)`)

// Nothing but the schema report is named: it is all that the login may read.
func TestSQLReadsTheReportAlone(t *testing.T) {
	for _, q := range questions(t) {
		names := reportView.FindAllStringSubmatch(q.text, -1)
		if len(names) == 0 {
			t.Errorf("%s: %s reads nothing", q.board.File, q.name)
		}
		for _, name := range names {
			if !strings.HasPrefix(name[1], "report.") {
				t.Errorf("%s: %s reads %s", q.board.File, q.name, name[1])
			}
		}
	}
}
