//go:build grafana

package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tillstream/etl"
	"tillstream/internal/store"
)

// These tests ask a real Grafana, that GRAFANA_URL names, through its own query API,
// as a browser does. It has this directory's provisioning, and behind it run
// Prometheus and the pipeline; `docker compose up` is such a place. The warehouse
// that it shows is TILLSTREAM_WAREHOUSE, which the numbers are compared with.

// server is a Grafana.
type server struct{ url *url.URL }

func fromEnvironment(t *testing.T, name, example string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set; it is %s", name, example)
	}
	return value
}

func grafanaServer(t *testing.T) server {
	t.Helper()
	u, err := url.Parse(fromEnvironment(t, "GRAFANA_URL", "http://admin:password@localhost:3000"))
	if err != nil {
		t.Fatal(err)
	}
	return server{u}
}

// call asks for JSON. status is the answer's.
func (s server) call(t *testing.T, method, path string, body, answer any) (status int) {
	t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.url.JoinPath(path).String(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if content, err = io.ReadAll(response.Body); err == nil {
		err = json.Unmarshal(content, answer)
	}
	if err != nil {
		t.Fatalf("%s %s: %s: %v\n%s", method, path, response.Status, err, content)
	}
	return response.StatusCode
}

// frame is a table of Grafana's: names, and the values of each column.
type frame struct {
	Schema struct{ Fields []struct{ Name string } }
	Data   struct{ Values [][]any }
}

// rows is how many there are.
func (f frame) rows() int {
	if len(f.Data.Values) == 0 {
		return 0
	}
	return len(f.Data.Values[0])
}

// ask sends the queries of a panel, as one request for each data source.
func (s server) ask(t *testing.T, d Dashboard, queries []Query, choice Choice) (frames []frame, took time.Duration) {
	t.Helper()
	bySource := map[Source][]map[string]any{}
	for _, q := range queries {
		text := q.Expr + q.RawSQL
		expanded, err := d.Expand(text, choice, map[string]string{"__range": "$__range", "__rate_interval": "$__rate_interval"}) // it does these itself
		if err != nil {
			t.Fatal(err)
		}
		bySource[q.Datasource] = append(bySource[q.Datasource], map[string]any{"refId": q.RefID, "datasource": q.Datasource, "expr": expanded,
			"rawSql": expanded, "format": "table", "instant": q.Instant, "range": !q.Instant, "exemplar": q.Exemplar, "intervalMs": 15_000, "maxDataPoints": 1000})
	}
	began := time.Now()
	for _, all := range bySource {
		var answer struct {
			Message string
			Results map[string]struct {
				Error  string
				Frames []frame
			}
		}
		status := s.call(t, http.MethodPost, "api/ds/query", map[string]any{"queries": all, "from": "now-1h", "to": "now"}, &answer)
		for ref, result := range answer.Results {
			if result.Error != "" {
				t.Errorf("%s: %s\n%v", ref, result.Error, all)
			}
			frames = append(frames, result.Frames...)
		}
		if status != http.StatusOK {
			t.Errorf("status %d %s\n%v", status, answer.Message, all)
		}
	}
	return frames, time.Since(began)
}

// The dashboards and data sources that Grafana has are those of this directory.
func TestGrafanaHasThem(t *testing.T) {
	s := grafanaServer(t)
	for _, want := range dashboards(t) {
		var got struct {
			Meta      struct{ Provisioned bool }
			Dashboard Dashboard
		}
		if status := s.call(t, http.MethodGet, "api/dashboards/uid/"+want.UID, nil, &got); status != http.StatusOK {
			t.Errorf("%s: status %d", want.UID, status)
			continue
		}
		if !got.Meta.Provisioned || got.Dashboard.Title != want.Title || len(got.Dashboard.Panels) != len(want.Panels) {
			t.Errorf("%s: provisioned %v, %q with %d panels", want.UID, got.Meta.Provisioned, got.Dashboard.Title, len(got.Dashboard.Panels))
		}
	}
}

// Each panel shows something, and no query fails. -v prints how long each takes.
func TestGrafanaShowsEachPanel(t *testing.T) {
	s := grafanaServer(t)
	for _, d := range dashboards(t) {
		t.Run(d.Title, func(t *testing.T) {
			var slowest string
			var most time.Duration
			for _, p := range d.Panels {
				frames, took := s.ask(t, d, p.Targets, nil)
				if !slices.ContainsFunc(frames, func(f frame) bool { return f.rows() > 0 }) {
					t.Errorf("%s shows nothing", p.Title)
				}
				t.Logf("%6d ms  %s", took.Milliseconds(), p.Title)
				if took > most {
					most, slowest = took, p.Title
				}
			}
			// As a browser does it: all panels at once.
			var panels sync.WaitGroup
			began := time.Now()
			for _, p := range d.Panels {
				panels.Go(func() { s.ask(t, d, p.Targets, nil) })
			}
			panels.Wait()
			t.Logf("all %d panels at once: %v; the slowest alone: %s, %v", len(d.Panels), time.Since(began).Round(time.Millisecond), slowest, most.Round(time.Millisecond))
		})
	}
}

// column is the sum of a column.
func column(t *testing.T, frames []frame, name string) (sum float64) {
	t.Helper()
	found := false
	for _, f := range frames {
		for i, field := range f.Schema.Fields {
			if field.Name != name {
				continue
			}
			for _, value := range f.Data.Values[i] {
				if number, ok := value.(float64); ok {
					sum, found = sum+number, true
				}
			}
		}
	}
	if !found {
		t.Fatalf("there is no number under %q", name)
	}
	return sum
}

// historyPanel finds a panel of the history.
func historyPanel(t *testing.T, title string) (Dashboard, []Query) {
	t.Helper()
	return named(t, "tillstream-history", title)
}

// The numbers of the history are those of the warehouse's summary, which verify
// compares with its sources: in all, and of each country. `etl live` may be adding
// lines meanwhile, so the summary is read before and after.
func TestGrafanaShowsTheSummary(t *testing.T) {
	s, address := grafanaServer(t), fromEnvironment(t, "TILLSTREAM_WAREHOUSE", "sqlserver://user:password@localhost:1433?database=warehouse")
	years := []string{}
	d, queries := historyPanel(t, "Net revenue by month, the years side by side")
	frames, _ := s.ask(t, d, queries, nil)
	for _, f := range frames {
		for i, field := range f.Schema.Fields {
			if field.Name == "Year" {
				for _, year := range f.Data.Values[i] {
					if text := fmt.Sprint(year); !slices.Contains(years, text) {
						years = append(years, text)
					}
				}
			}
		}
	}
	for range 20 { // until nothing has come in between
		before, err := etl.ReadHistory(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		d, queries := historyPanel(t, "Key figures")
		all, _ := s.ask(t, d, queries, nil)
		got := map[string]float64{}
		for _, code := range store.Countries() {
			frames, _ := s.ask(t, d, queries, Choice{"country": {code}})
			got[store.CountryName(code)] = column(t, frames, "Net revenue")
		}
		var byYear float64
		for _, year := range years {
			frames, _ := s.ask(t, d, queries, Choice{"year": {year}})
			byYear += column(t, frames, "Net revenue")
		}
		after, err := etl.ReadHistory(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if before.NetUSD != after.NetUSD {
			continue
		}
		same(t, "net revenue", column(t, all, "Net revenue"), number(t, after.NetUSD))
		same(t, "net revenue of all years "+strings.Join(years, ", "), byYear, number(t, after.NetUSD))
		for _, c := range after.Countries {
			same(t, "net revenue of "+c.Country, got[c.Country], number(t, c.NetUSD))
		}
		t.Logf("%s USD, %d lines, %d countries, years %q", after.NetUSD, after.Lines, len(after.Countries), years)
		return
	}
	t.Error("the warehouse changes without a pause; stop the tills for a moment")
}
