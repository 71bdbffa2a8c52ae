//go:build observability && kafka

package e2e

import (
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"tillstream/grafana"
)

// liveEtl starts the etl, with databases of its own, on what the consumer writes.
func (s *stack) liveEtl() {
	s.t.Helper()
	dir := s.t.TempDir()
	databases := []string{"--source-db", "sqlite:" + filepath.Join(dir, "source.db"), "--warehouse", "sqlite:" + filepath.Join(dir, "warehouse.db")}
	ok(s.t, append([]string{"etl", "init"}, databases...)...)
	daemon(s.t, "", s.traced(), binary, append([]string{"etl", "live", "--csv", s.out, "--listen", s.etl}, databases...)...)
}

// expanded is a dashboard's query as Grafana asks it of the last minute.
func expanded(t *testing.T, d grafana.Dashboard, q grafana.Query) string {
	t.Helper()
	text, err := d.Expand(q.Expr, nil, map[string]string{"__range": "1m", "__rate_interval": (4 * 5 * time.Second).String()})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// panelsFind asks every PromQL query of every dashboard.
func panelsFind(t *testing.T, s *stack) {
	boards, err := grafana.Dashboards()
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, d := range boards {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if q.Expr == "" || q.LegendFormat == "Last week" { // this run has no last week; the test in grafana has
					continue
				}
				asked++
				text := expanded(t, d, q)
				within(t, 30*time.Second, d.Title+": "+p.Title+" "+q.RefID+" finds something: "+text, func() bool {
					if q.Instant {
						return len(s.query(t, text, 0)) > 0
					}
					return len(s.graph(t, text)) > 0
				})
			}
		}
	}
	t.Logf("%d queries", asked)
}

// graph asks for the last minute of a query.
func (s *stack) graph(t *testing.T, expr string) []any {
	t.Helper()
	now := time.Now()
	return answer[struct{ Data struct{ Result []any } }](t, s.prometheus, "/api/v1/query_range", url.Values{
		"query": {expr}, "step": {"1"}, "start": {seconds(now.Add(-time.Minute))}, "end": {seconds(now)},
	}).Data.Result
}

func seconds(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// panel is a panel's first query.
func panel(t *testing.T, board, title string) (grafana.Dashboard, grafana.Query) {
	t.Helper()
	boards, err := grafana.Dashboards()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range boards {
		for _, p := range d.Panels {
			if d.UID == board && p.Title == title {
				return d, p.Targets[0]
			}
		}
	}
	t.Fatalf("%s has no panel %q", board, title)
	return grafana.Dashboard{}, grafana.Query{}
}

// alertLeads finds a firing alert on the live dashboard, with the dashboard that
// it leads to.
func alertLeads(t *testing.T, s *stack, alert, dashboard string) {
	t.Helper()
	d, q := panel(t, "tillstream-live", "Firing alerts")
	for _, found := range s.query(t, expanded(t, d, q), 0) {
		if found.Metric["alertname"] == alert {
			if found.Metric["dashboard"] != dashboard {
				t.Errorf("%s leads to %q, not to %s", alert, found.Metric["dashboard"], dashboard)
			}
			return
		}
	}
	t.Errorf("the live dashboard does not show %s", alert)
}

// latencyLeads goes from the graph of the latency to the trace of one sale, as a
// click on a dot does.
func latencyLeads(t *testing.T, s *stack) {
	d, q := panel(t, "tillstream-pipeline", "From the till to the disk")
	if !q.Exemplar {
		t.Fatalf("it asks for no exemplars: %+v", q)
	}
	within(t, time.Minute, "a dot in the graph is a trace that Jaeger has", func() bool {
		now := time.Now()
		for _, series := range answer[struct {
			Data []struct {
				Exemplars []struct{ Labels map[string]string }
			}
		}](t, s.prometheus, "/api/v1/query_exemplars", url.Values{
			"query": {expanded(t, d, q)}, "start": {seconds(now.Add(-time.Minute))}, "end": {seconds(now)},
		}).Data {
			for _, e := range series.Exemplars {
				if s.hasTrace(t, e.Labels["trace_id"]) {
					return true
				}
			}
		}
		return false
	})
}
