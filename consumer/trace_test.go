package consumer

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"tillstream/internal/faultfs"
	"tillstream/internal/sale"
	"tillstream/internal/tracing"
	"tillstream/producer"
)

// recorder returns a tracer and what it records.
func recorder(limit float64) (*tracing.Tracer, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return tracing.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)), limit), spans
}

// rowSource is a producer's source in memory.
type rowSource struct{ rows []sale.Row }

func (s *rowSource) Next(row *sale.Row) (bool, error) {
	if len(s.rows) == 0 {
		return false, nil
	}
	*row, s.rows = s.rows[0], s.rows[1:]
	return true, nil
}

func (s *rowSource) Close() error { return nil }

// produce sends rows as the tills do.
func (c *cluster) produce(t testing.TB, rows []sale.Row, change func(*producer.Config)) producer.Summary {
	t.Helper()
	cfg := producer.Config{Cluster: c.way, Topic: topic, Stores: configFor(t, c).Stores, Stamp: producer.StampKeep,
		Open: func() (producer.Source, error) { return &rowSource{rows}, nil }}
	change(&cfg)
	p, err := producer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// family is a message's span with what is below it.
type family struct {
	process  sdktrace.ReadOnlySpan
	children map[string]sdktrace.ReadOnlySpan
}

// families returns the spans of processing by the span of sending.
func families(t testing.TB, spans *tracetest.SpanRecorder) map[trace.SpanID]family {
	t.Helper()
	if started, ended := len(spans.Started()), len(spans.Ended()); started != ended {
		t.Errorf("of %d spans %d have ended", started, ended)
	}
	byID, byParent := make(map[trace.SpanID]family), make(map[trace.SpanID]family)
	for _, span := range spans.Ended() {
		if span.Name() == "process sales" {
			f := family{span, make(map[string]sdktrace.ReadOnlySpan)}
			byID[span.SpanContext().SpanID()], byParent[span.Parent().SpanID()] = f, f
		}
	}
	for _, span := range spans.Ended() {
		if span.Name() == "process sales" {
			continue
		}
		f, ok := byID[span.Parent().SpanID()]
		if !ok || f.children[span.Name()] != nil || span.SpanContext().TraceID() != f.process.SpanContext().TraceID() {
			t.Fatalf("the span %s is nobody's or there twice", span.Name())
		}
		if span.StartTime().Before(f.process.StartTime()) || span.EndTime().After(f.process.EndTime()) {
			t.Errorf("the span %s, %v to %v, is not within its parent, %v to %v", span.Name(),
				span.StartTime(), span.EndTime(), f.process.StartTime(), f.process.EndTime())
		}
		f.children[span.Name()] = span
	}
	return byParent
}

func (f family) names() string {
	names := ""
	for _, name := range []string{"append", "fsync", "send sales.dead-letter", "commit"} {
		if f.children[name] != nil {
			names += name + ", "
		}
	}
	return strings.TrimSuffix(names, ", ")
}

func attributeOf(span sdktrace.ReadOnlySpan, key attribute.Key) string {
	for _, a := range span.Attributes() {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// One sampled sale is one trace, from the till to the disk: each message's span is
// the child of its sending, and below it is what made it durable, in order.
func TestOneTraceFromTillToDisk(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 3)
	tills, sent := recorder(1e6)
	disk, done := recorder(1e6)
	rows := saleRows(0, 200)
	kafka.produce(t, rows, func(c *producer.Config) { c.Tracer = tills })
	cfg := configFor(t, kafka)
	cfg.Tracer = disk
	drain(t, cfg)
	all := families(t, done)
	if len(sent.Ended()) != 200 || len(all) != 200 {
		t.Fatalf("%d lines of 200 are traced when sent, %d when processed", len(sent.Ended()), len(all))
	}
	for _, send := range sent.Ended() {
		f, ok := all[send.SpanContext().SpanID()]
		if !ok || f.process.SpanContext().TraceID() != send.SpanContext().TraceID() || f.process.SpanKind() != trace.SpanKindConsumer || !f.process.Parent().IsRemote() {
			t.Fatalf("%v has no child in its trace", send.SpanContext())
		}
		for _, key := range []attribute.Key{"messaging.kafka.message.key", "messaging.destination.partition.id", "messaging.kafka.offset", "messaging.destination.name"} {
			if got, want := attributeOf(f.process, key), attributeOf(send, key); got != want || got == "" {
				t.Errorf("%s is %q, and was %q when it was sent", key, got, want)
			}
		}
		if got := f.names(); got != "append, fsync, commit" || attributeOf(f.process, outcomeKey) != outcomeWritten || attributeOf(f.process, "messaging.consumer.group.name") != groupName {
			t.Fatalf("below it is %s; %v", got, f.process.Attributes())
		}
		appended, synced, committed := f.children["append"], f.children["fsync"], f.children["commit"]
		if synced.StartTime() != appended.EndTime() || committed.StartTime().Before(synced.EndTime()) || f.process.StartTime().Before(send.StartTime()) {
			t.Errorf("it was received %v, written %v, on disk %v, committed from %v", f.process.StartTime(), appended.EndTime(), synced.EndTime(), committed.StartTime())
		}
	}
}

// An example of a latency leads to its trace.
func TestLatencyHasExemplars(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	tills, sent := recorder(1e6)
	disk, _ := recorder(1e6)
	kafka.produce(t, saleRows(0, 50), func(c *producer.Config) { c.Tracer = tills })
	cfg := configFor(t, kafka)
	cfg.Tracer = disk
	drain(t, cfg)
	traces := make(map[string]bool)
	for _, span := range sent.Ended() {
		traces[span.SpanContext().TraceID().String()] = true
	}
	found := 0
	for _, f := range gather(t, cfg) {
		for _, m := range f.GetMetric() {
			for _, b := range m.GetHistogram().GetBucket() {
				if b.GetExemplar() == nil {
					continue
				}
				found++
				label := b.GetExemplar().GetLabel()[0]
				if f.GetName() != "tillstream_line_latency_seconds" || label.GetName() != "trace_id" || !traces[label.GetValue()] {
					t.Errorf("%s has an exemplar %v, which is no trace", f.GetName(), b.GetExemplar())
				}
			}
		}
	}
	if found == 0 {
		t.Error("there is no exemplar")
	}
	if n := metric(t, cfg, "line_latency_seconds"); n != 50 {
		t.Errorf("%v latencies were observed", n)
	}

	registry, _ := cfg.Registerer.(*prometheus.Registry)
	request := httptest.NewRequest("GET", "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(answer, request)
	body, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(body), `# {trace_id="`) || !strings.Contains(string(body), "\ntillstream_sales_usd_total{") {
		t.Errorf("the scrape in OpenMetrics has no exemplars (%v):\n%.2000s", err, body)
	}
}

// What is no line has a trace too, which goes on into the dead-letter topic.
func TestTracesOfWhatIsNotWritten(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	disk, done := recorder(1e6)
	line := saleRow(1)
	changed := line
	changed[sale.PaymentMethod] = "Voucher"
	records := recordsOf(t, []sale.Row{line, line, changed}, 1)
	records = append(records, bad(0, "no JSON"), bad(0, "untraced"))
	ids := make([]trace.SpanID, len(records))
	for i, r := range records[:4] {
		ids[i] = trace.SpanID{7: byte(i + 1)}
		r.Headers = []kgo.RecordHeader{
			{Key: "till", Value: []byte("17")},
			{Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%s-01", i+1, ids[i])},
			{Key: "tracestate", Value: []byte("vendor=x")},
		}
	}
	records[4].Headers = []kgo.RecordHeader{{Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%016x-00", 9, 9)}}
	kafka.send(t, records...)
	cfg := configFor(t, kafka)
	cfg.Tracer = disk
	drain(t, cfg)
	all := families(t, done)
	if len(all) != 4 {
		t.Fatalf("%d messages are traced", len(all))
	}
	for i, want := range []struct{ outcome, reason, children string }{
		{outcomeWritten, "", "append, fsync, commit"},
		{outcomeDuplicate, "", "commit"},
		{outcomeRejected, string(sale.Conflict), "send sales.dead-letter, commit"},
		{outcomeRejected, string(sale.NotJSON), "send sales.dead-letter, commit"},
	} {
		f := all[ids[i]]
		if f.process == nil {
			t.Errorf("message %d has no span", i)
			continue
		}
		if got := f.names(); attributeOf(f.process, outcomeKey) != want.outcome || attributeOf(f.process, reasonKey) != want.reason || got != want.children {
			t.Errorf("message %d: %v, with %s", i, f.process.Attributes(), got)
		}
		if f.process.Status().Code == codes.Error {
			t.Errorf("message %d has the status %v, though all was done about it", i, f.process.Status())
		}
	}
	for _, l := range kafka.letters(t) {
		want := "00-" + fmt.Sprintf("%032x-%016x", 9, 9) + "-00" // as it was
		if string(l.Value) != "untraced" {
			i := 3
			if string(l.Value) != "no JSON" {
				i = 2
			}
			letter := all[ids[i]].children["send sales.dead-letter"]
			if letter == nil || letter.SpanKind() != trace.SpanKindProducer {
				t.Fatalf("message %d has no span for its letter", i)
			}
			want = fmt.Sprintf("00-%032x-%s-01", i+1, letter.SpanContext().SpanID())
			if headerOf(l, "till") != "17" || headerOf(l, "tracestate") != "vendor=x" {
				t.Errorf("the letter's headers are %v", l.Headers)
			}
		}
		if got := headerOf(l, "traceparent"); got != want {
			t.Errorf("the letter %.20q goes on with %s, want %s", l.Value, got, want)
		}
	}
}

// Others may trace all that they send; we go on with as many as the cap says.
func TestConsumerCapsForeignTraces(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	disk, done := recorder(5)
	rows := saleRows(0, 3000)
	records := recordsOf(t, rows, 1)
	for i, r := range records {
		r.Headers = []kgo.RecordHeader{{Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%016x-01", i+1, i+1)}}
	}
	kafka.send(t, records...)
	cfg := configFor(t, kafka)
	cfg.Tracer = disk
	began := time.Now()
	drain(t, cfg)
	most := 5 + int(5*time.Since(began).Seconds()) + 1
	if n := len(families(t, done)); n < 5 || n > most {
		t.Errorf("%d traces of 3000 are gone on with, want at most %d", n, most)
	}
	sameSet(t, readCSV(t, cfg.Out), rows)
}

// A disk that fails shows in the trace: as an event where it worked in the end, as
// an error where the line was given up.
func TestTraceOfAFailingDisk(t *testing.T) {
	for _, heals := range []bool{true, false} {
		t.Run(fmt.Sprint("heals=", heals), func(t *testing.T) {
			t.Parallel()
			kafka := startKafka(t, 1)
			tills, _ := recorder(1e6)
			disk, done := recorder(1e6)
			cfg := configFor(t, kafka)
			fs := faultfs.New()
			cfg.Tracer, cfg.FS = disk, fs
			c := start(t, cfg)
			eventually(t, "it is ready", ready(c))
			before := fs.Count(faultfs.Sync)
			fs.Add(faultfs.Fault{Op: faultfs.Sync, Err: syscall.ENOSPC})
			kafka.produce(t, saleRows(0, 1), func(c *producer.Config) { c.Tracer = tills })
			eventually(t, "it has tried several times", func() bool { return fs.Count(faultfs.Sync) >= before+2 && c.Ready() != nil })
			if heals {
				fs.Heal()
				eventually(t, "the line is settled", func() bool { return c.Summary().Consumed == 1 })
			}
			c.stop(t)
			for _, f := range families(t, done) {
				outcome, status := outcomeWritten, codes.Unset
				if !heals {
					outcome, status = outcomeGivenUp, codes.Error
				}
				if attributeOf(f.process, outcomeKey) != outcome || f.process.Status().Code != status || len(f.process.Events()) == 0 || f.children["append"].Status().Code != status {
					t.Errorf("the span is %v, %v, with the events %v", f.process.Attributes(), f.process.Status(), f.process.Events())
				}
				return
			}
			t.Error("there is no trace")
		})
	}
}

// A dead letter that cannot be written has a span that says so.
func TestTraceOfALetterThatIsNotWritten(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	if err := kafka.fake.CreateTopic(letterTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	broken := kafka.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: letterTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
	disk, done := recorder(1e6)
	r := bad(0, "no JSON")
	r.Headers = []kgo.RecordHeader{{Key: "traceparent", Value: fmt.Appendf(nil, "00-%032x-%016x-01", 1, 1)}}
	kafka.send(t, r)
	cfg := configFor(t, kafka)
	cfg.Tracer = disk
	c := start(t, cfg)
	eventually(t, "it has tried", func() bool { return broken.Hits() >= 1 })
	c.stop(t)
	f := families(t, done)[trace.SpanID{7: 1}]
	if f.process == nil || f.process.Status().Code != codes.Error || f.children["send sales.dead-letter"].Status().Code != codes.Error {
		t.Errorf("the spans are %+v", f)
	}
}

// Whoever reads traces learns nothing about customers and staff, whatever becomes
// of a message.
func TestSpansHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 2)
	tills, sent := recorder(1e6)
	disk, done := recorder(1e6)
	rows := saleRows(0, 150)
	rows = append(rows, rows[:10]...) // conflicts
	for i := range rows {
		rows[i][sale.CustomerID], rows[i][sale.EmployeeID] = fmt.Sprintf("customer%dsecret", i), fmt.Sprintf("employee%dsecret", i)
	}
	kafka.produce(t, rows, func(c *producer.Config) { c.Tracer, c.CorruptRatio, c.DuplicateRatio = tills, 0.5, 0.3 })
	cfg := configFor(t, kafka)
	cfg.Tracer = disk
	if s := drain(t, cfg); s.Conflicts == 0 || s.Duplicates == 0 || s.Rejected == 0 || s.Consumed != int64(len(families(t, done))) {
		t.Fatalf("the summary is %+v with %d traces", s, len(families(t, done)))
	}
	for _, span := range append(sent.Ended(), done.Ended()...) {
		if text := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Links(), span.Status()); strings.Contains(text, "secret") {
			t.Errorf("a span holds personal data: %s", text)
		}
	}
}

// Without a tracer, or with messages that are not traced, there are no spans and
// nothing is different.
func TestWithoutTraces(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	disk, done := recorder(1e6)
	kafka.produce(t, saleRows(0, 100), func(*producer.Config) {})
	cfg := configFor(t, kafka)
	cfg.Tracer = disk
	drain(t, cfg)
	if n := len(done.Started()); n != 0 {
		t.Errorf("%d spans are of no trace", n)
	}
	tills, _ := recorder(1e6)
	kafka.produce(t, saleRows(100, 200), func(c *producer.Config) { c.Tracer = tills })
	cfg = again(cfg)
	cfg.Tracer = nil
	drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), saleRows(0, 200))
}
