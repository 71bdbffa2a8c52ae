package etl

import (
	"context"
	"database/sql"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tillstream/internal/database"
)

// reportFacts are three shops' sales that are quickly added up by hand: two lines
// on one invoice in a campaign, one of them returned later, one sale before the
// campaign, and one a year later in another country.
func reportFacts(t *testing.T, dw *database.DB) {
	t.Helper()
	fillDimensions(t, dw)
	stores, employees := keysOf(t, dw, "dim_store", "store_key"), keysOf(t, dw, "dim_employee", "employee_key")
	customers, products := keysOf(t, dw, "dim_customer", "customer_key"), keysOf(t, dw, "dim_product", "product_key")
	campaign := keysOf(t, dw, "dim_campaign", "campaign_key")[1]
	euro := func(f testFact) testFact {
		f.store, f.employee, f.customer, f.currency = stores[2], employees[2], customers[1], "EUR"
		return f
	}
	facts := []testFact{
		euro(testFact{invoice: 1, line: 1, opens: 1, day: 20230605, minute: 10*60 + 30, product: products[1], campaign: campaign, payment: "Credit Card",
			quantity: 1, discount: 400_000, unitPrice: 100_000_000, lineTotal: 60_000_000, usdMicros: 65_217_391, listUSD: 108_695_652}),
		euro(testFact{invoice: 1, line: 2, day: 20230605, minute: 10*60 + 30, product: products[2], campaign: -1, payment: "Credit Card",
			quantity: 2, unitPrice: 10_000_000, lineTotal: 20_000_000, usdMicros: 21_739_130, listUSD: 21_739_130}),
		euro(testFact{invoice: 2, line: 1, opens: 1, isReturn: true, day: 20230701, minute: 11 * 60, product: products[1], campaign: -1, payment: "Cash",
			quantity: 1, discount: 400_000, unitPrice: 100_000_000, lineTotal: -60_000_000, usdMicros: -65_217_391, listUSD: -108_695_652}),
		{invoice: 3, line: 1, opens: 1, day: 20240603, minute: 20 * 60, store: stores[1], employee: employees[1], customer: customers[2], product: products[3],
			campaign: -1, payment: "Cash", currency: "USD", quantity: 1, unitPrice: 50_000_000, lineTotal: 50_000_000, usdMicros: 50_000_000, listUSD: 50_000_000},
		euro(testFact{invoice: 4, line: 1, opens: 1, day: 20230520, minute: 12 * 60, product: products[1], campaign: -1, payment: "Cash",
			quantity: 1, unitPrice: 30_000_000, lineTotal: 30_000_000, usdMicros: 32_608_696, listUSD: 32_608_696}),
	}
	mustTransact(t, dw, func(ctx context.Context, tx *database.Tx) error {
		return refreshAggregates(ctx, tx, "SELECT invoice_id FROM dw.fact_sales", func() error {
			for _, f := range facts {
				if err := f.insert(ctx, tx); err != nil {
					return err
				}
			}
			// testFact puts all of them in Germany.
			_, err := tx.Exec(ctx, "UPDATE dw.fact_sales SET country = 'US' WHERE store_key = @store", sql.Named("store", stores[1]))
			return err
		})
	})
}

// Each view answers its questions, filtered as dashboards filter.
func TestReport(t *testing.T) {
	dw := newLab(t).dw
	reportFacts(t, dw)
	at := time.Date(2024, 6, 3, 21, 0, 0, 0, time.UTC)
	mustExec(t, dw, `INSERT INTO dw.etl_run (step, started_at, finished_at, status, rows_read, rows_inserted, rows_updated, rows_rejected, differences, detail)
		VALUES ('load', @from, @to, 'done', 10, 8, 1, 1, NULL, ''), ('verify', @from, @to, 'failed', 10, 0, 0, 0, 3, 'three differ'),
			('load', @from, NULL, 'running', 0, 0, 0, 0, NULL, '')`,
		sql.Named("from", at), sql.Named("to", at.Add(90*time.Second)))
	mustExec(t, dw, `INSERT INTO dw.etl_reject (run_id, step, source, business_key, reason, detail, content, content_hash, rejected_at)
		VALUES (1, 'load', 'transactions', 'INV 1', 'bad_date', '', '', 1, @at), (1, 'load', 'transactions', 'INV 2', 'bad_date', '', '', 2, @at)`, sql.Named("at", at))
	for _, c := range []struct {
		question, query string
		want            []string
	}{
		{"key figures", `SELECT SUM(orders), SUM(return_invoices), SUM(items_sold), SUM(items_returned), SUM(sales_usd), SUM(refunds_usd), SUM(net_usd), SUM(list_usd), SUM(discount_usd)
			FROM report.sales_by_day`, []string{"3 1 5 1 169.565217 65.217391 104.347826 213.043478 43.478261"}},
		{"a range of days", `SELECT SUM(net_usd) FROM report.sales_by_day WHERE date BETWEEN '2023-06-01' AND '2023-06-30'`, []string{"86.956521"}},
		{"countries", `SELECT country, country_name, SUM(net_usd) FROM report.sales_by_day WHERE country IN ('DE', 'US') GROUP BY country, country_name ORDER BY country`,
			[]string{"DE Germany 54.347826", "US United States 50"}},
		{"the map", `SELECT city, MAX(latitude), MAX(longitude), SUM(sales_usd) FROM report.sales_by_day GROUP BY city ORDER BY city`,
			[]string{"München 40.5 -3.5 119.565217", "New York 40.5 -3.5 50"}},
		{"months with the years on top of each other", `SELECT year, month, month_name, SUM(net_usd) FROM report.sales_by_day WHERE month = 6 GROUP BY year, month, month_name ORDER BY year`,
			[]string{"2023 6 June 86.956521", "2024 6 June 50"}},
		{"return rate by category", `SELECT category, SUM(items_sold), SUM(items_returned), SUM(category_orders) FROM report.sales_by_day GROUP BY category ORDER BY category`,
			[]string{"Children 1 0 1", "Feminine 2 1 2", "Masculine 2 0 1"}},
		{"local currency", `SELECT currency, SUM(net_local), SUM(list_local), SUM(sales_local), SUM(refunds_local) FROM report.sales_by_day WHERE store_id = '2' GROUP BY currency`, []string{"EUR 50 150 110 60"}},
		{"payment", `SELECT payment_method, SUM(sales_usd), SUM(orders) FROM report.sales_by_offer GROUP BY payment_method ORDER BY payment_method`,
			[]string{"Cash 82.608696 2", "Credit Card 86.956521 1"}},
		{"discount", `SELECT discount, SUM(sales_usd), SUM(discount_usd) FROM report.sales_by_offer GROUP BY discount ORDER BY discount`,
			[]string{"0 104.347826 0", "0.4 65.217391 43.478261"}},
		{"campaigns", `SELECT campaign, campaign_start, campaign_end, SUM(sales_usd) FROM report.sales_by_offer WHERE campaign_key <> -1 GROUP BY campaign, campaign_start, campaign_end`,
			[]string{"Summer 2023-06-01 2023-06-10 65.217391"}},
		{"the effect of a campaign", `SELECT campaign, period, COUNT(DISTINCT date), SUM(net_usd) FROM report.campaign_effect WHERE country = 'DE' GROUP BY campaign, period ORDER BY period`,
			[]string{"Summer before 1 32.608696", "Summer during 1 65.217391"}},
		{"the list of campaigns", `SELECT campaign, discount, category, sub_category FROM report.campaigns`, []string{"Summer 0.4 Feminine Coats"}},
		{"weekday and hour", `SELECT weekday_name, hour, SUM(sales_usd) FROM report.sales_by_hour WHERE date BETWEEN '2023-05-01' AND '2023-06-30' GROUP BY weekday, weekday_name, hour ORDER BY weekday, hour`,
			[]string{"Monday 10 86.956521", "Saturday 12 32.608696"}},
		{"sub categories", `SELECT sub_category, SUM(items_returned) FROM report.sales_by_sub_category WHERE category = 'Feminine' GROUP BY sub_category`, []string{"Coats 1"}},
		{"employees", `SELECT employee_id, employee_name, position, SUM(net_usd) FROM report.sales_by_employee WHERE country_name = 'Germany' GROUP BY employee_id, employee_name, position`,
			[]string{"2 Kim 2 Cashier 54.347826"}},
		{"products", `SELECT p.product_id, p.product, s.net_usd FROM (SELECT product_key, SUM(net_usd) AS net_usd FROM report.sales_by_product WHERE year = 2023 GROUP BY product_key) AS s
			JOIN report.products AS p ON p.product_key = s.product_key ORDER BY p.product_id`, []string{"1 Coat 1 32.608696", "2 Coat 2 21.73913"}},
		{"age groups", `SELECT value, SUM(net_usd) FROM report.sales_by_segment WHERE segment = 'age group' GROUP BY value ORDER BY value`,
			[]string{"18-24 169.565217", "25-34 -65.217391"}},
		{"how many customers", `SELECT year, country, customers FROM report.customers_by_year ORDER BY year, country`,
			[]string{"0 DE 1", "0 US 1", "2023 DE 1", "2024 US 1"}},
		{"the best customers", `SELECT {{top 1}} customer_id, customer_city, gender, orders, sales_usd, net_usd FROM report.customers WHERE year = 0 ORDER BY sales_usd_micros DESC {{limit 1}}`,
			[]string{"1 New York F 2 119.565217 54.347826"}},
		{"the list of stores", `SELECT store_id, store_name, city, country_name FROM report.stores WHERE country = 'US'`, []string{"1 Store New York New York United States"}},
		{"the latest transactions", `SELECT invoice_id, city, product, amount_usd, amount_local, currency FROM report.latest_transactions WHERE country IN ('US', 'DE') ORDER BY loaded_at DESC, sold_at DESC`,
			[]string{"INV-DE-3 New York Coat 3 50 50 USD", "RET-DE-2 München Coat 1 -65.217391 -60 EUR", "INV-DE-1 München Coat 1 65.217391 60 EUR", "INV-DE-1 München Coat 2 21.73913 20 EUR",
				"INV-DE-4 München Coat 1 32.608696 30 EUR"}},
		{"the runs", `SELECT step, status, seconds, rows_read, rows_inserted, rows_rejected FROM report.etl_runs WHERE step <> 'init' ORDER BY run_id`,
			[]string{"load done 90 10 8 1", "verify failed 90 10 0 0", "load running <nil> 0 0 0"}},
		{"freshness", `SELECT step FROM report.etl_freshness WHERE step <> 'init'`, []string{"load"}},
		{"the last verify", `SELECT differences, detail FROM report.last_verify`, []string{"3 three differ"}},
		{"rejects", `SELECT source, reason, rejects FROM report.etl_rejects`, []string{"transactions bad_date 2"}},
	} {
		if got := plain(texts(t, dw, c.query)); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(c.want))) {
			t.Errorf("%s:\n got %q\nwant %q\n%s", c.question, got, c.want, c.query)
		}
	}
}

// The latest transactions are asked for every few seconds: the facts must be read from
// their newest on, and not be sorted.
func TestLatestTransactionsGoByTheIndex(t *testing.T) {
	dw := liteWarehouse(t)
	plan := strings.Join(texts(t, dw, "EXPLAIN QUERY PLAN SELECT invoice_id FROM report.latest_transactions ORDER BY loaded_at DESC, sold_at DESC LIMIT 20"), "\n")
	if !strings.Contains(plan, "SCAN dw_fact_sales USING INDEX ix_fact_sales_loaded") {
		t.Errorf("the facts are not read by their index:\n%s", plan)
	}
}

// plain writes rows alike, whatever types an engine gives their cells.
func plain(rows []string) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		cells := strings.Split(row, " | ")
		for j, cell := range cells {
			if n, err := strconv.ParseFloat(cell, 64); err == nil {
				cells[j] = strconv.FormatFloat(n, 'f', -1, 64)
				if _, decimals, found := strings.Cut(cells[j], "."); found && len(decimals) > 6 { // SQLite adds up floats
					cells[j] = strings.TrimRight(strings.TrimRight(strconv.FormatFloat(n, 'f', 6, 64), "0"), ".")
				}
			}
			cells[j] = strings.TrimSuffix(cells[j], " 00:00:00 +0000 UTC")
		}
		all[i] = strings.Join(cells, " ")
	}
	return all
}

// reportViews are the views that 003_report.sql makes.
func reportViews(t *testing.T) []string {
	t.Helper()
	text, err := sqlFiles.ReadFile("sql/warehouse/003_report.sql")
	if err != nil {
		t.Fatal(err)
	}
	var views []string
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "CREATE VIEW "); found {
			views = append(views, strings.TrimSuffix(strings.TrimSpace(name), " AS"))
		}
	}
	if len(views) < 15 {
		t.Fatalf("only %v were found", views)
	}
	return views
}

// No view shows what is known about a customer as a person.
func TestReportShowsNoPersonalData(t *testing.T) {
	dw := newLab(t).dw
	reportFacts(t, dw)
	for _, view := range reportViews(t) {
		for _, row := range texts(t, dw, "SELECT * FROM "+view) {
			for _, secret := range []string{"Secret Name", "secret@", "+1-555", "1998-06-15", "1999-06-15"} {
				if strings.Contains(row, secret) {
					t.Errorf("%s shows %q: %s", view, secret, row)
				}
			}
		}
	}
}

// docs/warehouse.md says what each view and each aggregate is for.
func TestDocsNameTheReport(t *testing.T) {
	docs := readDocs(t, "../docs/warehouse.md")
	for _, view := range reportViews(t) {
		if !strings.Contains(docs, "`"+view+"`") {
			t.Errorf("docs/warehouse.md does not name %s", view)
		}
	}
	for _, a := range aggregates {
		if !strings.Contains(docs, "`"+a.table+"`") {
			t.Errorf("docs/warehouse.md does not name %s", a.table)
		}
	}
}

func readDocs(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
