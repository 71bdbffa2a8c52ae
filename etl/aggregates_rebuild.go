package etl

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tillstream/internal/database"
)

// What a rebuild holds in memory. An aggregate can have more cells than that, as many
// as there are customers; they are put aside then.
var (
	mostCells = 200_000 // of all aggregates together; about 170 bytes each. Not constants for the tests' sake
	mostTexts = 200_000 // that are known by number
)

// rebuildLite adds up all facts for SQLite, day by day. What does not fit into memory
// is put aside, and each aggregate is written when all of it is known, in the order of its
// key: to look for the place of each cell in a table that does not fit into memory took
// most of the time at 5 million lines.
func rebuildLite(ctx context.Context, tx *database.Tx, months [][2]int, progress func(done, total int64)) error {
	reindex, err := unindexCustomers(ctx, tx)
	if err != nil {
		return err
	}
	a := newAdder(tx)
	defer a.close()
	for at, c := range a.all {
		if _, err := tx.Exec(ctx, "CREATE TABLE "+asideTable(at)+" AS SELECT "+strings.Join(c.aside(), ", ")+" FROM "+c.table+" WHERE 0 = 1"); err != nil {
			return fmt.Errorf("making room for sums: %w", err)
		}
	}
	done, total := int64(0), int64(len(months)+len(a.all))
	for _, month := range months {
		for day := month[0]; day <= month[1]; day++ {
			if err := a.add(ctx, 1, "date_key = @day", sql.Named("day", day)); err != nil {
				return fmt.Errorf("reading the facts: %w", err)
			}
			if a.full() {
				if err := a.putAside(ctx); err != nil {
					return err
				}
			}
		}
		done++
		progress(done, total)
	}
	if err := a.putAside(ctx); err != nil {
		return err
	}
	// The customers of all years come before those of one, which follow them in the
	// table, and last in the list.
	for at, c := range slices.Backward(a.all) {
		if err := c.fill(ctx, tx, asideTable(at)); err != nil {
			return fmt.Errorf("writing %s: %w", c.table, err)
		}
		done++
		progress(done, total)
	}
	return reindex()
}

// unindexCustomers takes the index away that ranks customers. To build it from all
// rows costs far less than to find the place of each.
func unindexCustomers(ctx context.Context, tx *database.Tx) (reindex func() error, err error) {
	var definition string
	err = tx.QueryRow(ctx, "SELECT sql FROM sqlite_schema WHERE name = 'ix_agg_customer_sales'").Scan(&definition)
	if err == nil {
		_, err = tx.Exec(ctx, "DROP INDEX ix_agg_customer_sales")
	}
	if err != nil {
		return nil, fmt.Errorf("taking the index of %s away: %w", customerTable, err)
	}
	return func() error {
		if _, err := tx.Exec(ctx, definition); err != nil {
			return fmt.Errorf("building the index of %s: %w", customerTable, err)
		}
		return nil
	}, nil
}

// full reports whether memory holds as much as it should.
func (a *adder) full() bool {
	cells := 0
	for _, c := range a.all {
		cells += len(c.values)
	}
	return cells > mostCells || len(a.texts) > mostTexts
}

// asideTable is where an aggregate's cells are put aside, more than one row for some.
func asideTable(at int) string { return "stage.sums_" + strconv.Itoa(at) }

// putAside empties the memory.
func (a *adder) putAside(ctx context.Context) error {
	for at, c := range a.all {
		if err := a.copy(ctx, asideTable(at), c); err != nil {
			return fmt.Errorf("putting sums for %s aside: %w", c.table, err)
		}
		clear(c.values)
	}
	clear(a.numbers)
	a.texts = a.texts[:0]
	return nil
}

// aside are the columns that a cell is put aside with: of the key those that are not
// constant, and the measures.
func (c *cells) aside() (columns []string) {
	for _, g := range c.grain {
		if g.from != "" {
			columns = append(columns, g.name)
		}
	}
	for _, m := range c.measures {
		columns = append(columns, m.name)
	}
	return columns
}

// copy appends an aggregate's cells to its table of those put aside.
func (a *adder) copy(ctx context.Context, table string, c *cells) error {
	bulk, err := a.tx.Bulk(ctx, table, c.aside())
	if err != nil {
		return err
	}
	var row []any
	for key, values := range c.values {
		row = a.arguments(row[:0], c, key)
		for _, n := range values[:len(c.measures)] {
			row = append(row, n)
		}
		if bulk.Add(row...) != nil {
			break // Close says why
		}
	}
	_, err = bulk.Close()
	return err
}

// fill writes what was put aside into the aggregate's table, the rows of one key
// added up.
func (c *cells) fill(ctx context.Context, tx *database.Tx, aside string) error {
	var key, list []string
	for _, g := range c.grain {
		if g.from == "" {
			list = append(list, g.constant)
			continue
		}
		key, list = append(key, g.name), append(list, g.name)
	}
	for _, m := range c.measures {
		list = append(list, "SUM("+m.name+")")
	}
	if _, err := tx.Exec(ctx, "INSERT INTO "+c.table+" ("+c.columns()+") SELECT "+strings.Join(list, ", ")+" FROM "+aside+
		" GROUP BY "+strings.Join(key, ", ")); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DROP TABLE "+aside)
	return err
}
