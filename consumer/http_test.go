package consumer

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"tillstream/internal/sale"
)

func latestOf(c *Consumer, query string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.ServeLatest(w, httptest.NewRequest(http.MethodGet, "/transactions/latest"+query, nil))
	return w
}

func TestServeLatest(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	cfg := configFor(t, kafka)
	c := start(t, cfg)
	if w := latestOf(c.Consumer, ""); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("with no line, the answer is %d %q", w.Code, w.Body)
	}
	rows := saleRows(0, 450)
	kafka.send(t, recordsOf(t, rows, 1)...)
	eventually(t, "all is settled", func() bool { return c.Summary().Consumed == 450 })
	slices.Reverse(rows) // the newest first

	check := func(c *Consumer, query string, n int) {
		t.Helper()
		w := latestOf(c, query)
		var got []map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%q is no JSON: %v", w.Body, err)
		}
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || len(got) != n {
			t.Fatalf("%q: the answer is %d, %s, %d lines, want %d", query, w.Code, w.Header(), len(got), n)
		}
		for i, line := range got {
			if len(line) != sale.NumColumns {
				t.Fatalf("a line has %d columns", len(line))
			}
			for column, text := range rows[i] {
				if line[sale.Columns[column]] != text {
					t.Fatalf("%q: line %d has %s %q, want %q", query, i, sale.Columns[column], line[sale.Columns[column]], text)
				}
			}
		}
	}
	check(c.Consumer, "", 20)
	check(c.Consumer, "?limit=1", 1)
	check(c.Consumer, "?limit=200", 200)
	for _, query := range []string{"?limit=0", "?limit=-1", "?limit=201", "?limit=x", "?limit=1.5", "?limit=99999999999999999999"} {
		if w := latestOf(c.Consumer, query); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "limit") {
			t.Errorf("%s: the answer is %d %q", query, w.Code, w.Body)
		}
	}
	c.stop(t)

	later, err := New(again(cfg))
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	check(later, "?limit=200", 200)
}

// Before it has joined the group a consumer is not ready, and says why.
func TestReadyBeforeAndAfter(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	c, err := New(configFor(t, kafka))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "consumer group") {
		t.Errorf("Ready says %v", err)
	}
	r := runningOf(t, c)
	eventually(t, "it is ready", ready(r))
	r.stop(t)
}

// The names are a contract (DESIGN §7); tests and dashboards elsewhere rely on
// them. Two are of other parts of the program.
func TestMetricsAreAsDesigned(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 2)
	kafka.send(t, append(recordsOf(t, saleRows(0, 300), 2), bad(0, "no JSON"))...)
	cfg := configFor(t, kafka)
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	// Known label sets exist at 0 from the first scrape.
	for name, want := range map[string]int{"sales_usd_total": 35, "refunds_usd_total": 35, "items_sold_total": 35,
		"items_returned_total": 35, "invoices_total": 70, "category_sales_usd_total": 4, "rejected_lines_total": len(sale.Reasons)} {
		if n := series(t, cfg, name); n != want {
			t.Errorf("%s has %d series before anything is consumed, want %d", name, n, want)
		}
		if sum := metric(t, cfg, name); sum != 0 {
			t.Errorf("%s is %v before anything is consumed", name, sum)
		}
	}
	r := runningOf(t, c)
	eventually(t, "all is settled", func() bool { return r.Summary().Consumed == 301 && r.Summary().DeadLetters == 1 })
	problems, err := testutil.GatherAndLint(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gather(t, cfg), nil }))
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	var got []string
	for _, f := range gather(t, cfg) {
		got = append(got, f.GetName())
	}
	want := []string{
		"sales_usd_total", "refunds_usd_total", "items_sold_total", "items_returned_total", "invoices_total",
		"category_sales_usd_total", "payment_sales_usd_total", "discount_sales_usd_total", "employee_sales_usd", "product_items_sold",
		"consumed_messages_total", "written_lines_total", "duplicate_lines_total", "conflicting_lines_total", "rejected_lines_total",
		"dead_letters_total", "consumer_lag_messages", "line_latency_seconds", "csv_sync_seconds", "csv_bytes_total", "dedupe_identities",
	}
	for i, name := range want {
		want[i] = "tillstream_" + name
	}
	slices.Sort(want)
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("there is no metric %s", name)
		}
	}
	form := regexp.MustCompile(`^tillstream_[a-z_]+$`)
	for _, name := range got {
		if !form.MatchString(name) {
			t.Errorf("the metric %s has no name like the others", name)
		}
	}
	info, err := os.Stat(r.CSV())
	if err != nil {
		t.Fatal(err)
	}
	if n := metric(t, cfg, "csv_bytes_total"); n != float64(info.Size()) {
		t.Errorf("csv_bytes_total is %v, the file has %d", n, info.Size())
	}
}

func series(t testing.TB, cfg Config, name string) (n int) {
	t.Helper()
	for _, f := range gather(t, cfg) {
		if f.GetName() == "tillstream_"+name {
			n = len(f.GetMetric())
		}
	}
	return n
}
