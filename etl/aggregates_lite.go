package etl

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"tillstream/internal/database"
)

// SQLite groups by sorting, aggregate by aggregate, which takes several times as
// long as reading the lines once and adding up here. A server groups by hashing
// and would have to send all lines: there the statements of aggregates.go do it.
// A test sees to it that both come to the same.

// cellsInInsert is how many cells a statement writes.
const cellsInInsert = 50

// mostGrain and mostMeasures are the most columns that an aggregate has.
const (
	mostGrain    = 8
	mostMeasures = 13
)

// cellKey is the values of an aggregate's key, texts by their number.
type cellKey [mostGrain]int32

type cellValues [mostMeasures]int64

// adder adds up lines for all aggregates.
type adder struct {
	tx      *database.Tx
	all     []*cells
	numbers map[string]int32 // texts by number
	texts   []string
	orders  map[uint64]bool // the invoices that category_orders has counted
	row     addedLine
}

// cells are what an aggregate gains.
type cells struct {
	aggregate
	fields []int // which columns of the line make the key; the constant ones are left out
	values map[cellKey]*cellValues
	upsert *sql.Stmt
}

// The columns of dw.sales_line that aggregates go by, in the order in which adder
// reads them: first the numbers, then the texts.
var (
	numberColumns = []string{"date_key", "month_key", "year", "weekday", "hour", "store_key", "discount_micros", "campaign_key", "employee_key", "product_key"}
	textColumns   = []string{"country", "currency", "category", "sub_category", "payment_method", "customer_id", "age_group", "gender", "job_title"}
	addedColumns  = []string{"invoice_id", "transaction_type", "quantity", "opens_invoice", "usd_micros", "list_usd_micros", "local_micros", "list_local_micros"}
)

// addedLine is a line of dw.sales_line.
type addedLine struct {
	numbers                        [10]int32
	texts                          [9]string
	invoice, kind                  string
	quantity, opens                int64
	usd, listUSD, local, listLocal int64
	pointers                       []any
}

func newAdder(tx *database.Tx) *adder {
	a := &adder{tx: tx, numbers: make(map[string]int32), orders: make(map[uint64]bool)}
	for i := range a.row.numbers {
		a.row.pointers = append(a.row.pointers, &a.row.numbers[i])
	}
	for i := range a.row.texts {
		a.row.pointers = append(a.row.pointers, &a.row.texts[i])
	}
	r := &a.row
	r.pointers = append(r.pointers, &r.invoice, &r.kind, &r.quantity, &r.opens, &r.usd, &r.listUSD, &r.local, &r.listLocal)
	columns := slices.Concat(numberColumns, textColumns)
	for _, aggregate := range aggregates {
		c := &cells{aggregate: aggregate, values: make(map[cellKey]*cellValues)}
		for _, g := range aggregate.grain {
			if g.from != "" {
				c.fields = append(c.fields, slices.Index(columns, g.from))
			}
		}
		a.all = append(a.all, c)
	}
	return a
}

// close frees the statements.
func (a *adder) close() {
	for _, c := range a.all {
		if c.upsert != nil {
			_ = c.upsert.Close() // it ends with its transaction anyway
		}
	}
}

// refreshLite is refreshAggregates for SQLite.
func refreshLite(ctx context.Context, tx *database.Tx, touched string, change func() error) error {
	a := newAdder(tx)
	defer a.close()
	if err := a.add(ctx, -1, "invoice_id IN ("+touched+")"); err != nil {
		return fmt.Errorf("reading what the aggregates lose: %w", err)
	}
	if err := change(); err != nil {
		return err
	}
	if err := a.add(ctx, 1, "invoice_id IN ("+touched+")"); err != nil {
		return fmt.Errorf("reading what the aggregates gain: %w", err)
	}
	for _, c := range a.all {
		if err := a.write(ctx, c); err != nil {
			return fmt.Errorf("writing %s: %w", c.table, err)
		}
	}
	return deleteCountless(ctx, tx)
}

// add adds the lines of dw.sales_line that a condition names, with a sign. All
// lines that an invoice has on a day must come in one call.
func (a *adder) add(ctx context.Context, sign int64, where string, args ...any) error {
	clear(a.orders)
	rows, err := a.tx.Query(ctx, "SELECT "+strings.Join(slices.Concat(numberColumns, textColumns, addedColumns), ", ")+" FROM dw.sales_line WHERE "+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(a.row.pointers...); err != nil {
			return err
		}
		a.addRow(sign)
	}
	return rows.Err()
}

func (a *adder) addRow(sign int64) {
	r := &a.row
	var fields [19]int32
	copy(fields[:], r.numbers[:])
	for i, text := range r.texts {
		fields[len(r.numbers)+i] = a.number(text)
	}
	sold := r.kind == "Sale"
	// In the order of measures.
	var gain cellValues
	if sold {
		gain[0], gain[2], gain[4] = sign, sign*r.opens, sign*r.quantity
	} else {
		gain[1], gain[3], gain[5] = sign, sign*r.opens, sign*r.quantity
	}
	gain[6], gain[7] = sign*max(r.usd, 0), sign*max(-r.usd, 0)
	gain[8] = sign * max(r.listUSD, 0)
	gain[9], gain[10] = sign*max(r.local, 0), sign*max(-r.local, 0)
	gain[11] = sign * max(r.listLocal, 0)
	for i, c := range a.all {
		var key cellKey
		for at, field := range c.fields {
			key[at] = fields[field]
		}
		values, ok := c.values[key]
		if !ok {
			values = new(cellValues)
			c.values[key] = values
		}
		for m := range c.measures {
			values[m] += gain[m]
		}
		if i == 0 && sold && a.firstOf(&key) { // dw.agg_day, which has category_orders last
			values[len(measures)] += sign
		}
	}
}

// firstOf reports whether this is the first line that its invoice has in the cell.
func (a *adder) firstOf(key *cellKey) bool {
	buffer := make([]byte, 0, 64)
	for _, n := range key {
		buffer = append(buffer, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	hash := xxhash.Sum64(append(buffer, a.row.invoice...))
	if a.orders[hash] {
		return false
	}
	a.orders[hash] = true
	return true
}

// number returns a text's number.
func (a *adder) number(text string) int32 {
	n, ok := a.numbers[text]
	if !ok {
		n = int32(len(a.texts))
		a.numbers[text] = n
		a.texts = append(a.texts, text)
	}
	return n
}

// write adds an aggregate's cells to its table, in the order of its key.
func (a *adder) write(ctx context.Context, c *cells) error {
	keys := make([]cellKey, 0, len(c.values))
	for key, values := range c.values {
		if *values != (cellValues{}) {
			keys = append(keys, key)
		}
	}
	columns := len(numberColumns)
	slices.SortFunc(keys, func(x, y cellKey) int {
		for i, field := range c.fields {
			if x[i] == y[i] {
				continue
			}
			if field < columns {
				return cmp.Compare(x[i], y[i])
			}
			return strings.Compare(a.texts[x[i]], a.texts[y[i]])
		}
		return 0
	})
	if c.table == customerTable {
		if err := a.recount(ctx, c, keys); err != nil {
			return err
		}
	}
	var err error
	for len(keys) > 0 {
		part := keys[:min(len(keys), cellsInInsert)]
		keys = keys[len(part):]
		args := make([]any, 0, len(part)*mostGrain*2)
		for _, key := range part {
			args = a.arguments(args, c, key)
			for _, n := range c.values[key][:len(c.measures)] {
				args = append(args, n)
			}
		}
		if len(part) < cellsInInsert {
			_, err = a.tx.Exec(ctx, c.upsertText(len(part)), args...)
		} else {
			if c.upsert == nil {
				if c.upsert, err = a.tx.Prepare(ctx, c.upsertText(cellsInInsert)); err != nil {
					return err
				}
			}
			_, err = c.upsert.ExecContext(ctx, args...)
		}
		if err != nil {
			return err
		}
	}
	return a.deleteEmpty(ctx, c)
}

// recount brings the number of customers up to date, before their cells are written.
func (a *adder) recount(ctx context.Context, c *cells, keys []cellKey) error {
	year, at := c.grain[0].constant, 0 // where the key's country is
	if year == "" {
		year, at = "?", 1
	}
	find, err := a.tx.Prepare(ctx, "SELECT sale_lines FROM dw.agg_customer WHERE year = "+year+" AND country = ? AND customer_id = ?")
	if err != nil {
		return err
	}
	defer find.Close()
	type place struct{ year, country int32 }
	gains := make(map[place]int64)
	for _, key := range keys {
		if a.texts[key[at+1]] == "" {
			continue
		}
		var had int64
		if err := find.QueryRowContext(ctx, a.arguments(nil, c, key)...).Scan(&had); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		p := place{country: key[at]}
		if at == 1 {
			p.year = key[0]
		}
		has := had + c.values[key][0]
		switch {
		case had == 0 && has > 0:
			gains[p]++
		case had > 0 && has == 0:
			gains[p]--
		}
	}
	for p, gain := range gains {
		if _, err := a.tx.Exec(ctx, `INSERT INTO dw.agg_customer_count (year, country, customers) VALUES (?, ?, ?)
			ON CONFLICT (year, country) DO UPDATE SET customers = customers + excluded.customers`, p.year, a.texts[p.country], gain); err != nil {
			return err
		}
	}
	return nil
}

// arguments appends the values of the key's columns that are not constant.
func (a *adder) arguments(args []any, c *cells, key cellKey) []any {
	for i, field := range c.fields {
		if field < len(numberColumns) {
			args = append(args, int64(key[i]))
		} else {
			args = append(args, a.texts[key[i]])
		}
	}
	return args
}

// deleteEmpty deletes the rows that nothing is left of.
func (a *adder) deleteEmpty(ctx context.Context, c *cells) error {
	var where []string
	for _, g := range c.grain {
		if g.from == "" {
			where = append(where, g.name+" = "+g.constant)
		} else {
			where = append(where, g.name+" = ?")
		}
	}
	text := "DELETE FROM " + c.table + " WHERE " + strings.Join(where, " AND ") + " AND sale_lines = 0 AND return_lines = 0"
	for key, values := range c.values {
		if values[0] < 0 || values[1] < 0 {
			if _, err := a.tx.Exec(ctx, text, a.arguments(nil, c, key)...); err != nil {
				return err
			}
		}
	}
	return nil
}

// upsertText is the statement that adds so many cells.
func (c *cells) upsertText(count int) string {
	var row, key, set []string
	for _, g := range c.grain {
		key = append(key, g.name)
		if g.from == "" {
			row = append(row, g.constant)
		} else {
			row = append(row, "?")
		}
	}
	for _, m := range c.measures {
		row = append(row, "?")
		set = append(set, m.name+" = "+m.name+" + excluded."+m.name)
	}
	values := "(" + strings.Join(row, ", ") + ")"
	return "INSERT INTO " + c.table + " (" + c.columns() + ") VALUES " + strings.Repeat(values+", ", count-1) + values +
		" ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET " + strings.Join(set, ", ")
}
