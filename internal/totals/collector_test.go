package totals

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tillstream/internal/sale"
	"tillstream/internal/store"
	"tillstream/internal/telemetry"
)

// The names, types and labels are a contract (DESIGN §7), and what is known to
// come is there at 0 from the start.
func TestSeriesFromTheStart(t *testing.T) {
	got := scrape(t, New(store.Default()))
	for name, want := range map[string]int{
		"tillstream_sales_usd_total":          35,
		"tillstream_refunds_usd_total":        35,
		"tillstream_items_sold_total":         35,
		"tillstream_items_returned_total":     35,
		"tillstream_invoices_total":           70,
		"tillstream_category_sales_usd_total": 4,
		"tillstream_payment_sales_usd_total":  2,
		"tillstream_discount_sales_usd_total": 1,
	} {
		if len(got[name]) != want {
			t.Errorf("%s has %d series, want %d", name, len(got[name]), want)
		}
		for _, s := range got[name] {
			if s.value != 0 {
				t.Errorf("%s%v is %v", name, s.labels, s.value)
			}
		}
		delete(got, name)
	}
	if len(got) != 0 {
		t.Errorf("there is also %v", got)
	}
}

func TestMetricsPassLint(t *testing.T) {
	totals := New(store.Default())
	totals.Add(randomLines(t, 1_000))
	problems, err := testutil.CollectAndLint(totals)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsOfALine(t *testing.T) {
	totals := New(store.Default())
	totals.Add([]Entry{
		{read(t, map[sale.Column]string{sale.InvoiceID: "INV-UK-017-1", sale.StoreID: "17", sale.Currency: "GBP", sale.LineTotal: "8.2", sale.Quantity: "3"}), true},
		{read(t, map[sale.Column]string{sale.InvoiceID: "RET-UK-017-2", sale.StoreID: "17", sale.Currency: "GBP", sale.LineTotal: "-0.82",
			sale.TransactionType: "Return", sale.ProductID: "returned only"}), true},
	})
	want := `
# HELP tillstream_category_sales_usd_total Revenue of sale lines in USD by product category.
# TYPE tillstream_category_sales_usd_total counter
tillstream_category_sales_usd_total{category="Children"} 0
tillstream_category_sales_usd_total{category="Feminine"} 10
tillstream_category_sales_usd_total{category="Masculine"} 0
tillstream_category_sales_usd_total{category="Other"} 0
# HELP tillstream_employee_sales_usd Revenue of sale lines in USD by employee ID, for the 20 who sold most so far.
# TYPE tillstream_employee_sales_usd gauge
tillstream_employee_sales_usd{employee="24"} 10
# HELP tillstream_product_items_sold Items sold by product ID, for the 20 that sold most so far.
# TYPE tillstream_product_items_sold gauge
tillstream_product_items_sold{product="501"} 3
`
	if err := testutil.CollectAndCompare(totals, strings.NewReader(want),
		"tillstream_category_sales_usd_total", "tillstream_employee_sales_usd", "tillstream_product_items_sold"); err != nil {
		t.Error(err)
	}
	got := scrape(t, totals)
	for name, want := range map[string]float64{"tillstream_sales_usd_total": 10, "tillstream_refunds_usd_total": 1,
		"tillstream_items_sold_total": 3, "tillstream_items_returned_total": 1} {
		for _, s := range got[name] {
			if fmt.Sprint(s.labels) == "map[country:GB store:17]" {
				if s.value != want {
					t.Errorf("%s is %v, want %v", name, s.value, want)
				}
			} else if s.value != 0 {
				t.Errorf("%s%v is %v", name, s.labels, s.value)
			}
		}
	}
	for _, s := range got["tillstream_invoices_total"] {
		if (s.labels["store"] == "17") != (s.value == 1) {
			t.Errorf("tillstream_invoices_total%v is %v", s.labels, s.value)
		}
	}
}

// Sums by label add up to the sums by store, hostile labels and all.
func TestEachBreakdownIsComplete(t *testing.T) {
	totals := New(store.Default())
	totals.Add(randomLines(t, 5_000))
	got := scrape(t, totals)
	sum := func(name string) (sum float64) {
		for _, s := range got[name] {
			sum += s.value
		}
		return sum
	}
	want := sum("tillstream_sales_usd_total")
	for _, name := range []string{"category", "payment", "discount"} {
		if got := sum("tillstream_" + name + "_sales_usd_total"); math.Abs(got-want) > 1e-6 {
			t.Errorf("by %s: %v, by store %v", name, got, want)
		}
	}
}

// Whatever is sent, the number of series and the memory stay bounded, and nothing
// is left out of the sums.
func TestSeriesAreBounded(t *testing.T) {
	const lines = 100_000
	totals := New(store.Default())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	line := *read(t, nil)
	for i := range lines {
		hostile := strconv.Itoa(i) + strings.Repeat("\"é\n\\{}", i%50)
		for _, column := range []sale.Column{sale.StoreID, sale.PaymentMethod, sale.Discount, sale.EmployeeID, sale.ProductID} {
			line.Row[column] = hostile
		}
		line.Country = store.Countries()[i%7]
		totals.Add([]Entry{{&line, true}})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 20<<20 {
		t.Errorf("the memory grew by %d bytes", grown)
	}
	all := scrape(t, totals)
	for _, m := range telemetry.All() {
		if _, ours := all[m.Name]; !ours {
			continue
		}
		name, limit := m.Name, m.MaxSeries(35, 0)
		got := all[name]
		if len(got) > limit || len(got) == 0 {
			t.Errorf("%s has %d series, more than %d", name, len(got), limit)
		}
		var sum float64
		for _, s := range got {
			sum += s.value
			for _, value := range s.labels {
				if len(value) > telemetry.MaxLabel {
					t.Errorf("%s%v", name, s.labels)
				}
			}
		}
		if strings.HasSuffix(name, "_sales_usd_total") && math.Abs(sum-10*lines) > 1e-3 {
			t.Errorf("%s adds up to %v", name, sum)
		}
	}
	if got := totals.Snapshot(); got.All.Sales != 10_000_000*lines || len(got.Countries) != 7 {
		t.Errorf("got %+v", got.All)
	}
}

// The 20 who sold most are shown, by their true sums, and nobody else.
func TestTop20(t *testing.T) {
	totals := New(store.Default())
	for i := range 100 {
		id := strconv.Itoa(1000 + i*37%100) // in no order
		n := 1 + i*37%100
		totals.Add([]Entry{{Line: read(t, map[sale.Column]string{sale.EmployeeID: id, sale.ProductID: id,
			sale.LineTotal: strconv.Itoa(n), sale.Currency: "USD", sale.Quantity: strconv.Itoa(n)})}})
		totals.Add([]Entry{{Line: read(t, map[sale.Column]string{sale.EmployeeID: "returns", sale.ProductID: "returns",
			sale.LineTotal: "-1000", sale.Quantity: "1000", sale.TransactionType: "Return"})}})
	}
	got := scrape(t, totals)
	for name, label := range map[string]string{"tillstream_employee_sales_usd": "employee", "tillstream_product_items_sold": "product"} {
		samples := got[name]
		slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(b.value, a.value) })
		if len(samples) != 20 {
			t.Fatalf("%s shows %d", name, len(samples))
		}
		for i, s := range samples {
			if s.value != float64(100-i) || s.labels[label] != strconv.Itoa(1099-i) {
				t.Errorf("%s, place %d: %+v", name, i+1, s)
			}
		}
	}
}

// Whoever takes the metrics one by one may ask for the totals in between, as
// Prometheus' registry does when more come than its channel holds.
func TestCollectDoesNotHoldTheTotals(t *testing.T) {
	totals := New(store.Default())
	metrics := make(chan prometheus.Metric)
	go func() {
		totals.Collect(metrics)
		close(metrics)
	}()
	<-metrics
	asked := make(chan struct{})
	go func() {
		totals.Lines()
		close(asked)
	}()
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Fatal("nobody can ask for the totals while they are collected")
	}
	for range metrics {
	}
}
