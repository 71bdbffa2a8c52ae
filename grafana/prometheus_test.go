package grafana

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
	"go.yaml.in/yaml/v3"
)

// What prometheus/prometheus.yml says.
const (
	scrapeInterval     = 5 * time.Second
	evaluationInterval = 15 * time.Second
)

// monitor is a Prometheus in this process: it scrapes real pages, evaluates the
// project's recording rules, and answers with Prometheus' own engine. The clock is
// its own, so that a week passes in no time. Alert rules are left to promtool and
// to internal/e2e, which have a real Prometheus.
type monitor struct {
	t       *testing.T
	targets map[string]string // addresses by job; an empty one is not scraped
	now     time.Time
	rules   []recording
	engine  *promql.Engine
	series  map[string]*promql.Series // by labels
	seen    map[string]bool           // jobs that have answered
}

// recording is a rule that keeps what a query returns under a name.
type recording struct {
	Record, Expr string
	Labels       map[string]string
}

func newMonitor(t *testing.T) *monitor {
	t.Helper()
	m := &monitor{t: t, targets: map[string]string{}, series: map[string]*promql.Series{}, seen: map[string]bool{},
		now:    time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC), // all shops are open but the Chinese
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: patience, LookbackDelta: 5 * time.Minute})}
	paths, err := filepath.Glob("../prometheus/rules/*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no rules (%v)", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Groups []struct{ Rules []recording } }
		if err := yaml.Unmarshal(content, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, g := range file.Groups {
			m.rules = append(m.rules, g.Rules...)
		}
	}
	return m
}

// turn lets one scrape interval pass: each target is scraped, and the rules are
// evaluated when it is time.
func (m *monitor) turn() {
	m.t.Helper()
	m.now = m.now.Add(scrapeInterval)
	for job, address := range m.targets {
		page := m.scrape(job, address)
		up := 0.0
		if page != nil {
			up = 1
			m.seen[job] = true
		}
		if m.seen[job] { // a page that never came is a job that has not begun
			m.add(labels.FromStrings("__name__", "up", "job", job, "instance", address), up)
		}
	}
	if m.now.Sub(m.now.Truncate(evaluationInterval)) < scrapeInterval {
		for _, r := range m.rules {
			if r.Record == "" {
				continue
			}
			for _, s := range m.ask(r.Expr, m.now, m.now) {
				b := labels.NewBuilder(s.Metric).Set("__name__", r.Record)
				for name, value := range r.Labels {
					b.Set(name, value)
				}
				m.add(b.Labels(), s.Floats[0].F)
			}
		}
	}
}

// scrape keeps what a target shows, nil where it does not answer.
func (m *monitor) scrape(job, address string) (page []byte) {
	m.t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	if page, err = io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		return nil
	}
	symbols := labels.NewSymbolTable()
	for p := textparse.NewPromParser(page, symbols, false); ; {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return page
		}
		if err != nil {
			m.t.Fatalf("what %s shows: %v", job, err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var found labels.Labels
		p.Labels(&found)
		_, _, value := p.Series()
		m.add(labels.NewBuilder(found).Set("job", job).Set("instance", address).Labels(), value)
	}
}

func (m *monitor) add(of labels.Labels, value float64) {
	key := of.String()
	if m.series[key] == nil {
		m.series[key] = &promql.Series{Metric: of}
	}
	m.series[key].Floats = append(m.series[key].Floats, promql.FPoint{T: m.now.UnixMilli(), F: value})
}

// ask runs a query for each scrape of a time range, as a graph does.
func (m *monitor) ask(query string, from, to time.Time) promql.Matrix {
	m.t.Helper()
	q, err := m.engine.NewRangeQuery(m.t.Context(), m, nil, query, from, to, scrapeInterval)
	if err != nil {
		m.t.Fatalf("%v\n%s", err, query)
	}
	defer q.Close()
	result := q.Exec(m.t.Context())
	matrix, err := result.Matrix()
	if err != nil {
		m.t.Fatalf("%v\n%s", err, query)
	}
	kept := promql.Matrix{} // q's own is used again
	for _, s := range matrix {
		s.Floats = slices.DeleteFunc(slices.Clone(s.Floats), func(p promql.FPoint) bool { return math.IsNaN(p.F) })
		if len(s.Floats) > 0 {
			kept = append(kept, s)
		}
	}
	return kept
}

// value is the single number that a query is now.
func (m *monitor) value(query string) (value float64, ok bool) {
	m.t.Helper()
	found := m.ask(query, m.now, m.now)
	if len(found) != 1 {
		return 0, false
	}
	return found[0].Floats[0].F, true
}

// Querier makes a monitor a storage.Queryable for the engine.
func (m *monitor) Querier(_, _ int64) (storage.Querier, error) {
	return querier{storage.NoopQuerier(), m}, nil
}

type querier struct {
	storage.Querier
	of *monitor
}

// Select finds series by their labels, in their order.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []*promql.Series
	for _, s := range q.of.series {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.Metric.Get(m.Name)) }) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return &seriesSet{found: found, at: -1}
}

type seriesSet struct {
	found []*promql.Series
	at    int
}

func (s *seriesSet) Next() bool                      { s.at++; return s.at < len(s.found) }
func (s *seriesSet) At() storage.Series              { return promql.NewStorageSeries(*s.found[s.at]) }
func (*seriesSet) Err() error                        { return nil }
func (*seriesSet) Warnings() annotations.Annotations { return nil }

// labelled is the sum of the last values of a query's series, by one of their labels.
func labelled(found promql.Matrix, label string) map[string]float64 {
	sums := map[string]float64{}
	for _, s := range found {
		sums[s.Metric.Get(label)] += s.Floats[len(s.Floats)-1].F
	}
	return sums
}

// panel returns what a panel's query finds, at the end of a time range where it
// shows one value, and over all of it where it shows a graph.
func (m *monitor) panel(d Dashboard, q Query, choice Choice, length time.Duration) promql.Matrix {
	m.t.Helper()
	text, err := d.Expand(q.Expr, choice, map[string]string{"__range": length.String(), "__rate_interval": (4 * scrapeInterval).String()})
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := parser.ParseExpr(text); err != nil {
		m.t.Fatalf("%v\n%s", err, text)
	}
	from := m.now
	if !q.Instant {
		from = from.Add(-length)
	}
	return m.ask(strings.TrimSpace(text), from, m.now)
}
