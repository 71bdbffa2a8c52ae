package etl

import (
	"strings"
	"testing"
	"time"

	"tillstream/internal/sale"
)

func at(text string) time.Time {
	t, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return t
}

// effective sets from when on the next load's versions are valid.
func (l *lab) effective(text string) { l.cfg.Effective = at(text) }

// A store is renamed, a customer moves twice, an employee changes stores: facts
// keep the versions of their own time, and late ones find them.
func TestVersions(t *testing.T) {
	l := newLab(t)
	l.reference()
	invoice := func(id, date string) sale.Row {
		return with(map[sale.Column]string{sale.InvoiceID: "INV-US-001-" + id, sale.Date: date})
	}
	l.effective("2024-03-06 00:00:00")
	l.sell(invoice("1", "2024-03-05 10:00:00"))
	l.load()
	l.update("dbo.stores", "[Store Name] = 'Fifth Avenue'", "[Store ID] = '1'")
	l.update("dbo.customers", "[City] = 'Chicago'", "[Customer ID] = '7'")
	l.effective("2024-04-01 00:00:00")
	l.sell(invoice("2", "2024-04-01 00:00:00"))
	if got := l.load(); got.Inserted != 1 || got.Updated != 2 {
		t.Errorf("two members have changed and a line is new: %+v", got)
	}
	l.update("dbo.customers", "[City] = 'Denver'", "[Customer ID] = '7'")
	l.update("dbo.employees", "[Store ID] = '2'", "[Employee ID] = '3'")
	l.effective("2024-05-01 00:00:00")
	l.sell(invoice("3", "2024-06-01 10:00:00"), invoice("late", "2024-04-15 10:00:00"), invoice("older", "1899-01-01 10:00:00"))
	l.load()
	const facts = `SELECT f.invoice_id, s.store_name, c.city, e.store_id FROM dw.fact_sales f JOIN dw.dim_store s ON s.store_key = f.store_key
		JOIN dw.dim_customer c ON c.customer_key = f.customer_key JOIN dw.dim_employee e ON e.employee_key = f.employee_key`
	want := []string{
		"INV-US-001-1|Store New York|Boston|1",
		"INV-US-001-2|Fifth Avenue|Chicago|1",
		"INV-US-001-3|Fifth Avenue|Denver|2",
		"INV-US-001-late|Fifth Avenue|Chicago|1",
		"INV-US-001-older|Store New York|Boston|1",
	}
	l.same(facts, want...)
	const versions = "SELECT city, valid_from, valid_to, is_current FROM dw.dim_customer WHERE customer_id = '7'"
	wantVersions := []string{
		"Boston|1900-01-01 00:00:00|2024-04-01 00:00:00|0",
		"Chicago|2024-04-01 00:00:00|2024-05-01 00:00:00|0",
		"Denver|2024-05-01 00:00:00|9999-12-31 00:00:00|1",
	}
	l.same(versions, wantVersions...)
	// A change that takes effect at the same moment as the last one replaces it.
	l.update("dbo.customers", "[City] = 'Boulder'", "[Customer ID] = '7'")
	l.load()
	wantVersions[2] = "Boulder|2024-05-01 00:00:00|9999-12-31 00:00:00|1"
	l.same(versions, wantVersions...)
	l.effective("2024-06-01 00:00:00")
	before := l.content()
	if again := l.load(); again.Inserted+again.Updated != 0 || l.content() != before {
		t.Errorf("loading again changes something: %+v", again)
	}
}

// What a sale asks for and the source does not have gets a member by its ID alone,
// which the real row fills in once, in its place.
func TestInferredMembers(t *testing.T) {
	l := newLab(t)
	l.effective("2024-03-06 00:00:00")
	l.sell(with(nil), with(map[sale.Column]string{sale.LineNumber: "2", sale.CustomerID: "", sale.EmployeeID: "", sale.ProductID: "", sale.Size: ""}))
	l.load()
	const members = `SELECT 'store', store_id, country, is_inferred, valid_from FROM dw.dim_store WHERE store_key <> -1
		UNION ALL SELECT 'employee', employee_id, store_id, is_inferred, valid_from FROM dw.dim_employee WHERE employee_key <> -1
		UNION ALL SELECT 'customer', customer_id, country, is_inferred, valid_from FROM dw.dim_customer WHERE customer_key <> -1
		UNION ALL SELECT 'product', product_id, category, is_inferred, valid_from FROM dw.dim_product WHERE product_key <> -1`
	l.same(members, "store|1|US|1|1900-01-01 00:00:00", "employee|3|1|1|1900-01-01 00:00:00", "customer|7||1|1900-01-01 00:00:00",
		"product|11|Feminine|1|1900-01-01 00:00:00")
	keys := l.query("SELECT line_number, store_key, employee_key, customer_key, product_key, size_key FROM dw.fact_sales")
	l.reference()
	l.effective("2024-04-01 00:00:00")
	l.load()
	l.same(members, "store|1|US|0|1900-01-01 00:00:00", "store|2|DE|0|1900-01-01 00:00:00", "employee|3|1|0|1900-01-01 00:00:00",
		"customer|7|US|0|1900-01-01 00:00:00", "product|11|Feminine|0|1900-01-01 00:00:00")
	l.same("SELECT line_number, store_key, employee_key, customer_key, product_key, size_key FROM dw.fact_sales", keys...)
	l.same("SELECT name FROM dw.dim_customer WHERE customer_id = '7'", "Kayla Lawson")
	l.same("SELECT COUNT(*) FROM dw.bridge_product_size", "3")
	l.same(`SELECT f.line_number FROM dw.fact_sales f WHERE f.store_key <> -1 AND f.employee_key = -1 AND f.customer_key = -1 AND f.product_key = -1 AND f.size_key = -1`, "2")
	// The aggregates go by the real ones now.
	l.same("SELECT sub_category, sale_lines FROM dw.agg_month_sub_category", "Coats and Blazers|1", "Unknown|1")
	l.same("SELECT segment, value FROM dw.agg_year_segment WHERE segment = 'gender'", "gender|F", "gender|unknown")
	// A second change is a version, as of any other member.
	l.update("dbo.customers", "[City] = 'Chicago'", "[Customer ID] = '7'")
	l.effective("2024-05-01 00:00:00")
	l.load()
	l.same("SELECT city, is_current FROM dw.dim_customer WHERE customer_id = '7'", "Boston|0", "Chicago|1")
}

// The sizes of a product follow it from version to version.
func TestProductSizes(t *testing.T) {
	l := newLab(t)
	l.reference()
	l.effective("2024-03-06 00:00:00")
	l.load()
	l.insert("dbo.product_size", []string{"Product ID", "Size"}, []any{"11", "XS"}, []any{"11", "38"}, []any{"11", "ONE"})
	l.effective("2024-04-01 00:00:00")
	l.load()
	l.same("SELECT sizes, is_current FROM dw.dim_product WHERE product_id = '11'", "S|M|XL|0", "XS|S|M|XL|38|ONE|1")
	l.same("SELECT p.is_current, COUNT(*) FROM dw.bridge_product_size b JOIN dw.dim_product p ON p.product_key = b.product_key GROUP BY p.is_current", "0|3", "1|6")
}

// Of several campaigns that fit, the most specific one counts; the day is the
// store's own, and the discount must be the same.
func TestCampaigns(t *testing.T) {
	l := newLab(t)
	l.reference()
	l.insert("dbo.products", productDimension.columns[:11], []any{"12", "Feminine", "Skirts", "", "", "", "", "Skirt", "", "", nil},
		[]any{"13", "Masculine", "Coats and Blazers", "", "", "", "", "Coat", "", "", nil})
	line := func(number, product, date, discount string) sale.Row {
		return with(map[sale.Column]string{sale.LineNumber: number, sale.ProductID: product, sale.Date: date, sale.Discount: discount})
	}
	l.sell(line("1", "11", "2024-03-01 00:00:00", "0.4"), line("2", "12", "2024-03-10 23:59:59", "0.4"), line("3", "13", "2024-03-05 12:00:00", "0.40"),
		line("4", "11", "2024-02-29 23:59:59", "0.4"), line("5", "11", "2024-03-11 00:00:00", "0.4"), line("6", "11", "2024-03-05 12:00:00", "0.3"),
		line("7", "", "2024-03-05 12:00:00", "0.4"))
	l.load()
	l.same("SELECT f.line_number, COALESCE(g.description, '') FROM dw.fact_sales f LEFT JOIN dw.dim_campaign g ON g.campaign_key = f.campaign_key AND g.campaign_key <> -1",
		"1|Spring", "2|Spring for her", "3|Spring for all", "4|", "5|", "6|", "7|Spring for all")
	l.update("dbo.discounts", "[Description] = 'Spring in Paris'", "[Description] = 'Spring'")
	if got := l.load(); got.Updated != 1 || got.Inserted != 0 {
		t.Errorf("a campaign has another description: %+v", got)
	}
	l.same("SELECT description FROM dw.dim_campaign WHERE category <> '' AND sub_category <> ''", "Spring in Paris")
}

// A campaign that is described anew is the same one: its facts keep pointing at it.
func TestCampaignIsDescribedAnew(t *testing.T) {
	l := newLab(t)
	l.reference()
	l.sell(with(map[sale.Column]string{sale.Discount: "0.4", sale.LineTotal: "60"}))
	l.load()
	const facts = `SELECT f.campaign_key, g.description FROM dw.fact_sales f JOIN dw.dim_campaign g ON g.campaign_key = f.campaign_key`
	before := l.query(facts)
	if len(before) != 1 || !strings.HasSuffix(before[0], "|Spring") {
		t.Fatalf("the fact has %q", before)
	}
	l.update("dbo.discounts", "[Description] = 'Spring again'", "[Description] = 'Spring'")
	if got := l.load(); got.Inserted != 0 || got.Updated != 1 {
		t.Errorf("one campaign has another description: %+v", got)
	}
	l.same(facts, before[0]+" again")
}
