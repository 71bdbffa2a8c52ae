package etl

import (
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"tillstream/internal/database"
	"tillstream/internal/databasetest"
	"tillstream/internal/fx"
	"tillstream/internal/sale"
)

// lab is a source database and a warehouse, both new.
type lab struct {
	testing.TB
	cfg        Config
	source, dw *database.DB
}

func newLab(t testing.TB) *lab {
	t.Helper()
	return predecessorLab(t)
}

// liteWarehouse is a new warehouse in SQLite, whatever the build tag says: SQLite alone
// shows the plan of a query as rows.
func liteWarehouse(t testing.TB) *database.DB {
	t.Helper()
	cfg := Config{Source: databasetest.SQLite(t, "source"), Warehouse: databasetest.SQLite(t, "warehouse")}
	if _, err := Init(t.Context(), cfg, Logins{}); err != nil {
		t.Fatal(err)
	}
	return openDatabase(t, cfg.Warehouse)
}

// predecessorLab is a lab whose source has tables that tillstream has not made:
// those of the statements.
func predecessorLab(t testing.TB, tables ...string) *lab {
	t.Helper()
	l := &lab{TB: t}
	l.cfg.Source, l.cfg.Warehouse = databasetest.Databases(t)
	l.source, l.dw = openDatabase(t, l.cfg.Source), openDatabase(t, l.cfg.Warehouse)
	for _, text := range tables {
		mustExec(t, l.source, text)
	}
	if _, err := Init(t.Context(), l.cfg, Logins{}); err != nil {
		t.Fatal(err)
	}
	return l
}

func openDatabase(t testing.TB, address string) *database.DB {
	t.Helper()
	db, err := database.Create(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// insert puts rows into a table of the source: the names of its columns, then
// their values. A number of it may be text.
func (l *lab) insert(table string, columns []string, rows ...[]any) {
	l.Helper()
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = database.QuoteName(c)
	}
	for _, row := range rows {
		values := make([]string, len(row))
		var args []any
		for i, v := range row {
			if v == nil { // a parameter without a type is what Babelfish refuses
				values[i] = "NULL"
				continue
			}
			values[i] = fmt.Sprintf("@p%d", i)
			args = append(args, sql.Named(values[i][1:], v))
		}
		mustExec(l, l.source, "INSERT INTO "+table+" ("+strings.Join(quoted, ", ")+") VALUES ("+strings.Join(values, ", ")+")", args...)
	}
}

// update changes rows of the source.
func (l *lab) update(table, set, where string) {
	l.Helper()
	mustExec(l, l.source, "UPDATE "+table+" SET "+set+" WHERE "+where)
}

// lineDefaults are what a line of the tests says if it is not told otherwise.
var lineDefaults = sale.Row{
	sale.InvoiceID: "INV-US-001-00000001", sale.LineNumber: "1", sale.CustomerID: "7", sale.ProductID: "11", sale.Size: "M", sale.Color: "RED",
	sale.UnitPrice: "50", sale.Quantity: "2", sale.Date: "2024-03-05 10:30:00", sale.Discount: "0", sale.LineTotal: "100", sale.StoreID: "1",
	sale.EmployeeID: "3", sale.Currency: "USD", sale.CurrencySymbol: "$", sale.SKU: "FECO11-M-RED", sale.TransactionType: "Sale",
	sale.PaymentMethod: "Cash", sale.InvoiceTotal: "100",
}

// with is the line of the tests with other values.
func with(values map[sale.Column]string) sale.Row {
	row := lineDefaults
	for column, text := range values {
		row[column] = text
	}
	return row
}

// sell puts lines into the source.
func (l *lab) sell(rows ...sale.Row) {
	l.Helper()
	for _, row := range rows {
		values := make([]any, len(row))
		for i, text := range row {
			values[i] = text
			if text == "" && (sale.Column(i) == sale.UnitPrice || sale.Column(i) == sale.Discount || sale.Column(i) == sale.InvoiceTotal || sale.Column(i) == sale.Date) {
				values[i] = nil
			}
		}
		l.insert("dbo.transactions", sale.Columns[:], values)
	}
}

// reference puts one store, employee, customer, product and campaign into the
// source, those of lineDefaults.
func (l *lab) reference() {
	l.Helper()
	l.insert("dbo.stores", storeDimension.columns, []any{"1", "United States", "New York", "Store New York", 13, "10001", "40.7128", "-74.006"},
		[]any{"2", "Deutschland", "Berlin", "Store Berlin", 9, "10115", "52.52", "13.405"})
	l.insert("dbo.employees", employeeDimension.columns, []any{"3", "1", "Jada Garrett", "Seller"})
	l.insert("dbo.customers", customerDimension.columns, []any{"7", "Kayla Lawson", "k@example.org", "+1-555", "Boston", "United States", "F", "1990-06-15", "Baker"})
	l.insert("dbo.products", productDimension.columns[:len(productDimension.columns)-1],
		[]any{"11", "Feminine", "Coats and Blazers", "Casaco", "Mantel", "Manteau", "Abrigo", "Coat", "大衣", "RED", "16.8"})
	l.insert("dbo.product_size", []string{"Product ID", "Size"}, []any{"11", "XL"}, []any{"11", "M"}, []any{"11", "S"})
	l.insert("dbo.discounts", campaignColumns, []any{"2024-03-01", "2024-03-10", "0.4", "Spring", "Feminine", "Coats and Blazers"},
		[]any{"2024-03-01", "2024-03-10", "0.4", "Spring for her", "Feminine", ""},
		[]any{"2024-03-01", "2024-03-10", "0.4", "Spring for all", "", ""})
}

// load runs a load that must succeed.
func (l *lab) load() Summary {
	l.Helper()
	summary, err := Load(l.Context(), l.cfg, LoadOptions{})
	if err != nil {
		l.Fatal(err)
	}
	return summary
}

// query returns the rows of a query of the warehouse as text, sorted.
func (l *lab) query(text string, args ...any) []string {
	l.Helper()
	return queryText(l, l.dw, text, args...)
}

func queryText(t testing.TB, db *database.DB, text string, args ...any) (lines []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%v\nin %s", err, text)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	cells, pointers := make([]any, len(types)), make([]any, len(types))
	for i := range cells {
		pointers[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, cell := range cells {
			if i > 0 {
				b.WriteString("|")
			}
			if at, ok := cell.(time.Time); ok && types[i].DatabaseTypeName() == "DATE" {
				cell = at.Format(time.DateOnly)
			}
			written, err := plainText(cell)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(written)
		}
		lines = append(lines, b.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return lines
}

// content is all that the warehouse holds, without surrogate keys, runs and times
// of loading: what must be the same however it came about.
func (l *lab) content() string {
	l.Helper()
	var b strings.Builder
	for _, text := range []string{
		`SELECT f.invoice_id, f.line_number, f.date_key, f.time_key, f.sold_at, s.store_id, s.valid_from, e.employee_id, e.valid_from, c.customer_id, c.valid_from,
			p.product_id, p.valid_from, z.size, g.start_date, g.end_date, g.category, g.sub_category, f.country, f.transaction_type, f.payment_method, f.color, f.sku, f.currency,
			f.quantity, f.discount_micros, f.unit_price_micros, f.line_total_micros, f.invoice_total_micros, f.usd_micros, f.list_usd_micros,
			f.opens_invoice, f.origin, f.row_hash
		FROM dw.fact_sales f
		LEFT JOIN dw.dim_store s ON s.store_key = f.store_key LEFT JOIN dw.dim_employee e ON e.employee_key = f.employee_key
		LEFT JOIN dw.dim_customer c ON c.customer_key = f.customer_key LEFT JOIN dw.dim_product p ON p.product_key = f.product_key
		LEFT JOIN dw.dim_size z ON z.size_key = f.size_key LEFT JOIN dw.dim_campaign g ON g.campaign_key = f.campaign_key AND g.campaign_key <> -1`,
		"SELECT store_id, country, country_name, city, store_name, employees, zip_code, row_hash, is_inferred, valid_from, valid_to, is_current, source_system FROM dw.dim_store",
		"SELECT employee_id, store_id, name, position, row_hash, is_inferred, valid_from, valid_to, is_current, source_system FROM dw.dim_employee",
		"SELECT customer_id, name, email, telephone, city, country, country_name, gender, date_of_birth, job_title, row_hash, is_inferred, valid_from, valid_to, is_current, source_system FROM dw.dim_customer",
		"SELECT product_id, category, sub_category, description_en, description_zh, color, sizes, production_cost_micros, row_hash, is_inferred, valid_from, valid_to, is_current, source_system FROM dw.dim_product",
		"SELECT p.product_id, p.valid_from, z.size FROM dw.bridge_product_size b JOIN dw.dim_product p ON p.product_key = b.product_key JOIN dw.dim_size z ON z.size_key = b.size_key",
		"SELECT size FROM dw.dim_size",
		"SELECT start_date, end_date, discount_micros, category, sub_category, description FROM dw.dim_campaign WHERE campaign_key <> -1",
		"SELECT date_key, date, year, quarter, month, month_name, day, iso_year, iso_week, weekday, weekday_name, is_weekend FROM dw.dim_date",
		"SELECT source, business_key, reason, detail, content, content_hash FROM dw.etl_reject",
		"SELECT date_key, country, currency, category, sale_lines, return_lines, sale_invoices, return_invoices, items_sold, items_returned, sales_usd_micros, refunds_usd_micros, list_usd_micros FROM dw.agg_day",
		"SELECT year, country, customer_id, sale_lines, sales_usd_micros FROM dw.agg_customer",
	} {
		b.WriteString(strings.Join(l.query(text), "\n"))
		b.WriteString("\n--\n")
	}
	return b.String()
}

// same compares what a query returns with the lines that are wanted.
func (l *lab) same(query string, want ...string) {
	l.Helper()
	got := l.query(query)
	sort.Strings(want)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		l.Errorf("%s\n got:\n  %s\n want:\n  %s", query, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func testRates(t testing.TB, text string) *fx.Table {
	t.Helper()
	rates, err := fx.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rates
}
