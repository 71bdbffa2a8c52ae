package etl

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"tillstream/internal/database"
)

// versionColumn is the column by which a source table tells what is new in it.
const versionColumn = "Row Version"

// sourceTable is a table of the source database, of whatever column types.
type sourceTable struct {
	db        *database.DB
	name      string // dbo.transactions
	columns   []string
	present   []string // the column's name as the table spells it, empty where it has none
	versioned bool
}

// openTable finds out which of the columns a table has. Those that are needed must
// be there.
func openTable(ctx context.Context, db *database.DB, name string, columns, needed []string) (*sourceTable, error) {
	rows, err := db.Query(ctx, "SELECT * FROM "+name+" WHERE 1 = 0")
	if err != nil {
		return nil, fmt.Errorf("looking at the source's table %s: %w", name, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("looking at the source's table %s: %w", name, err)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("looking at the source's table %s: %w", name, err)
	}
	find := func(column string) string {
		for _, n := range names {
			if strings.EqualFold(strings.TrimSpace(n), column) {
				return n
			}
		}
		return ""
	}
	t := &sourceTable{db: db, name: name, columns: columns, versioned: find(versionColumn) != ""}
	for _, column := range columns {
		found := find(column)
		if found == "" && slices.Contains(needed, column) {
			return nil, fmt.Errorf("the source's table %s has no column [%s]; it has [%s]", name, column, strings.Join(names, "], ["))
		}
		t.present = append(t.present, found)
	}
	return t, nil
}

// versions is a range of row versions, the lower end excluded.
type versions struct{ after, upTo int64 }

// versionRange is the condition for a range. In SQLite, where a version is a
// number, these casts leave it one.
const versionRange = " WHERE [Row Version] > CAST(@after AS BINARY(8)) AND [Row Version] <= CAST(@upTo AS BINARY(8))"

func (v versions) args() []any {
	return []any{sql.Named("after", v.after), sql.Named("upTo", v.upTo)}
}

// newest returns the highest row version that no transaction still under way can
// undercut: all rows up to it can be read now.
func (t *sourceTable) newest(ctx context.Context) (version int64, err error) {
	if t.db.Engine() == database.SQLServer {
		err = t.db.QueryRow(ctx, "SELECT CAST(MIN_ACTIVE_ROWVERSION() AS BIGINT) - 1").Scan(&version)
		if err != nil && !database.IsTransient(err) && ctx.Err() == nil {
			// A compatible server such as Babelfish does not have that. What it has,
			// the version that comes next, tells the same as long as nobody writes to
			// the source at that moment.
			err = t.db.QueryRow(ctx, "SELECT CAST(@@DBTS AS BIGINT) - 1").Scan(&version)
		}
	} else {
		err = t.db.QueryRow(ctx, "SELECT COALESCE(MAX([Row Version]), 0) FROM "+t.name).Scan(&version)
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the newest row version of %s: %w", t.name, err)
	}
	return version, nil
}

// scan reads the table's rows as text and shows them to visit, column by column;
// a column that the table lacks is empty. Of a table with row versions it reads
// the given range in its order; of another all rows as they come, with version 0.
// The slice is only good during the call, the text in it stays.
func (t *sourceTable) scan(ctx context.Context, within versions, visit func(version int64, values []string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading the source's table %s: %w", t.name, err)
		}
	}()
	var list []string
	var at []int // where in values the columns of the query go
	for i, name := range t.present {
		if name != "" {
			list = append(list, database.QuoteName(name))
			at = append(at, i)
		}
	}
	query := "SELECT " + strings.Join(list, ", ")
	var args []any
	if t.versioned {
		query += ", CAST([Row Version] AS BIGINT) FROM " + t.name + versionRange + " ORDER BY [Row Version]"
		args = within.args()
	} else {
		query += " FROM " + t.name
	}
	rows, err := t.db.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	var (
		version  int64
		values   = make([]string, len(t.columns))
		cells    = make([]any, len(at))
		pointers []any
		write    []textOf
	)
	for i := range cells {
		pointers = append(pointers, &cells[i])
		write = append(write, textFor(types[i], t.db.Engine()))
	}
	if t.versioned {
		pointers = append(pointers, &version)
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return err
		}
		for i, cell := range cells {
			if values[at[i]], err = write[i](cell); err != nil {
				return fmt.Errorf("column [%s]: %w", t.columns[at[i]], err)
			}
		}
		if err := visit(version, values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// count returns how many rows scan will show.
func (t *sourceTable) count(ctx context.Context, within versions) (rows int64, err error) {
	query, args := "SELECT COUNT(*) FROM "+t.name, []any(nil)
	if t.versioned {
		query += versionRange
		args = within.args()
	}
	if err := t.db.QueryRow(ctx, query, args...).Scan(&rows); err != nil {
		return 0, fmt.Errorf("counting the rows of the source's table %s: %w", t.name, err)
	}
	return rows, nil
}

// short is the table's name without its schema.
func (t *sourceTable) short() string { return strings.TrimPrefix(t.name, "dbo.") }

// idOf is a business key as the warehouse keeps it: SQL Server takes no notice of
// trailing blanks when it compares.
func idOf(text string) string { return strings.TrimRight(text, " ") }
