package telemetry

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "rewrite the table of docs/metrics.md")

// The table of docs/metrics.md is made from the declarations.
func TestDocsListTheMetrics(t *testing.T) {
	const (
		path  = "../../docs/metrics.md"
		begin = "<!-- the metrics -->\n"
		end   = "<!-- end of the metrics -->"
	)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(content), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no lines %q and %q", path, begin, end)
	}
	switch table := metricTable(); {
	case old == table:
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table in %s is not what is declared; `go test ./internal/telemetry -update` rewrites it", path)
	}
}

func metricTable() string {
	var b strings.Builder
	b.WriteString("\n| metric | kind | unit | labels | of | series | what it says |\n|---|---|---|---|---|---|---|\n")
	for _, m := range All() {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", m.Name, m.Kind, m.Unit, labels, m.From, bound(m), m.Help)
	}
	b.WriteString("\n")
	return b.String()
}

// bound says what bounds the number of series.
func bound(m Metric) string {
	var parts []string
	if m.PerStore > 0 {
		parts = append(parts, fmt.Sprintf("%d a store", m.PerStore))
	}
	if m.PerPartition > 0 {
		parts = append(parts, fmt.Sprintf("%d a partition", m.PerPartition))
	}
	if m.Values > 0 || len(parts) == 0 {
		m.PerStore, m.PerPartition = 0, 0
		parts = append(parts, fmt.Sprint(m.MaxSeries(0, 0)))
	}
	return strings.Join(parts, ", ")
}

// Names follow Prometheus' own rules, units are base units and stand in the name.
func TestDeclarationsAreInForm(t *testing.T) {
	seen := make(map[string]bool)
	form := regexp.MustCompile(`^tillstream_[a-z]+(_[a-z]+)*$`)
	for _, m := range All() {
		if seen[m.Name] || !form.MatchString(m.Name) {
			t.Errorf("%s is there twice or out of form", m.Name)
		}
		seen[m.Name] = true
		if !strings.HasSuffix(m.Help, ".") || m.From == "" {
			t.Errorf("%s does not say what it is, or who exposes it: %+v", m.Name, m)
		}
		if (m.Kind == Counter) != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s is a %s", m.Name, m.Kind)
		}
		for unit, suffix := range map[string]string{"USD": "_usd", "seconds": "_seconds", "bytes": "_bytes"} {
			if (m.Unit == unit) != strings.HasSuffix(strings.TrimSuffix(m.Name, "_total"), suffix) {
				t.Errorf("%s has the unit %q", m.Name, m.Unit)
			}
		}
		if (m.Kind == Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets) {
			t.Errorf("%s has the buckets %v", m.Name, m.Buckets)
		}
		if m.MaxSeries(35, 4) < 1 {
			t.Errorf("%s has %d series", m.Name, m.MaxSeries(35, 4))
		}
	}
}

// What is made from a declaration is that metric, and anything else is not.
func TestIs(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	lag := prometheus.NewGaugeVec(ConsumerLag.GaugeOpts(), ConsumerLag.Labels)
	lag.WithLabelValues("0").Set(1)
	latency := prometheus.NewHistogram(LineLatency.HistogramOpts())
	registry.MustRegister(lag, latency, prometheus.NewCounter(WrittenLines.CounterOpts()))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint says %v, %v", problems, err)
	}
	for i, m := range []Metric{ConsumerLag, LineLatency, WrittenLines} { // in the order of names
		for j, family := range families {
			if m.Is(family) != (i == j) {
				t.Errorf("%s is %s: %v", m.Name, family.GetName(), i != j)
			}
		}
	}
	other, kind := "other", dto.MetricType_COUNTER
	families[0].Metric[0].Label[0].Name = &other
	families[1].Help = &other
	if ConsumerLag.Is(families[0]) || LineLatency.Is(families[1]) {
		t.Error("another label or help is taken for the same")
	}
	families[0].Type = &kind
	if ConsumerLag.Is(families[0]) {
		t.Error("another kind is taken for the same")
	}
	if got, want := LineLatency.MaxSeries(0, 0), len(LineLatency.Buckets)+3; got != want {
		t.Errorf("the histogram has %d series, want %d", got, want)
	}
}
