package etl

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// verified runs a verify and returns what it found. The error must say whether it
// found anything.
func (l *lab) verified(options VerifyOptions) VerifySummary {
	l.Helper()
	s, err := Verify(l.Context(), l.cfg, options)
	if (err == nil) != (s.Differences == 0) || err != nil && !errors.Is(err, ErrDifferences) {
		l.Fatalf("%d differences, and the error is %v", s.Differences, err)
	}
	return s
}

// kinds compares what a verify found with what is wanted.
func (l *lab) kinds(s VerifySummary, want map[string]int64) {
	l.Helper()
	if !maps.Equal(s.Kinds, want) {
		l.Errorf("found %v, want %v\n%+v\n%+v\n%+v", s.Kinds, want, s.Lines, s.Days, s.Cells)
	}
}

// writeLive writes the consumer's CSV.
func writeLive(t testing.TB, dir string, rows ...sale.Row) {
	t.Helper()
	file := sale.AppendHeader(nil)
	for i := range rows {
		file = sale.AppendRecord(file, &rows[i])
	}
	if err := os.WriteFile(filepath.Join(dir, journal.Name), file, 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	invoiceA = "INV-US-001-00000001"
	invoiceB = "INV-DE-002-00000002"
	invoiceC = "RET-DE-002-00000003"
	invoiceD = "INV-US-001-00000004"
)

// shop is three invoices of the source, of which the first has two lines.
func shop() []sale.Row {
	euro := map[sale.Column]string{sale.InvoiceID: invoiceB, sale.StoreID: "2", sale.Currency: "EUR", sale.CurrencySymbol: "€", sale.LineTotal: "92", sale.UnitPrice: "46",
		sale.Date: "2024-03-06 09:00:00"}
	refund := maps.Clone(euro)
	maps.Copy(refund, map[sale.Column]string{sale.InvoiceID: invoiceC, sale.TransactionType: "Return", sale.LineTotal: "-46", sale.Quantity: "1", sale.Date: "2024-04-01 09:00:00"})
	return []sale.Row{with(nil), with(map[sale.Column]string{sale.LineNumber: "2", sale.LineTotal: "30", sale.UnitPrice: "30", sale.Quantity: "1"}), with(euro), with(refund)}
}

// live is a line that only the CSV has.
func live() sale.Row {
	return with(map[sale.Column]string{sale.InvoiceID: invoiceD, sale.Date: "2024-04-02 18:00:00", sale.LineTotal: "12.5", sale.UnitPrice: "12.5", sale.Quantity: "1"})
}

// verifyLab has the shop's lines and a live one in the warehouse. One line came
// live first, an hour later by its till's clock.
func verifyLab(t *testing.T) (l *lab, dir string) {
	t.Helper()
	l, dir = newLab(t), t.TempDir()
	l.reference()
	rows := shop()
	stamped := rows[2]
	stamped[sale.Date] = "2024-03-06 10:00:00"
	writeLive(t, dir, stamped, live())
	if _, err := NewLive(l.cfg, LiveOptions{Dirs: []string{dir}, Drain: true}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.sell(rows...)
	l.load()
	return l, dir
}

func TestVerifyOfWhatAgrees(t *testing.T) {
	l, dir := verifyLab(t)
	s := l.verified(VerifyOptions{CSV: []string{dir}})
	l.kinds(s, map[string]int64{})
	// 100 + 30 + 12.50 USD, 92 and -46 EUR at 0.92.
	if s.Source.NetUSD != "180.00" || s.CSV.NetUSD != "112.50" || s.Expected.NetUSD != "192.50" || s.Warehouse != s.Expected || s.NetUSD != "192.50" ||
		s.Source.Lines != 4 || s.CSV.Lines != 2 || s.Warehouse.Lines != 5 || s.Warehouse.RefundsUSD != "50.00" || s.DaysTotal != 0 {
		t.Errorf("got %+v, %+v, %+v", s, s.Source, s.CSV)
	}
	l.same("SELECT status, differences FROM report.last_verify", "done|0")
	l.same("SELECT status, rows_inserted + rows_updated FROM dw.etl_run WHERE step = 'verify'", "done|0")
	var table strings.Builder
	if err := s.Print(&table); err != nil || !strings.Contains(table.String(), "no difference") {
		t.Errorf("%v\n%s", err, &table)
	}
}

// Each thing that can be wrong with the warehouse is found, as what it is.
func TestVerifyFinds(t *testing.T) {
	const where = " WHERE invoice_id = '" + invoiceA + "' AND line_number = 2"
	copyLine := func(invoice string) string {
		return strings.ReplaceAll(`INSERT INTO dw.fact_sales (COLUMNS) SELECT '`+invoice+`', REST FROM dw.fact_sales`+where, "COLUMNS",
			strings.Join(factColumns, ", "))
	}
	for name, c := range map[string]struct {
		tamper []string
		want   map[string]int64
		detail string // of a line
		days   int64
	}{
		"a missing line":   {[]string{"DELETE FROM dw.fact_sales" + where}, map[string]int64{KindMissing: 1, KindAggregates: -1}, "30.00 USD sold at store 1", 1},
		"a changed amount": {[]string{"UPDATE dw.fact_sales SET line_total_micros = 31000000, usd_micros = 31000000" + where}, map[string]int64{KindContent: 1, KindAggregates: -1}, `Line Total should be "30.00" and is "31.00"`, 1},
		"another product":  {[]string{"UPDATE dw.fact_sales SET product_key = -1" + where}, map[string]int64{KindContent: 1}, `Product ID should be "11" and is ""`, 0},
		"a line too many":  {[]string{copyLine("INV-US-001-99")}, map[string]int64{KindUnexpected: 1, KindInvoices: 1, KindAggregates: -1}, "no source has it", 1},
		"a wrong rate": {[]string{"UPDATE dw.fact_sales SET usd_micros = 101000000 WHERE invoice_id = '" + invoiceB + "'"}, map[string]int64{KindRate: 1, KindAggregates: -1},
			"92.00 EUR are 100.00 USD on 2024-03-06, but usd_micros is 101000000", 1},
		"a wrong rate of a live line": {[]string{"UPDATE dw.fact_sales SET usd_micros = 1 WHERE invoice_id = '" + invoiceD + "'"}, map[string]int64{KindRate: 1, KindAggregates: -1}, "12.50 USD are 12.50 USD", 1},
		"a wrong date":                {[]string{"UPDATE dw.fact_sales SET sold_at = '2024-03-05 10:31:00'" + where}, map[string]int64{KindDate: 1}, "2024-03-05 10:30:00", 0},
		"a day that is another":       {[]string{"UPDATE dw.fact_sales SET date_key = 20240307" + where}, map[string]int64{KindDate: 1, KindAggregates: -1}, "date_key is 20240307", 0},
		"a missing day":               {[]string{"DELETE FROM dw.fact_sales WHERE date_key = 20240305"}, map[string]int64{KindMissing: 2, KindAggregates: -1}, "sold at store 1 on 2024-03-05", 1},
		"an invoice counted twice":    {[]string{"UPDATE dw.fact_sales SET opens_invoice = 1" + where}, map[string]int64{KindInvoices: 1, KindAggregates: -1}, "2 of its lines", 0},
		"a wrong aggregate":           {[]string{"UPDATE dw.agg_day SET sales_usd_micros = sales_usd_micros + 1 WHERE date_key = 20240306"}, map[string]int64{KindAggregates: 1}, "", 0},
		"a lost aggregate":            {[]string{"DELETE FROM dw.agg_month_hour WHERE month_key = 202404"}, map[string]int64{KindAggregates: -1}, "", 0},
		"a wrong customer's sums":     {[]string{"UPDATE dw.agg_customer SET items_sold = 99 WHERE year = 0"}, map[string]int64{KindAggregates: -1}, "", 0},
		"a wrong count of customers":  {[]string{"UPDATE dw.agg_customer_count SET customers = 7 WHERE year = 2024"}, map[string]int64{KindAggregates: 2}, "", 0},
		"stale aggregates":            {[]string{"INSERT INTO dw.etl_watermark (source, position, updated_at) VALUES ('aggregates', 'stale', '2024-01-01 00:00:00')"}, map[string]int64{KindAggregates: 1}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			l, dir := verifyLab(t)
			for _, text := range c.tamper {
				rest := strings.Join(factColumns[1:], ", ")
				mustExec(t, l.dw, strings.ReplaceAll(text, "REST", rest))
			}
			s := l.verified(VerifyOptions{CSV: []string{dir}})
			if n, ok := c.want[KindAggregates]; ok && n < 0 && s.Kinds[KindAggregates] > 0 {
				c.want[KindAggregates] = s.Kinds[KindAggregates] // some
			}
			l.kinds(s, c.want)
			if s.DaysTotal != c.days {
				t.Errorf("%d days differ, want %d: %+v", s.DaysTotal, c.days, s.Days)
			}
			if c.detail != "" && (len(s.Lines) == 0 || !strings.Contains(s.Lines[0].Detail, c.detail)) {
				t.Errorf("want %q in %+v", c.detail, s.Lines)
			}
			var table strings.Builder
			if err := s.Print(&table); err != nil || !strings.Contains(table.String(), "differences: ") || !strings.Contains(table.String(), c.detail) {
				t.Errorf("%v\n%s", err, &table)
			}
			l.same("SELECT status, differences FROM report.last_verify", "failed|"+plain([]string{micros(s.Differences * 1_000_000)})[0])
			// Lines are found in whatever number of passes.
			many := l.verified(VerifyOptions{CSV: []string{dir}, atOnce: 1})
			if !maps.Equal(many.Kinds, s.Kinds) || many.Read != s.Read || many.Warehouse != s.Warehouse || many.DaysTotal != s.DaysTotal {
				t.Errorf("several passes find %+v, one finds %+v", many, s)
			}
		})
	}
}

// A table that has lost its key can hold a line twice.
func TestVerifyFindsALineTwice(t *testing.T) {
	l, dir := verifyLab(t)
	columns := strings.Join(factColumns, ", ")
	if !l.serverEngine() {
		mustExec(t, l.dw, "ALTER TABLE dw.fact_sales RENAME TO dw_old_facts")
		mustExec(t, l.dw, "CREATE TABLE dw.fact_sales AS SELECT * FROM dw_old_facts")
	} else {
		mustExec(t, l.dw, "ALTER TABLE dw.fact_sales DROP CONSTRAINT pk_fact_sales")
	}
	mustExec(t, l.dw, "INSERT INTO dw.fact_sales ("+columns+") SELECT "+columns+" FROM dw.fact_sales WHERE invoice_id = '"+invoiceB+"'")
	s := l.verified(VerifyOptions{CSV: []string{dir}})
	if s.Kinds[KindTwice] != 1 || s.DaysTotal != 1 || s.Days[0].ExpectedLines != 1 || s.Days[0].WarehouseLines != 2 {
		t.Errorf("found %v, %+v", s.Kinds, s.Days)
	}
}

func (l *lab) serverEngine() bool { return l.dw.Engine().String() == "SQL Server" }

// What the load rejects, verify does not expect; what it has not loaded yet, it does.
func TestVerifyJudgesAsTheLoadDoes(t *testing.T) {
	l, dir := verifyLab(t)
	l.sell(with(map[sale.Column]string{sale.InvoiceID: "INV-US-001-5", sale.Currency: "XYZ"}),
		with(map[sale.Column]string{sale.InvoiceID: "INV-US-001-6", sale.Quantity: "0"}))
	bad := live()
	bad[sale.InvoiceID], bad[sale.LineTotal] = "INV-US-001-7", "much"
	stamped := shop()[2]
	stamped[sale.Date] = "2024-03-06 10:00:00"
	writeLive(t, dir, stamped, live(), bad, live())
	l.load()
	s := l.verified(VerifyOptions{CSV: []string{dir}})
	if s.Source.Rejected != 2 || s.CSV.Rejected != 1 || s.CSV.Duplicates != 1 || s.Rejected != 3 {
		t.Errorf("got %+v and %+v", s.Source, s.CSV)
	}
	l.sell(with(map[sale.Column]string{sale.InvoiceID: "INV-US-001-8", sale.Date: "2024-05-01 12:00:00"}))
	l.kinds(l.verified(VerifyOptions{CSV: []string{dir}}), map[string]int64{KindMissing: 1})
	// Without the CSV nobody can say where live lines come from.
	s = l.verified(VerifyOptions{})
	l.kinds(s, map[string]int64{KindMissing: 1})
	if s.Unchecked != 1 || s.Warehouse.Lines != 5 || s.CSV != nil {
		t.Errorf("got %+v", s)
	}
	// What is before the day does not count.
	l.kinds(l.verified(VerifyOptions{CSV: []string{dir}, Since: time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC)}), map[string]int64{})
	s = l.verified(VerifyOptions{CSV: []string{dir}, Since: time.Date(2024, 4, 2, 0, 0, 0, 0, time.UTC)})
	l.kinds(s, map[string]int64{KindMissing: 1})
	if s.Expected.Lines != 2 || s.Warehouse.Lines != 1 {
		t.Errorf("got %+v", s)
	}
}

// A list is bounded, its total is not.
func TestVerifyListsTheFirst(t *testing.T) {
	l, dir := verifyLab(t)
	mustExec(t, l.dw, "DELETE FROM dw.fact_sales")
	s := l.verified(VerifyOptions{CSV: []string{dir}, List: 2})
	if s.Kinds[KindMissing] != 5 || len(s.Lines) != 2 || len(s.Days) != 2 || s.DaysTotal != 4 || len(s.Cells) != 2 {
		t.Errorf("got %+v", s)
	}
}

// Each consumer writes to a directory of its own. What a killed one had not committed is in a second one's as well, and
// in the warehouse once.
func TestVerifySeveralConsumers(t *testing.T) {
	l, first := verifyLab(t)
	second, own := t.TempDir(), live()
	own[sale.InvoiceID] = "INV-US-001-00000009"
	writeLive(t, second, live(), own)
	for _, inserted := range []int64{1, 0} {
		got, err := NewLive(l.cfg, LiveOptions{Dirs: []string{first, second}, Drain: true}).Run(t.Context())
		if err != nil || got.Inserted != inserted {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	s := l.verified(VerifyOptions{CSV: []string{first, second}})
	l.kinds(s, map[string]int64{})
	if s.CSV.Lines != 3 || s.CSV.Duplicates != 1 || s.Warehouse.Lines != 6 {
		t.Errorf("got %+v and %+v", s.CSV, s.Warehouse)
	}
	if s := l.verified(VerifyOptions{CSV: []string{first}}); s.Differences != 1 {
		t.Errorf("without the second directory there are %d differences", s.Differences)
	}
}

// A directory without a CSV is a mistake, not a CSV without lines.
func TestVerifyWithoutCSV(t *testing.T) {
	l, _ := verifyLab(t)
	if _, err := Verify(t.Context(), l.cfg, VerifyOptions{CSV: []string{t.TempDir()}}); err == nil || errors.Is(err, ErrDifferences) || !strings.Contains(err.Error(), "--csv") {
		t.Errorf("the error is %v", err)
	}
	l.same("SELECT status FROM dw.etl_run WHERE step = 'verify'", "failed")
	l.same("SELECT COUNT(*) FROM report.last_verify", "0")
}
