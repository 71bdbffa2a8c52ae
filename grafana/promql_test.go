package grafana

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"tillstream/internal/telemetry"
)

// ranges stand for what Grafana makes of a time range and a panel's width.
var ranges = map[string]string{"__range": "1h", "__rate_interval": "1m"}

// known maps each metric that a query may name to its labels; nil allows any.
func known(t *testing.T) map[string][]string {
	t.Helper()
	metrics := map[string][]string{
		"up": nil, "ALERTS": nil, // Prometheus' own
		"process_start_time_seconds": nil, "process_resident_memory_bytes": nil, // of every Go program
	}
	for _, m := range telemetry.All() {
		labels := append([]string{"job", "instance"}, m.Labels...)
		metrics[m.Name] = labels
		if m.Kind == telemetry.Histogram {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				metrics[m.Name+part] = append(labels, "le")
			}
		}
	}
	paths, err := filepath.Glob("../prometheus/rules/*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no rules (%v)", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Groups []struct{ Rules []struct{ Record string } }
		}
		if err := yaml.Unmarshal(content, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				if r.Record != "" {
					metrics[r.Record] = nil
				}
			}
		}
	}
	return metrics
}

// A query with a name that nothing exposes would silently show nothing.
func TestPromQLNamesWhatExists(t *testing.T) {
	metrics, queries := known(t), 0
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if q.Expr == "" {
					continue
				}
				queries++
				text, err := d.Expand(q.Expr, nil, ranges)
				if err != nil {
					t.Error(err)
					continue
				}
				expr, err := parser.ParseExpr(text)
				if err != nil {
					t.Errorf("%s: %s %s: %v\n%s", d.File, p.Title, q.RefID, err, text)
					continue
				}
				parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
					selector, ok := node.(*parser.VectorSelector)
					if !ok {
						return nil
					}
					labels, ok := metrics[selector.Name]
					if !ok {
						t.Errorf("%s: %s uses %s, which nobody exposes or records", d.File, p.Title, selector.Name)
					}
					for _, m := range selector.LabelMatchers {
						if labels != nil && m.Name != "__name__" && !slices.Contains(labels, m.Name) {
							t.Errorf("%s: %s chooses %s by %s, which it does not have", d.File, p.Title, selector.Name, m.Name)
						}
					}
					return nil
				})
			}
		}
	}
	if queries < 30 {
		t.Errorf("only %d queries were found", queries)
	}
}

// Who chooses a country or store sees it in each panel whose metrics have one; the
// others say in their title that they are of all stores.
func TestVariablesReachEachPanel(t *testing.T) {
	for _, d := range dashboards(t) {
		if d.UID != "tillstream-live" {
			continue
		}
		for _, p := range d.Panels {
			if p.Title == "Firing alerts" { // all of them, whatever one looks at
				continue
			}
			for _, q := range p.Targets {
				text := q.Expr + q.RawSQL
				names := strings.HasPrefix(q.RawSQL, "SELECT store_id") // names for the rows of another query
				if all := strings.HasSuffix(p.Title, ", all stores"); !names && (strings.Contains(text, "$country") || strings.Contains(text, "${country")) == all {
					t.Errorf("%s %s: of all stores: %v, but it says\n%s", p.Title, q.RefID, all, text)
				}
			}
		}
	}
}

// An alert leads to the same dashboard from the list of those that fire as from its
// own message.
func TestFiringAlertsLeadWhereTheirMessagesDo(t *testing.T) {
	content, err := os.ReadFile("../prometheus/rules/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert               string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	m, want := newMonitor(t), map[string]string{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			_, link, _ := strings.Cut(r.Annotations["dashboard_url"], "/d/")
			fires := labels.NewBuilder(labels.FromMap(r.Labels)).Set("__name__", "ALERTS").Set("alertname", r.Alert).Set("alertstate", "firing")
			for label, value := range map[string]string{"country": "DE", "store": "12"} {
				if field := "{{ $labels." + label + " }}"; strings.Contains(link, field) {
					link = strings.ReplaceAll(link, field, value)
					fires.Set(label, value)
				}
			}
			m.add(fires.Labels(), 1)
			want[r.Alert] = link
		}
	}
	d, queries := named(t, "tillstream-live", "Firing alerts")
	got := map[string]string{}
	for _, s := range m.panel(d, queries[0], nil, time.Hour) {
		got[s.Metric.Get("alertname")] = s.Metric.Get("dashboard")
	}
	if len(want) < 15 || !maps.Equal(got, want) {
		t.Errorf("%d alerts lead to\n%q\n, their messages to\n%q", len(want), got, want)
	}
}
