package etl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"tillstream/internal/database"
)

// An aggregate is a way to add up facts in a table dw.agg_*. Several can share a
// table.
type aggregate struct {
	table    string
	grain    []grainColumn // the table's key, in its order
	measures []measure
}

// A grainColumn is a column of an aggregate's key.
type grainColumn struct {
	name string
	// from is the column of dw.sales_line and dw.agg_delta that it takes its value from.
	from string
	// constant is its value where it is the same for all rows; from is empty then.
	constant string
}

// value is the SQL expression for the column's value.
func (c grainColumn) value() string {
	if c.from == "" {
		return c.constant
	}
	return c.from
}

// A measure is a column that is added up.
type measure struct {
	name string
	line string // what a line adds
}

// measures are those of etl/sql/report.sql.
var measures = []measure{
	{"sale_lines", "CASE WHEN transaction_type = 'Sale' THEN 1 ELSE 0 END"},
	{"return_lines", "CASE WHEN transaction_type = 'Sale' THEN 0 ELSE 1 END"},
	{"sale_invoices", "CASE WHEN transaction_type = 'Sale' THEN opens_invoice ELSE 0 END"},
	{"return_invoices", "CASE WHEN transaction_type = 'Sale' THEN 0 ELSE opens_invoice END"},
	{"items_sold", "CASE WHEN transaction_type = 'Sale' THEN quantity ELSE 0 END"},
	{"items_returned", "CASE WHEN transaction_type = 'Sale' THEN 0 ELSE quantity END"},
	{"sales_usd_micros", "CASE WHEN usd_micros > 0 THEN usd_micros ELSE 0 END"},
	{"refunds_usd_micros", "CASE WHEN usd_micros < 0 THEN -usd_micros ELSE 0 END"},
	{"list_usd_micros", "CASE WHEN list_usd_micros > 0 THEN list_usd_micros ELSE 0 END"},
	{"sales_local_micros", "CASE WHEN local_micros > 0 THEN local_micros ELSE 0 END"},
	{"refunds_local_micros", "CASE WHEN local_micros < 0 THEN -local_micros ELSE 0 END"},
	{"list_local_micros", "CASE WHEN list_local_micros > 0 THEN list_local_micros ELSE 0 END"},
}

// inUSD are the measures without those in local currency.
var inUSD = measures[:9]

// categoryOrders counts invoices, which lines do not add up to: see sums.
const categoryOrders = "category_orders"

// aggregates are all of them. What each is for stands in 002_aggregates.sql.
var aggregates = []aggregate{
	{"dw.agg_day", storeGrain("date_key", same("category")...), append(measures[:len(measures):len(measures)], measure{name: categoryOrders})},
	{"dw.agg_day_offer", storeGrain("date_key", same("category", "payment_method", "discount_micros", "campaign_key")...), measures},
	{"dw.agg_month_hour", storeGrain("month_key", same("category", "weekday", "hour")...), measures},
	{"dw.agg_month_sub_category", storeGrain("month_key", same("category", "sub_category")...), measures},
	{"dw.agg_month_employee", storeGrain("month_key", same("employee_key")...), measures},
	{"dw.agg_year_product", same("year", "country", "currency", "product_key"), measures},
	{"dw.agg_year_store_product", storeGrain("year", same("product_key")...), measures},
	{"dw.agg_year_segment", storeGrain("year", segment("age group", "age_group")...), measures},
	{"dw.agg_year_segment", storeGrain("year", segment("gender", "gender")...), measures},
	{"dw.agg_year_segment", storeGrain("year", segment("job title", "job_title")...), measures},
	{customerTable, same("year", "country", "customer_id"), inUSD},
	{customerTable, append([]grainColumn{{name: "year", constant: "0"}}, same("country", "customer_id")...), inUSD},
}

// same are grain columns that are called as in dw.sales_line.
func same(names ...string) []grainColumn {
	columns := make([]grainColumn, len(names))
	for i, name := range names {
		columns[i] = grainColumn{name: name, from: name}
	}
	return columns
}

// storeGrain is the grain of what is added up by a period and store.
func storeGrain(period string, rest ...grainColumn) []grainColumn {
	return append(same(period, "store_key", "country", "currency"), rest...)
}

func segment(name, from string) []grainColumn {
	return []grainColumn{{name: "segment", constant: "'" + name + "'"}, {name: "value", from: from}}
}

// deltaColumns are those of dw.agg_delta that dw.sales_line has too.
var deltaColumns = []string{"invoice_id", "date_key", "month_key", "year", "weekday", "hour", "store_key", "country", "currency",
	"category", "sub_category", "payment_method", "discount_micros", "campaign_key", "employee_key", "product_key",
	"customer_id", "age_group", "gender", "job_title", "transaction_type", "quantity", "opens_invoice",
	"usd_micros", "list_usd_micros", "local_micros", "list_local_micros"}

// refreshAggregates runs change, which writes facts or what the aggregates take
// from the dimensions, and brings the aggregates up to date in the same
// transaction. touched is a query for the invoice_id of all invoices that change
// may touch, which can name the stage; one too many does no harm. It is read
// before change and after it, and must say the same both times.
//
// The cost grows with the lines of those invoices, not with what is in the
// warehouse. While the aggregates are stale (see suspendAggregates) it only runs
// change.
func refreshAggregates(ctx context.Context, tx *database.Tx, touched string, change func() error) error {
	stale, err := aggregatesStale(ctx, tx)
	if err != nil {
		return err
	}
	if stale {
		return change()
	}
	if tx.Engine() == database.SQLite {
		return refreshLite(ctx, tx, touched, change)
	}
	return refreshServer(ctx, tx, touched, change)
}

// refreshServer is refreshAggregates by statements alone.
func refreshServer(ctx context.Context, tx *database.Tx, touched string, change func() error) error {
	columns := strings.Join(deltaColumns, ", ")
	note := func(sign string) (lines int64, err error) {
		lines, err = tx.Exec(ctx, "INSERT INTO dw.agg_delta (sign, "+columns+") SELECT "+sign+", "+columns+
			" FROM dw.sales_line WHERE invoice_id IN ("+touched+")")
		if err != nil {
			return 0, fmt.Errorf("noting what the aggregates lose and gain: %w", err)
		}
		return lines, nil
	}
	lost, err := note("-1")
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	if _, err := note("1"); err != nil {
		return err
	}
	for _, a := range aggregates {
		if err := a.refresh(ctx, tx, lost > 0); err != nil {
			return fmt.Errorf("bringing %s up to date: %w", a.table, err)
		}
	}
	if err := deleteCountless(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM dw.agg_delta"); err != nil {
		return fmt.Errorf("emptying dw.agg_delta: %w", err)
	}
	return nil
}

// refresh adds dw.agg_delta to the table. Only where lines were lost can there be
// rows that nothing is left of.
func (a aggregate) refresh(ctx context.Context, tx *database.Tx, lost bool) error {
	update, insert, countEmpty, deleteEmpty := a.applyDelta()
	statements := []string{update, insert}
	if a.table == customerTable {
		before, after := a.recount()
		statements = append(append([]string{before}, statements...), after...)
	}
	for _, text := range statements {
		if _, err := tx.Exec(ctx, text); err != nil {
			return err
		}
	}
	if !lost {
		return nil
	}
	var empty int64
	if err := tx.QueryRow(ctx, countEmpty).Scan(&empty); err != nil || empty == 0 {
		return err
	}
	_, err := tx.Exec(ctx, deleteEmpty)
	return err
}

// aggregatesMark is the row of dw.etl_watermark that says whether the aggregates
// are stale.
const (
	aggregatesMark = "aggregates"
	markStale      = "stale"
	markCurrent    = "current"
)

// suspendAggregates marks the aggregates stale: until rebuildAggregates, changes
// leave them as they are. It is for loads of so many lines that to add up all of
// them once is less work. A run that finds them stale when it ends, its own doing
// or that of one that was killed, must rebuild them.
func suspendAggregates(ctx context.Context, tx *database.Tx) error {
	return setWatermark(ctx, tx, aggregatesMark, markStale)
}

// staleReader is a database or a transaction.
type staleReader interface {
	QueryRow(ctx context.Context, text string, args ...any) *database.Row
}

// aggregatesStale reports whether the aggregates have to be rebuilt.
func aggregatesStale(ctx context.Context, r staleReader) (bool, error) {
	var position string
	err := r.QueryRow(ctx, "SELECT position FROM dw.etl_watermark WHERE source = @source", sql.Named("source", aggregatesMark)).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("asking whether the aggregates are current: %w", err)
	}
	return position == markStale, nil
}

// rebuildAggregates adds up all facts anew, in one transaction with the mark that
// the aggregates are current. It goes by months, so that sorting takes bounded
// memory; progress is told how many of them are done.
func rebuildAggregates(ctx context.Context, tx *database.Tx, progress func(done, total int64)) error {
	years, months, err := periods(ctx, tx)
	if err != nil {
		return fmt.Errorf("finding the months of the facts: %w", err)
	}
	for _, a := range append(aggregates[:len(aggregates):len(aggregates)], aggregate{table: countTable}) {
		if _, err := tx.Exec(ctx, "DELETE FROM "+a.table); err != nil {
			return fmt.Errorf("emptying %s: %w", a.table, err)
		}
	}
	if tx.Engine() == database.SQLite {
		err = rebuildLite(ctx, tx, months, progress)
	} else {
		err = rebuildServer(ctx, tx, years, months, progress)
	}
	if err != nil {
		return err
	}
	if err := countCustomers(ctx, tx); err != nil {
		return err
	}
	return setWatermark(ctx, tx, aggregatesMark, markCurrent)
}

// rebuildServer adds up all facts by statements alone.
func rebuildServer(ctx context.Context, tx *database.Tx, years, months [][2]int, progress func(done, total int64)) error {
	total, done := int64(len(aggregates)*len(months)), int64(0)
	for _, a := range aggregates {
		slices := months
		switch a.grain[0].value() {
		case "year":
			slices = years
		case "date_key", "month_key":
		default:
			slices = [][2]int{{0, 99991231}}
		}
		text := a.insertAll()
		for i, slice := range slices {
			if _, err := tx.Exec(ctx, text, sql.Named("first", slice[0]), sql.Named("last", slice[1])); err != nil {
				return fmt.Errorf("adding up %s: %w", a.table, err)
			}
			progress(done+int64(len(months)*(i+1)/len(slices)), total)
		}
		done += int64(len(months))
	}
	return nil
}

// periods returns the first and last date keys of the years and months that the
// facts lie in.
func periods(ctx context.Context, tx *database.Tx) (years, months [][2]int, err error) {
	var first, last sql.NullInt64
	if err := tx.QueryRow(ctx, "SELECT MIN(date_key), MAX(date_key) FROM dw.fact_sales").Scan(&first, &last); err != nil {
		return nil, nil, err
	}
	if !first.Valid {
		return nil, nil, nil
	}
	for year := int(first.Int64) / 10000; year <= int(last.Int64)/10000; year++ {
		years = append(years, [2]int{year * 10000, year*10000 + 9999})
	}
	month := time.Date(int(first.Int64)/10000, time.Month(first.Int64/100%100), 1, 0, 0, 0, 0, time.UTC)
	for ; dateKey(month) <= int(last.Int64); month = month.AddDate(0, 1, 0) {
		months = append(months, [2]int{dateKey(month), dateKey(month) + 30})
	}
	return years, months, nil
}

// insertAll is the statement that adds up the facts from day @first to day @last.
func (a aggregate) insertAll() string {
	return "INSERT INTO " + a.table + " (" + a.columns() + ")\n" +
		a.sums("dw.sales_line", "WHERE date_key BETWEEN @first AND @last", false)
}

// applyDelta are the statements that add dw.agg_delta to the table: to rows that
// are there, as rows that are not, and for rows that nothing is left of. The last
// one goes through the whole table, so the one before it tells whether there are
// any.
func (a aggregate) applyDelta() (update, insert, countEmpty, deleteEmpty string) {
	delta := "(" + a.sums("dw.agg_delta", "", true) + ") AS delta"
	var set, matches, nonzero []string
	for _, m := range a.measures {
		set = append(set, m.name+" = "+a.table+"."+m.name+" + delta."+m.name)
		nonzero = append(nonzero, "delta."+m.name+" <> 0")
	}
	for _, c := range a.grain {
		matches = append(matches, a.table+"."+c.name+" = delta."+c.name)
	}
	on := strings.Join(matches, " AND ")
	empty := a.table + ".sale_lines = 0 AND " + a.table + ".return_lines = 0"
	return "UPDATE " + a.table + " SET " + strings.Join(set, ", ") + "\nFROM " + delta + "\nWHERE " + on,
		"INSERT INTO " + a.table + " (" + a.columns() + ")\nSELECT " + a.columns() + " FROM " + delta +
			"\nWHERE (" + strings.Join(nonzero, " OR ") + ") AND NOT EXISTS (SELECT 1 FROM " + a.table + " WHERE " + on + ")",
		"SELECT COUNT(*) FROM " + delta + " JOIN " + a.table + " ON " + on + "\nWHERE " + empty,
		"DELETE FROM " + a.table + "\nWHERE " + empty
}

// columns are the table's.
func (a aggregate) columns() string {
	var names []string
	for _, c := range a.grain {
		names = append(names, c.name)
	}
	for _, m := range a.measures {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}

// sums is the query that adds up lines from a table, signed or not.
func (a aggregate) sums(from, where string, signed bool) string {
	var list, groups []string
	for _, c := range a.grain {
		list = append(list, c.value()+" AS "+c.name)
		if c.from != "" {
			groups = append(groups, c.from)
		}
	}
	for _, m := range a.measures {
		var sum string
		switch {
		case m.name == categoryOrders && signed:
			sum = "COUNT(DISTINCT CASE WHEN sign = 1 AND transaction_type = 'Sale' THEN invoice_id END)" +
				" - COUNT(DISTINCT CASE WHEN sign = -1 AND transaction_type = 'Sale' THEN invoice_id END)"
		case m.name == categoryOrders:
			sum = "COUNT(DISTINCT CASE WHEN transaction_type = 'Sale' THEN invoice_id END)"
		case signed:
			sum = "SUM(sign * (" + m.line + "))"
		default:
			sum = "SUM(" + m.line + ")"
		}
		list = append(list, sum+" AS "+m.name)
	}
	return "SELECT " + strings.Join(list, ", ") + "\nFROM " + from + " " + where + "\nGROUP BY " + strings.Join(groups, ", ")
}
