package tracing

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// received is what a collector has got.
type received struct {
	collector.UnimplementedTraceServiceServer
	mu   sync.Mutex
	sent []*trace.ResourceSpans
}

// Export implements the gRPC service.
func (r *received) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, request.GetResourceSpans()...)
	return &collector.ExportTraceServiceResponse{}, nil
}

// ServeHTTP is the same over HTTP.
func (r *received) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	decoded := new(collector.ExportTraceServiceRequest)
	if err == nil {
		err = proto.Unmarshal(body, decoded)
	}
	if err != nil || request.URL.Path != "/v1/traces" {
		http.Error(w, "this is not it", http.StatusBadRequest)
		return
	}
	_, _ = r.Export(request.Context(), decoded)
}

// attributes returns a resource's and all spans' attributes, and the spans' names.
func (r *received) attributes() (resource, spans map[string]string, names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	resource, spans = make(map[string]string), make(map[string]string)
	for _, rs := range r.sent {
		for _, a := range rs.GetResource().GetAttributes() {
			resource[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				names = append(names, s.GetName())
				for _, a := range s.GetAttributes() {
					spans[a.GetKey()] = a.GetValue().GetStringValue()
				}
			}
		}
	}
	return resource, spans, names
}

// unset takes OpenTelemetry's variables out of the environment.
func unset(t testing.TB) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

// serveHTTP runs a collector at an address.
func serveHTTP(t testing.TB, address string, handler http.Handler) (at string) {
	t.Helper()
	var listener net.Listener
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		var err error
		if listener, err = net.Listen("tcp", address); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }() // it ends with the test
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

// send makes a trace of one message.
func send(t testing.TB, tracer *Tracer, key string) {
	t.Helper()
	span, headers := tracer.Send(context.Background(), Message{Topic: "sales", Key: key, Partition: 2, Offset: -1}, time.Now())
	if span == nil || len(headers) == 0 {
		t.Fatal("the message is not traced")
	}
	span.End()
}

// What is sent arrives, over both protocols, and says who has sent it. A key can be
// anything.
func TestSpansReachTheCollector(t *testing.T) {
	hostile := "\xff\xfe" + strings.Repeat("ключ", 10_000)
	for _, protocol := range []string{"", "http/protobuf", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			unset(t)
			got := new(received)
			if protocol == "grpc" {
				listener, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				server := grpc.NewServer()
				collector.RegisterTraceServiceServer(server, got)
				go func() { _ = server.Serve(listener) }() // it ends with the test
				defer server.Stop()
				t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"+listener.Addr().String())
			} else {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+serveHTTP(t, "127.0.0.1:0", got))
			}
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
			log := new(logBuffer)
			traces := Start(Config{Version: "1.2.3", Log: log.logger()})
			send(t, traces.Service(t.Context(), "tillstream-test", 10), hostile)
			traces.Close()

			resource, spans, names := got.attributes()
			if len(names) != 1 || names[0] != "send sales" {
				t.Fatalf("the collector has %q; the log: %s", names, log)
			}
			for name, want := range map[string]string{"service.name": "tillstream-test", "service.version": "1.2.3", "deployment.environment.name": "test"} {
				if resource[name] != want {
					t.Errorf("%s is %q, want %q", name, resource[name], want)
				}
			}
			if resource["service.instance.id"] == "" {
				t.Errorf("the resource %v has no service.instance.id", resource)
			}
			for name, want := range map[string]string{"messaging.system": "kafka", "messaging.destination.name": "sales", "messaging.operation.name": "send",
				"messaging.operation.type": "send", "messaging.destination.partition.id": "2"} {
				if spans[name] != want {
					t.Errorf("%s is %q, want %q", name, spans[name], want)
				}
			}
			if key := spans["messaging.kafka.message.key"]; !strings.HasPrefix(key, "\uFFFDключ") || len([]rune(key)) > maxValue {
				t.Errorf("the key has %d runes: %.40q", len([]rune(key)), key)
			}
		})
	}
}

func TestServiceNameOfTheEnvironmentWins(t *testing.T) {
	unset(t)
	got := new(received)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+serveHTTP(t, "127.0.0.1:0", got))
	t.Setenv("OTEL_SERVICE_NAME", "till-17")
	traces := Start(Config{Log: slog.New(slog.DiscardHandler)})
	send(t, traces.Service(t.Context(), "tillstream-test", 10), "INV-1")
	traces.Close()
	if resource, _, _ := got.attributes(); resource["service.name"] != "till-17" {
		t.Errorf("the service is %q", resource["service.name"])
	}
}

// Nothing is sent, and nothing said, unless the environment asks for it.
func TestWhatTurnsTracesOn(t *testing.T) {
	const endpoint, exporter, protocol = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"
	for _, test := range []struct {
		environment map[string]string
		on          bool
		said        string
	}{
		{nil, false, ""},
		{map[string]string{endpoint: "http://localhost:4318"}, true, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, true, ""},
		{map[string]string{exporter: "otlp"}, true, ""},
		{map[string]string{exporter: "none", endpoint: "http://localhost:4318"}, false, ""},
		{map[string]string{"OTEL_SDK_DISABLED": "True", endpoint: "http://localhost:4318"}, false, ""},
		{map[string]string{"OTEL_SDK_DISABLED": "no", endpoint: "http://localhost:4318"}, true, ""},
		{map[string]string{exporter: "zipkin", endpoint: "http://localhost:4318"}, false, "zipkin"},
		{map[string]string{protocol: "avian", endpoint: "http://localhost:4318"}, false, "avian"},
		{map[string]string{protocol: "grpc"}, false, ""},
	} {
		t.Run("", func(t *testing.T) {
			unset(t)
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			log := new(logBuffer)
			traces := Start(Config{Log: log.logger()})
			defer traces.Close()
			if strings.Contains(log.String(), test.said) != true || test.said == "" && log.String() != "" {
				t.Errorf("%v: the log says %q, want %q", test.environment, log, test.said)
			}
			if on := traces.Service(t.Context(), "test", 10) != nil; on != test.on {
				t.Errorf("%v: on is %v", test.environment, on)
			}
			if traces.Service(t.Context(), "test", 0) != nil {
				t.Error("a cap of 0 traces something")
			}
		})
	}
}

// A collector that is away is told once, and once when it is back; meanwhile nobody
// waits for it.
func TestCollectorAwayIsSaidOnce(t *testing.T) {
	unset(t)
	address := serveThenStop(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "5")
	log := new(logBuffer)
	traces := Start(Config{Log: log.logger()})
	one, other := traces.Service(t.Context(), "one", 1e6), traces.Service(t.Context(), "other", 1e6)
	log.reset()
	waitFor(t, "many batches are lost", func() bool {
		send(t, one, "INV-1")
		send(t, other, "INV-2")
		return traces.outage.spansLost() > 100
	})

	got := new(received)
	serveHTTP(t, address, got)
	waitFor(t, "the collector gets spans again", func() bool {
		send(t, one, "INV-3")
		send(t, other, "INV-4")
		_, _, names := got.attributes()
		return len(names) > 0
	})
	waitFor(t, "its return is told", func() bool {
		send(t, one, "INV-3") // both have to come through
		send(t, other, "INV-4")
		return log.count("again") > 0
	})
	traces.Close()
	if log.count("takes nothing") != 1 || log.count("again") != 1 || log.count("") != 2 {
		t.Errorf("the log is\n%s", log)
	}
	if !strings.Contains(log.String(), address) {
		t.Errorf("the log does not say which collector:\n%s", log)
	}
}

// However slow the collector is, nobody waits for it: the queue is bounded, and what
// is too much is dropped.
func TestNobodyWaitsForTheCollector(t *testing.T) {
	unset(t)
	slow := &slowExporter{release: make(chan struct{})}
	traces := Start(Config{Log: slog.New(slog.DiscardHandler), Exporter: func(context.Context) (sdktrace.SpanExporter, error) { return slow, nil }})
	tracer := traces.Service(t.Context(), "one", 1e6)
	const sent = 3 * (sdktrace.DefaultMaxQueueSize + sdktrace.DefaultMaxExportBatchSize)
	for range sent { // this would never end
		send(t, tracer, "INV-1")
	}
	close(slow.release)
	traces.Close()
	if n := slow.spans.Load(); n == 0 || n > sdktrace.DefaultMaxQueueSize+2*sdktrace.DefaultMaxExportBatchSize {
		t.Errorf("of %d spans %d were kept", sent, n)
	}
}

// slowExporter takes spans when it is released.
type slowExporter struct {
	release chan struct{}
	spans   atomic.Int64
}

func (s *slowExporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	<-s.release
	s.spans.Add(int64(len(spans)))
	return nil
}

func (*slowExporter) Shutdown(context.Context) error { return nil }

// A collector that accepts and never answers holds up the end no longer than told.
func TestCloseIsBounded(t *testing.T) {
	unset(t)
	hang := make(chan struct{})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+serveHTTP(t, "127.0.0.1:0", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang })))
	defer close(hang)
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_BSP_EXPORT_TIMEOUT"} {
		t.Setenv(name, "3600000")
	}
	log := new(logBuffer)
	traces := Start(Config{Log: log.logger()})
	send(t, traces.Service(t.Context(), "one", 10), "INV-1")
	send(t, traces.Service(t.Context(), "other", 10), "INV-1")
	began := time.Now()
	traces.Close()
	if took := time.Since(began); took < flushTime/2 || took > 10*flushTime {
		t.Errorf("it took %v, with a bound of %v", took, flushTime)
	}
	if log.count("not sent") != 1 {
		t.Errorf("the log is\n%s", log)
	}
	traces.Close() // again is nothing
}

// serveThenStop returns an address where nobody listens.
func serveThenStop(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func (o *outage) spansLost() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// logBuffer is a log to look into while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Reset()
}

// count returns how many lines hold the words.
func (l *logBuffer) count(words string) (n int) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
