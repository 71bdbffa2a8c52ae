package etl

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tillstream/internal/database"
)

func mustExec(t testing.TB, dw *database.DB, text string, args ...any) {
	t.Helper()
	if _, err := dw.Exec(t.Context(), text, args...); err != nil {
		t.Fatalf("%v\nin %s", err, text)
	}
}

func mustTransact(t testing.TB, dw *database.DB, f func(ctx context.Context, tx *database.Tx) error) {
	t.Helper()
	if err := dw.Transact(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// fillDimensions makes a few members of each dimension: the tests below choose
// among them.
func fillDimensions(t testing.TB, dw *database.DB) {
	t.Helper()
	const version = "'test', 0, 0, '1900-01-01 00:00:00', '9999-12-31 00:00:00', 1"
	for i, s := range []struct{ country, name, city string }{{"US", "United States", "New York"}, {"DE", "Germany", "München"}, {"DE", "Germany", "Köln"}} {
		mustExec(t, dw, fmt.Sprintf(`INSERT INTO dw.dim_store (store_id, country, country_name, city, store_name, employees, zip_code, latitude, longitude,
			source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
			VALUES ('%d', '%s', '%s', '%s', 'Store %[4]s', 5, '', 40.5, -3.5, %[5]s)`, i+1, s.country, s.name, s.city, version))
		mustExec(t, dw, fmt.Sprintf(`INSERT INTO dw.dim_employee (employee_id, store_id, name, position,
			source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
			VALUES ('%d', '%[1]d', 'Kim %[1]d', 'Cashier', %[2]s)`, i+1, version))
		mustExec(t, dw, fmt.Sprintf(`INSERT INTO dw.dim_customer (customer_id, name, email, telephone, city, country, country_name, gender, date_of_birth, job_title,
			source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
			VALUES ('%d', 'Secret Name', 'secret@example.org', '+1-555', '%s', '%s', '%s', '%s', @born, 'Baker', %s)`,
			i+1, s.city, s.country, s.name, "FM"[i%2:i%2+1], version),
			sql.Named("born", database.Date(time.Date(1998+i, time.June, 15, 0, 0, 0, 0, time.UTC))))
		mustExec(t, dw, fmt.Sprintf(`INSERT INTO dw.dim_product (product_id, category, sub_category, description_pt, description_de, description_fr, description_es,
			description_en, description_zh, color, sizes, production_cost_micros, source_system, row_hash, is_inferred, valid_from, valid_to, is_current)
			VALUES ('%d', '%s', 'Coats', '', '', '', '', 'Coat %[1]d', '', '', '', 1000000, %[3]s)`, i+1, []string{"Feminine", "Masculine", "Children"}[i], version))
	}
	mustExec(t, dw, `INSERT INTO dw.dim_campaign (start_date, end_date, discount_micros, category, sub_category, description)
		VALUES ('2023-06-01', '2023-06-10', 400000, 'Feminine', 'Coats', 'Summer')`)
}

// keysOf are the surrogate keys of a dimension, the unknown member's first.
func keysOf(t testing.TB, dw *database.DB, dimension, key string) []int {
	t.Helper()
	rows, err := dw.Query(t.Context(), "SELECT "+key+" FROM dw."+dimension+" WHERE "+key+" <> -1 ORDER BY "+key)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	keys := []int{-1}
	for rows.Next() {
		var k int
		if err := rows.Scan(&k); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

// testFact is a row of fact_sales; what is not named is the same for all.
type testFact struct {
	invoice, line, day, minute                   int
	store, employee, customer, product, campaign int
	isReturn                                     bool
	payment, currency                            string
	quantity, discount, opens                    int
	unitPrice, lineTotal, usdMicros, listUSD     int64
}

func (f testFact) insert(ctx context.Context, tx *database.Tx) error {
	kind, prefix := "Sale", "INV"
	if f.isReturn {
		kind, prefix = "Return", "RET"
	}
	at := time.Date(f.day/10000, time.Month(f.day/100%100), f.day%100, f.minute/60, f.minute%60, 0, 0, time.UTC)
	_, err := tx.Exec(ctx, `INSERT INTO dw.fact_sales (invoice_id, line_number, date_key, time_key, sold_at, store_key, employee_key, customer_key,
		product_key, size_key, campaign_key, country, transaction_type, payment_method, color, sku, currency, quantity, discount_micros, unit_price_micros,
		line_total_micros, invoice_total_micros, usd_micros, list_usd_micros, opens_invoice, origin, row_hash, run_id, loaded_at)
		VALUES (@invoice, @line, @day, @minute, @at, @store, @employee, @customer, @product, -1, @campaign, 'DE', @kind, @payment, '', 'FECO1',
		@currency, @quantity, @discount, @unit, @total, 0, @usd, @list, @opens, 'batch', 0, 1, @at)`,
		sql.Named("invoice", fmt.Sprintf("%s-DE-%d", prefix, f.invoice)), sql.Named("line", f.line), sql.Named("day", f.day), sql.Named("minute", f.minute),
		sql.Named("at", at), sql.Named("store", f.store), sql.Named("employee", f.employee), sql.Named("customer", f.customer),
		sql.Named("product", f.product), sql.Named("campaign", f.campaign), sql.Named("kind", kind), sql.Named("payment", f.payment),
		sql.Named("currency", f.currency), sql.Named("quantity", f.quantity), sql.Named("discount", f.discount), sql.Named("unit", f.unitPrice),
		sql.Named("total", f.lineTotal), sql.Named("usd", f.usdMicros), sql.Named("list", f.listUSD), sql.Named("opens", f.opens))
	return err
}

// contents is every row of the aggregates as text, sorted.
func contents(t testing.TB, dw *database.DB) []string {
	t.Helper()
	var all []string
	seen := make(map[string]bool)
	for _, a := range aggregates {
		if seen[a.table] {
			continue
		}
		seen[a.table] = true
		var order []string
		for _, c := range a.grain {
			order = append(order, c.name)
		}
		all = append(all, a.table)
		all = append(all, texts(t, dw, "SELECT "+a.columns()+" FROM "+a.table+" ORDER BY "+strings.Join(order, ", "))...)
	}
	all = append(all, countTable)
	return append(all, texts(t, dw, "SELECT year, country, customers FROM dw.agg_customer_count ORDER BY year, country")...)
}

// texts is the rows of a query as text.
func texts(t testing.TB, dw *database.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := dw.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%v\nin %s", err, query)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		cells, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		parts := make([]string, len(cells))
		for i, cell := range cells {
			if b, ok := cell.([]byte); ok {
				cell = string(b)
			}
			parts[i] = fmt.Sprint(cell)
		}
		all = append(all, strings.Join(parts, " | "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// Whatever is inserted, changed or filled in, in whatever portions, the aggregates
// are what adding up all facts anew gives.
func TestAggregatesFollowTheFacts(t *testing.T) {
	ways := map[string]func(context.Context, *database.Tx, string, func() error) error{"as the engine does it": refreshAggregates}
	if newLab(t).dw.Engine() == database.SQLite { // where the server's statements run too
		ways["as a server does it"] = refreshServer
	}
	for name, refresh := range ways {
		t.Run(name, func(t *testing.T) { followFacts(t, refresh) })
	}
}

func followFacts(t *testing.T, refresh func(context.Context, *database.Tx, string, func() error) error) {
	dw := newLab(t).dw
	fillDimensions(t, dw)
	stores, employees := keysOf(t, dw, "dim_store", "store_key"), keysOf(t, dw, "dim_employee", "employee_key")
	customers, products := keysOf(t, dw, "dim_customer", "customer_key"), keysOf(t, dw, "dim_product", "product_key")
	random := rand.New(rand.NewPCG(1, 2))
	days := []int{20230531, 20230601, 20231231, 20240101, 20240229}
	const invoices = 60
	next := make([]int, invoices) // the next line of each invoice
	for round := range 30 {
		var facts []testFact
		touched := make(map[int]bool)
		for range 1 + random.IntN(10) {
			n := random.IntN(invoices)
			touched[n] = true
			next[n]++
			f := testFact{invoice: n, line: next[n], day: days[(n+next[n]/3)%len(days)], minute: random.IntN(1440),
				store: stores[1+n%3], employee: employees[n%len(employees)], customer: customers[n%len(customers)],
				product: products[random.IntN(len(products))], campaign: -1, isReturn: n%7 == 0, payment: []string{"Cash", "Credit Card"}[n%2],
				currency: []string{"EUR", "USD"}[n%3/2], quantity: 1 + random.IntN(3), discount: 400000 * (n % 2)}
			f.unitPrice = random.Int64N(100) * 1_000_000
			f.lineTotal = f.unitPrice * int64(f.quantity) / 2
			f.usdMicros, f.listUSD = f.lineTotal*100/92, f.unitPrice*int64(f.quantity)*100/92
			if f.isReturn {
				f.lineTotal, f.usdMicros, f.listUSD = -f.lineTotal, -f.usdMicros, -f.listUSD
			}
			if f.line == 1 {
				f.opens = 1
			}
			facts = append(facts, f)
		}
		updated := random.IntN(invoices)
		touched[updated] = true
		var list []string
		for n := range touched {
			list = append(list, fmt.Sprintf("'INV-DE-%d', 'RET-DE-%[1]d'", n))
		}
		mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
			return refresh(ctx, tx, "SELECT invoice_id FROM dw.fact_sales WHERE invoice_id IN ("+strings.Join(list, ", ")+")", func() error {
				for _, f := range facts {
					if err := f.insert(ctx, tx); err != nil {
						return err
					}
				}
				_, err := tx.Exec(ctx, "UPDATE dw.fact_sales SET usd_micros = usd_micros + 7, date_key = @day, product_key = @product WHERE invoice_id = @invoice AND line_number = 1",
					sql.Named("day", days[round%len(days)]), sql.Named("product", products[round%len(products)]), sql.Named("invoice", fmt.Sprintf("INV-DE-%d", updated)))
				return err
			})
		})
		if round == 20 {
			mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
				return refresh(ctx, tx, "SELECT invoice_id FROM dw.fact_sales WHERE product_key = 2 OR customer_key = 1", func() error {
					if _, err := tx.Exec(ctx, "UPDATE dw.dim_product SET category = 'Other', sub_category = 'Hats' WHERE product_key = 2"); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, "UPDATE dw.dim_customer SET job_title = 'Pilot', date_of_birth = NULL WHERE customer_key = 1")
					return err
				})
			})
		}
	}
	followed := contents(t, dw)
	if left := texts(t, dw, "SELECT COUNT(*) FROM dw.agg_delta"); left[0] != "0" {
		t.Errorf("%s rows are left in dw.agg_delta", left[0])
	}
	var last, total int64
	mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
		return rebuildAggregates(ctx, tx, func(done, of int64) { last, total = done, of })
	})
	if last != total || total == 0 {
		t.Errorf("the progress ends at %d of %d", last, total)
	}
	if len(followed) < 200 {
		t.Fatalf("only %d rows: the test is about nothing", len(followed))
	}
	if difference := differences(followed, contents(t, dw)); difference != "" {
		t.Errorf("followed (-) and rebuilt (+) differ:\n%s", difference)
	}
	// The same where memory holds next to nothing, and most of it is put aside.
	defer func(cells, texts int) { mostCells, mostTexts = cells, texts }(mostCells, mostTexts)
	for _, few := range []struct{ cells, texts int }{{10, 200}, {1000, 3}} {
		mostCells, mostTexts = few.cells, few.texts
		mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
			return rebuildAggregates(ctx, tx, func(int64, int64) {})
		})
		if difference := differences(followed, contents(t, dw)); difference != "" {
			t.Errorf("followed (-) and rebuilt with %+v in memory (+) differ:\n%s", few, difference)
		}
	}
	mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
		years, months, err := periods(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range aggregates {
			if _, err := tx.Exec(ctx, "DELETE FROM "+a.table); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "DELETE FROM dw.agg_customer_count"); err != nil {
			return err
		}
		if err := rebuildServer(ctx, tx, years, months, func(int64, int64) {}); err != nil {
			return err
		}
		return countCustomers(ctx, tx)
	})
	if difference := differences(followed, contents(t, dw)); difference != "" {
		t.Errorf("followed (-) and rebuilt by statements (+) differ:\n%s", difference)
	}
}

// differences are the lines that only one of the two has.
func differences(a, b []string) string {
	count := make(map[string]int)
	for _, line := range a {
		count[line]--
	}
	for _, line := range b {
		count[line]++
	}
	var out []string
	for line, n := range count {
		if n < 0 {
			out = append(out, "- "+line)
		} else if n > 0 {
			out = append(out, "+ "+line)
		}
	}
	return strings.Join(out, "\n")
}

// While the aggregates are stale, changes leave them alone, and a rebuild makes up
// for it.
func TestStaleAggregates(t *testing.T) {
	dw := newLab(t).dw
	fillDimensions(t, dw)
	f := testFact{invoice: 1, line: 1, day: 20230601, store: keysOf(t, dw, "dim_store", "store_key")[1], employee: -1, customer: -1, product: -1,
		campaign: -1, payment: "Cash", currency: "EUR", quantity: 2, opens: 1, unitPrice: 5, lineTotal: 10, usdMicros: 11, listUSD: 11}
	mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
		if err := suspendAggregates(ctx, tx); err != nil {
			return err
		}
		return refreshAggregates(ctx, tx, "SELECT 'INV-DE-1'", func() error { return f.insert(ctx, tx) })
	})
	if stale, err := aggregatesStale(t.Context(), dw); err != nil || !stale {
		t.Fatalf("stale: %v, %v", stale, err)
	}
	if rows := texts(t, dw, "SELECT * FROM dw.agg_day"); len(rows) != 0 {
		t.Errorf("there is %v", rows)
	}
	if net, err := netUSD(t.Context(), dw); err != nil || net != 11 {
		t.Errorf("the facts add up to %v: %v", net, err)
	}
	mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
		return rebuildAggregates(ctx, tx, func(int64, int64) {})
	})
	if stale, err := aggregatesStale(t.Context(), dw); err != nil || stale {
		t.Errorf("stale after the rebuild: %v, %v", stale, err)
	}
	if rows := texts(t, dw, "SELECT category, items_sold, sales_usd_micros, list_local_micros FROM dw.agg_day"); len(rows) != 1 || rows[0] != "Feminine | 2 | 11 | 10" {
		t.Errorf("there is %v", rows)
	}
}

// A refresh costs by the lines that change: SQLite finds the aggregates' rows by
// their keys and does not go through the tables.
func TestRefreshFindsRowsByKey(t *testing.T) {
	dw := liteWarehouse(t)
	statements := []string{"SELECT invoice_id FROM dw.sales_line WHERE invoice_id IN (SELECT invoice_id FROM dw.agg_delta)"}
	for _, a := range aggregates {
		update, insert, countEmpty, _ := a.applyDelta()
		statements = append(statements, update, insert, countEmpty)
	}
	for _, text := range statements {
		for _, step := range texts(t, dw, "EXPLAIN QUERY PLAN "+text) {
			if strings.Contains(step, "SCAN dw_") && !strings.Contains(step, "SCAN dw_agg_delta") || strings.Contains(step, "SCAN f") {
				t.Errorf("%s in\n%s", step, text)
			}
		}
	}
}
