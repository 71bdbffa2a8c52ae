package consumer

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tillstream/internal/sale"
	"tillstream/internal/telemetry"
)

// What is exposed is what is declared, all of it and nothing else.
func TestMetricsAreDeclared(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 2)
	kafka.send(t, recordsOf(t, saleRows(0, 300), 2)...)
	cfg := configFor(t, kafka)
	c := start(t, cfg)
	eventually(t, "all is settled", func() bool { return c.Summary().Consumed == 300 })
	declared := make(map[string]telemetry.Metric)
	for _, m := range telemetry.All() {
		if m.From == "consume" {
			declared[m.Name] = m
		}
	}
	for _, family := range gather(t, cfg) {
		if !declared[family.GetName()].Is(family) {
			t.Errorf("%s is not exposed as it is declared: %v", family.GetName(), family)
		}
		delete(declared, family.GetName())
	}
	for name := range declared {
		t.Errorf("%s is declared, but not exposed", name)
	}
}

// scrape is what Prometheus gets, as lines without comments.
func scrape(t testing.TB, cfg Config) (series []string) {
	t.Helper()
	registry, ok := cfg.Registerer.(*prometheus.Registry)
	if !ok {
		t.Fatalf("%T cannot be scraped", cfg.Registerer)
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%v, %d: %s", err, answer.Code, body)
	}
	for line := range strings.Lines(string(body)) {
		if !strings.HasPrefix(line, "#") {
			series = append(series, line)
		}
	}
	return series
}

// maxSeries is how many series a consumer with the 35 stores can have.
func maxSeries(partitions int) (n int) {
	for _, m := range telemetry.All() {
		if m.From == "consume" {
			n += m.MaxSeries(35, partitions)
		}
	}
	return n
}

// Messages made to blow up Prometheus do not: the series stay within what is
// declared, no label value is long, the CSV has all lines, and each breakdown still
// adds up to the total.
func TestHostileLabelsAreBounded(t *testing.T) {
	t.Parallel()
	const partitions, lines = 2, 5000
	kafka := startKafka(t, partitions)
	rows := saleRows(0, lines)
	for i := range rows {
		hostile := fmt.Sprintf("%d\"\\\n{}é中%s", i, strings.Repeat("x", i%200))
		for _, column := range []sale.Column{sale.StoreID, sale.PaymentMethod, sale.EmployeeID, sale.ProductID, sale.SKU, sale.Discount} {
			rows[i][column] = hostile
		}
	}
	kafka.send(t, recordsOf(t, rows, partitions)...)
	long := saleRow(lines)
	long[sale.StoreID] = strings.Repeat("1", 10_000)
	kafka.send(t, recordsOf(t, []sale.Row{long}, partitions)...)
	cfg := configFor(t, kafka)
	s := drain(t, cfg)
	if s.Written != lines || s.Rejected != 1 {
		t.Fatalf("the summary is %+v", s)
	}
	checkAmounts(t, s, rows)
	series := scrape(t, cfg)
	if n := len(series); n > maxSeries(partitions) || n < 35*5 {
		t.Errorf("a scrape has %d series, more than %d", n, maxSeries(partitions))
	}
	for _, line := range series {
		if len(line) > 300 {
			t.Errorf("a series has %d bytes: %.80s", len(line), line)
		}
	}
	for _, name := range []string{"category_sales_usd_total", "payment_sales_usd_total", "discount_sales_usd_total"} {
		if got, want := metric(t, cfg, name), metric(t, cfg, "sales_usd_total"); math.Abs(got-want) > 1e-4 {
			t.Errorf("%s adds up to %v, the sales to %v", name, got, want)
		}
	}
	t.Logf("%d series of at most %d", len(series), maxSeries(partitions))
}

// BenchmarkScrape is a whole scrape of a consumer with the 35 stores, as text, with
// 18,000 products.
func BenchmarkScrape(b *testing.B) {
	kafka := startKafka(b, 2)
	rows := saleRows(0, 18_000)
	for i := range rows {
		rows[i][sale.ProductID] = fmt.Sprint(i)
	}
	kafka.send(b, recordsOf(b, rows, 2)...)
	cfg := configFor(b, kafka)
	drain(b, cfg)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n = len(scrape(b, cfg))
	}
	b.ReportMetric(float64(n), "series")
}
