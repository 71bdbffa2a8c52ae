package etl

import (
	"strings"
	"testing"

	"tillstream/internal/sale"
)

// A line becomes a fact that points at what the reference data says.
func TestLoad(t *testing.T) {
	l := newLab(t)
	l.reference()
	l.sell(with(nil),
		with(map[sale.Column]string{sale.LineNumber: "2", sale.Discount: "0.4", sale.UnitPrice: "10", sale.LineTotal: "6", sale.Quantity: "1", sale.Size: ""}),
		with(map[sale.Column]string{sale.InvoiceID: "RET-DE-002-00000001", sale.StoreID: "2", sale.Currency: "EUR", sale.CurrencySymbol: "€",
			sale.TransactionType: "Return", sale.LineTotal: "-92", sale.UnitPrice: "46", sale.CustomerID: "", sale.Date: "2024-12-31 23:59:59"}))
	got := l.load()
	if got.Read != 3+2+1+1+1+3 || got.Rejected != 0 || got.NetUSD != "6.00" {
		t.Errorf("got %+v", got)
	}
	l.same(`SELECT f.invoice_id, f.line_number, f.date_key, f.time_key, s.store_name, e.name, c.name, p.description_en, z.size, g.description, f.country, f.usd_micros, f.list_usd_micros, f.opens_invoice, f.origin
		FROM dw.fact_sales f JOIN dw.dim_store s ON s.store_key = f.store_key JOIN dw.dim_employee e ON e.employee_key = f.employee_key
		LEFT JOIN dw.dim_customer c ON c.customer_key = f.customer_key AND f.customer_key <> -1 JOIN dw.dim_product p ON p.product_key = f.product_key
		LEFT JOIN dw.dim_size z ON z.size_key = f.size_key AND f.size_key <> -1 LEFT JOIN dw.dim_campaign g ON g.campaign_key = f.campaign_key AND g.campaign_key <> -1`,
		"INV-US-001-00000001|1|20240305|630|Store New York|Jada Garrett|Kayla Lawson|Coat|M||US|100000000|100000000|1|batch",
		"INV-US-001-00000001|2|20240305|630|Store New York|Jada Garrett|Kayla Lawson|Coat||Spring|US|6000000|10000000|0|batch",
		"RET-DE-002-00000001|1|20241231|1439|Store Berlin|Jada Garrett||Coat|M||DE|-100000000|-100000000|1|batch")
	l.same("SELECT sizes FROM dw.dim_product WHERE product_key <> -1", "S|M|XL")
	l.same("SELECT z.size FROM dw.bridge_product_size b JOIN dw.dim_size z ON z.size_key = b.size_key", "M", "S", "XL")
	l.same("SELECT COUNT(*) FROM dw.dim_date WHERE year = 2024", "366")
	before := l.content()
	again := l.load()
	if again.Inserted+again.Updated+again.Rejected != 0 || l.content() != before {
		t.Errorf("loading again changes something: %+v", again)
	}
}

// Only what is new or has changed in the source is read again.
func TestLoadIncrementally(t *testing.T) {
	l := newLab(t)
	l.reference()
	l.sell(with(nil), with(map[sale.Column]string{sale.LineNumber: "2"}))
	l.load()
	l.sell(with(map[sale.Column]string{sale.LineNumber: "3", sale.LineTotal: "50"}))
	l.update("dbo.transactions", "[Line Total] = '80', [Date] = '2024-03-06 11:00:00'", "[Line] = 2")
	got := l.load()
	// Of the reference data all but the customers is compared.
	if got.Read != 2+2+1+1+3 || got.Inserted != 1 || got.Updated != 1 || got.NetUSD != "230.00" {
		t.Errorf("got %+v", got)
	}
	l.same("SELECT line_number, line_total_micros, date_key, opens_invoice, run_id FROM dw.fact_sales",
		"1|100000000|20240305|1|2", "2|80000000|20240306|0|3", "3|50000000|20240305|0|3")
	l.same("SELECT date_key, sale_lines, sales_usd_micros FROM dw.agg_day", "20240305|2|150000000", "20240306|1|80000000")
}

// A full load finds what was changed in the warehouse, and goes by other rates.
func TestLoadFull(t *testing.T) {
	l := newLab(t)
	l.reference()
	l.sell(with(nil), with(map[sale.Column]string{sale.InvoiceID: "INV-DE-002-1", sale.StoreID: "2", sale.Currency: "EUR"}))
	l.load()
	want := l.content()
	mustExec(t, l.dw, "DELETE FROM dw.fact_sales WHERE currency = 'USD'")
	l.cfg.Rates = testRates(t, "Date,Currency,Units Per USD\n2024-01-01,USD,1\n2024-01-01,EUR,0.5\n")
	got, err := Load(t.Context(), l.cfg, LoadOptions{Full: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Inserted != 1 || got.Updated != 1 {
		t.Errorf("got %+v", got)
	}
	l.same("SELECT currency, usd_micros FROM dw.fact_sales", "USD|100000000", "EUR|200000000")
	l.cfg.Rates = nil
	if _, err := Load(t.Context(), l.cfg, LoadOptions{Full: true}); err != nil {
		t.Fatal(err)
	}
	mustTransact(t, l.dw, suspendAggregates) // which do not know what was deleted behind their back
	l.load()
	if l.content() != want {
		t.Errorf("got\n%s\nwant\n%s", l.content(), want)
	}
	if got := l.load(); got.Read != 2+1+1+3 {
		t.Errorf("what a full load has read is read again: %+v", got)
	}
}

// An invoice is counted once, by its lowest line, in whatever order its lines come.
func TestInvoicesAreCountedOnce(t *testing.T) {
	l := newLab(t)
	l.reference()
	const opens = "SELECT line_number, opens_invoice FROM dw.fact_sales"
	line := func(number string) sale.Row {
		return with(map[sale.Column]string{sale.LineNumber: number, sale.Date: "2024-03-0" + number})
	}
	l.sell(line("4"), line("3"))
	l.load()
	l.same(opens, "3|1", "4|0")
	l.sell(line("5"), line("2"), line("1"))
	l.load()
	l.same(opens, "1|1", "2|0", "3|0", "4|0", "5|0")
	l.same("SELECT date_key, sale_invoices FROM dw.agg_day", "20240301|1", "20240302|0", "20240303|0", "20240304|0", "20240305|0")
	l.same("SELECT sale_invoices, sale_lines FROM dw.agg_customer WHERE year = 0", "1|5")
}

// What cannot be loaded is rejected with its reason, once, and all else is loaded.
// The source's own types let only some of it through; the predecessor's tables, of
// text, all of it.
func TestRejects(t *testing.T) {
	l := predecessorLab(t, predecessorTransactions)
	long := strings.Repeat("x", 256)
	bad := func(number string, column sale.Column, text string) sale.Row {
		return with(map[sale.Column]string{sale.LineNumber: number, column: text})
	}
	l.put(bad("1", sale.Date, "31.12.2023"), bad("2", sale.Date, "2023-02-29"), bad("3", sale.Date, ""), bad("4", sale.Currency, "XXX"),
		bad("5", sale.Quantity, "0"), bad("6", sale.Quantity, "1.5"), bad("7", sale.PaymentMethod, long), bad("8", sale.LineTotal, "1.0000001"),
		bad("9", sale.LineTotal, "ten"), bad("10", sale.StoreID, ""), bad("11", sale.TransactionType, "Gift"), bad("0", sale.Color, "RED"),
		bad("12", sale.Color, "RED"), bad("12", sale.Color, "BLUE"), bad("12", sale.Color, "RED"),
		bad("13", sale.LineTotal, "99999999999"), with(map[sale.Column]string{sale.InvoiceID: "X1", sale.StoreID: "99"}))
	got := l.load()
	if got.Read != 17 || got.Inserted != 1 || got.Rejected != 15 || got.Duplicates != 1 {
		t.Errorf("got %+v", got)
	}
	l.same("SELECT status, rows_read, rows_inserted, rows_rejected FROM dw.etl_run WHERE step = 'load'", "done|17|1|15")
	l.same("SELECT line_number, color FROM dw.fact_sales", "12|RED")
	const rejects = "SELECT step, source, business_key, reason FROM dw.etl_reject"
	want := []string{}
	for key, reason := range map[string]string{"1": "bad_date", "2": "bad_date", "3": "bad_date", "4": "unknown_currency", "5": "bad_quantity", "6": "bad_quantity",
		"7": "bad_text", "8": "bad_amount", "9": "bad_amount", "10": "missing_column", "11": "bad_type", "0": "bad_line", "12": "conflict", "13": "bad_amount"} {
		want = append(want, "load|transactions|INV-US-001-00000001 "+key+"|"+reason)
	}
	want = append(want, "load|transactions|X1 1|unknown_country")
	l.same(rejects, want...)
	before := l.content()
	if again := l.load(); again.Inserted+again.Updated != 0 || again.Rejected != 15 || l.content() != before {
		t.Errorf("loading again changes something: %+v", again)
	}
}

// The reference data's rows that cannot be used are rejected, and their IDs become
// inferred members when a sale asks for them.
func TestRejectedMembers(t *testing.T) {
	l := predecessorLab(t, predecessorTransactions,
		"CREATE TABLE dbo.customers ([Customer ID] NVARCHAR(50) NULL, [Name] NVARCHAR(1000) NULL, [Date Of Birth] NVARCHAR(50) NULL)",
		"CREATE TABLE dbo.products ([Product ID] INT NULL, [Category] NVARCHAR(50) NULL, [Production Cost] NVARCHAR(50) NULL, [Sizes] NVARCHAR(50) NULL)",
		"CREATE TABLE dbo.stores ([Store ID] NVARCHAR(50) NULL, [Country] NVARCHAR(50) NULL, [City] NVARCHAR(50) NULL)",
		"CREATE TABLE dbo.discounts ([Start] NVARCHAR(50) NULL, [End] NVARCHAR(50) NULL, [Discont] NVARCHAR(50) NULL)")
	l.insert("dbo.customers", []string{"Customer ID", "Name", "Date Of Birth"}, []any{"7", strings.Repeat("x", 256), nil}, []any{"8", "Kim", "1990-02-30"},
		[]any{"", "Nobody", nil}, []any{"9", strings.Repeat("ü", 255), "1990-02-28"}, []any{"9", "Lee", nil}, []any{"9", strings.Repeat("ü", 255), "1990-02-28"})
	l.insert("dbo.products", []string{"Product ID", "Category", "Production Cost", "Sizes"}, []any{11, "Feminine", "cheap", "M"}, []any{12, nil, "9.5", "M|S|M"})
	l.insert("dbo.stores", []string{"Store ID", "Country", "City"}, []any{"1", "Italia", "Roma"})
	l.insert("dbo.discounts", []string{"Start", "End", "Discont"}, []any{"2024-03-01", "2024-03-10", "40 %"}, []any{"2024-03-01", nil, "0.4"})
	l.put(with(nil))
	got := l.load()
	if got.Rejected != 7 || got.Duplicates != 1 {
		t.Errorf("got %+v", got)
	}
	l.same("SELECT source, business_key, reason FROM dw.etl_reject", "customers|7|bad_text", "customers|8|bad_date", "customers||missing_column",
		"customers|9|conflict", "products|11|bad_number", "discounts|2024-03-01 2024-03-10|bad_number", "discounts|2024-03-01 |missing_column")
	l.same("SELECT customer_id, is_inferred FROM dw.dim_customer WHERE customer_key <> -1", "7|1", "9|0")
	l.same("SELECT product_id, category, sizes, production_cost_micros, is_inferred FROM dw.dim_product WHERE product_key <> -1", "11|Feminine|||1", "12|Other|M|S|M|9500000|0")
	// A country that is not known here stays as it is called; the invoice tells where it was sold.
	l.same("SELECT s.country, s.country_name, f.country FROM dw.fact_sales f JOIN dw.dim_store s ON s.store_key = f.store_key", "|Italia|US")
}

func TestLoadErrors(t *testing.T) {
	l := predecessorLab(t, "CREATE TABLE dbo.transactions ([Invoice ID] NVARCHAR(50) NULL, [Line] INT NULL)")
	if _, err := Load(t.Context(), l.cfg, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "dbo.transactions has no column [Quantity]") {
		t.Errorf("got %v", err)
	}
	l.same("SELECT step, status FROM dw.etl_run WHERE step = 'load'", "load|failed")
}
