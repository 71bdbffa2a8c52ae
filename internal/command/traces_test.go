package command

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spans is what a collector gets: each span's name by its ID, with its parent and
// its service.
type spans struct {
	mu  sync.Mutex
	all map[string]span
}

type span struct{ name, service, parent, trace string }

// ServeHTTP takes spans over OTLP.
func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := new(collector.ExportTraceServiceRequest)
	if err == nil {
		err = proto.Unmarshal(body, request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range request.GetResourceSpans() {
		service := ""
		for _, a := range rs.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, one := range ss.GetSpans() {
				s.all[string(one.GetSpanId())] = span{one.GetName(), service, string(one.GetParentSpanId()), string(one.GetTraceId())}
			}
		}
	}
}

// demoOnce runs the demo with some lines and returns its log.
func demoOnce(t *testing.T, flags ...string) (log string) {
	t.Helper()
	var out, logs bytes.Buffer
	app := App()
	app.Writer, app.ErrWriter = &out, &logs
	arguments := append([]string{"tillstream", "demo", "--rate", "0", "--lines", "200", "--listen", "", "--dir", t.TempDir()}, flags...)
	if err := app.RunContext(t.Context(), arguments); err != nil {
		t.Fatalf("%v\n%s", err, logs.String())
	}
	if !strings.Contains(out.String(), `"written":200`) {
		t.Fatalf("the summary is %s", out.String())
	}
	return logs.String()
}

// The demo's traces go from one service to the other, and all of them have been
// sent when it ends.
func TestDemoSendsItsTraces(t *testing.T) {
	got := &spans{all: make(map[string]span)}
	server := httptest.NewServer(got)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000") // only the end sends them
	demoOnce(t)
	edges, sent := 0, 0
	for _, s := range got.all {
		switch s.name {
		case "send sales":
			sent++
		case "process sales":
			parent := got.all[s.parent]
			if parent.name != "send sales" || parent.service != producerService || s.service != consumerService || parent.trace != s.trace {
				t.Errorf("%+v has the parent %+v", s, parent)
			}
			edges++
		}
	}
	if edges < tracesBegun || edges != sent {
		t.Errorf("of %d traces %d go on behind Kafka", sent, edges)
	}
}

// A collector that is away costs the demo nothing but a line in its log.
func TestDemoWithoutItsCollector(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody is there
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	began := time.Now()
	log := demoOnce(t)
	if n := strings.Count(log, "level=WARN"); n != 1 || !strings.Contains(log, "collector") || !strings.Contains(log, "connection refused") {
		t.Errorf("after %v the log is\n%s", time.Since(began), log)
	}
}

// Each step of the etl is a trace, whose parts have arrived when its command ends;
// of live it is each batch.
func TestEtlSendsItsTraces(t *testing.T) {
	got := &spans{all: make(map[string]span)}
	server := httptest.NewServer(got)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000") // only the end sends them
	dir, sample := t.TempDir(), filepath.Join("..", "..", "data", "sample")
	csv := filepath.Join(dir, "live")
	if err := os.Mkdir(csv, 0o755); err != nil {
		t.Fatal(err)
	}
	transactions, err := os.ReadFile(filepath.Join(sample, "transactions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(csv, "live_transactions.csv"), transactions, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range [][]string{{"init"}, {"import", "--from", sample}, {"load"}, {"live", "--csv", csv, "--drain", "--listen", ""}, {"verify", "--csv", csv}} {
		var logs bytes.Buffer
		app := App()
		app.Writer, app.ErrWriter = io.Discard, &logs
		arguments := append([]string{"tillstream", "etl", step[0], "--source-db", "sqlite:" + dir + "/source.db", "--warehouse", "sqlite:" + dir + "/warehouse.db"}, step[1:]...)
		if err := app.RunContext(t.Context(), arguments); err != nil {
			t.Fatalf("etl %s: %v\n%s", step[0], err, logs.String())
		}
	}
	parents := make(map[string]string)
	for _, s := range got.all {
		if s.service != etlService {
			t.Errorf("%s is of the service %s", s.name, s.service)
		}
		parents[s.name] = got.all[s.parent].name
	}
	for name, parent := range map[string]string{
		"etl init": "", "etl import": "", "etl load": "", "etl live": "", "etl verify": "",
		"import stores": "etl import", "import transactions": "etl import",
		"load dim_customer": "etl load", "load fact_sales": "etl load",
		"verify lines": "etl verify", "verify aggregates": "etl verify",
	} {
		if have, ok := parents[name]; !ok || have != parent {
			t.Errorf("the span %q has arrived: %v, its parent is %q; want %q", name, ok, have, parent)
		}
	}
}

func TestTraceLimit(t *testing.T) {
	for _, limit := range []string{"-1", "NaN", "Inf"} {
		app := App()
		app.Writer, app.ErrWriter = io.Discard, io.Discard
		err := app.Run([]string{"tillstream", "demo", "--lines", "1", "--listen", "", "--trace-limit=" + limit})
		if err == nil || !strings.Contains(err.Error(), "--trace-limit") || ExitCode(err) != ExitUsage {
			t.Errorf("--trace-limit %s: %v", limit, err)
		}
	}
	got := &spans{all: make(map[string]span)}
	server := httptest.NewServer(got)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	demoOnce(t, "--trace-limit", "0")
	if len(got.all) > 0 {
		t.Errorf("with a limit of 0 there are %d spans", len(got.all))
	}
}
