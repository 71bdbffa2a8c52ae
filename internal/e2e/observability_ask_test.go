//go:build observability && kafka

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// answer asks an HTTP API for JSON.
func answer[T any](t *testing.T, address, path string, parameters url.Values) (v T) {
	t.Helper()
	code, body := get(t, "http://"+address+path+"?"+parameters.Encode())
	if code != http.StatusOK {
		t.Fatalf("%s%s?%s: %d %s", address, path, parameters.Encode(), code, body)
	}
	return decode[T](t, body)
}

// sample is one series of an answer.
type sample struct {
	Metric map[string]string
	Value  [2]json.RawMessage // time, value
}

func (s sample) number(t *testing.T) float64 {
	t.Helper()
	var text string
	if err := json.Unmarshal(s.Value[1], &text); err != nil {
		t.Fatal(err)
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// query asks Prometheus, as of a time in Unix seconds or, where it is 0, now.
func (s *stack) query(t *testing.T, expr string, at float64) []sample {
	t.Helper()
	parameters := url.Values{"query": {expr}}
	if at > 0 {
		parameters.Set("time", strconv.FormatFloat(at, 'f', 3, 64))
	}
	return answer[struct{ Data struct{ Result []sample } }](t, s.prometheus, "/api/v1/query", parameters).Data.Result
}

// value is a query's only value, NaN-free; ok is false where there is none.
func (s *stack) value(t *testing.T, expr string) (value float64, ok bool) {
	t.Helper()
	found := s.query(t, expr, 0)
	if len(found) != 1 {
		return 0, false
	}
	return found[0].number(t), true
}

// heard are the names of the alerts of an area that Alertmanager has and does not
// keep silent.
func (s *stack) heard(t *testing.T, area string) (names []string) {
	t.Helper()
	return s.alerts(t, area, "active")
}

// inhibited are those that it does keep silent, because of others.
func (s *stack) inhibited(t *testing.T, area string) (names []string) {
	t.Helper()
	return s.alerts(t, area, "inhibited")
}

func (s *stack) alerts(t *testing.T, area, state string) (names []string) {
	t.Helper()
	parameters := url.Values{"active": {"false"}, "inhibited": {"false"}, "silenced": {"false"}, "filter": {fmt.Sprintf("area=%q", area)}}
	parameters.Set(state, "true")
	for _, a := range answer[[]struct{ Labels map[string]string }](t, s.alertmanager, "/api/v2/alerts", parameters) {
		names = append(names, a.Labels["alertname"])
	}
	return names
}

// post gives Alertmanager alerts as Prometheus would.
func (s *stack) post(t *testing.T, alerts string) {
	t.Helper()
	response, err := http.Post("http://"+s.alertmanager+"/api/v2/alerts", "application/json", strings.NewReader(alerts))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("posting %s: %s", alerts, response.Status)
	}
}

// span is a span as Jaeger tells it; times are microseconds.
type span struct {
	SpanID, OperationName, ProcessID string
	StartTime, Duration              int64
	References                       []struct{ RefType, SpanID string }
}

// trace is a trace as Jaeger tells it.
type trace struct {
	TraceID   string
	Spans     []span
	Processes map[string]struct{ ServiceName string }
}

func (tr trace) service(sp span) string { return tr.Processes[sp.ProcessID].ServiceName }

// parent is the span that a span names as its parent.
func (tr trace) parent(of span) (span, bool) {
	for _, r := range of.References {
		for _, candidate := range tr.Spans {
			if r.RefType == "CHILD_OF" && candidate.SpanID == r.SpanID {
				return candidate, true
			}
		}
	}
	return span{}, false
}

// traces are some traces in which a service takes part.
func (s *stack) traces(t *testing.T, service string) []trace {
	t.Helper()
	return answer[struct{ Data []trace }](t, s.jaeger, "/api/traces", url.Values{"service": {service}, "limit": {"20"}}).Data
}

// hasTrace reports whether Jaeger knows a trace.
func (s *stack) hasTrace(t *testing.T, id string) bool {
	t.Helper()
	code, _ := get(t, "http://"+s.jaeger+"/api/traces/"+id)
	return code == http.StatusOK
}
