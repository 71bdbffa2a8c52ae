package producer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"tillstream/internal/sale"
	"tillstream/internal/tracing"
)

// recorder returns a tracer and what it records.
func recorder(limit float64) (*tracing.Tracer, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return tracing.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)), limit), spans
}

// attributesOf returns a span's attributes as text.
func attributesOf(span sdktrace.ReadOnlySpan) map[attribute.Key]string {
	attributes := make(map[attribute.Key]string)
	for _, a := range span.Attributes() {
		attributes[a.Key] = a.Value.String()
	}
	return attributes
}

// Each traced message carries the context of a span that says where it went; with
// the cap at less than all lines, the others carry nothing.
func TestTracedMessagesCarryTheirTrace(t *testing.T) {
	for _, test := range []struct{ limit, min, max float64 }{{1e6, 300, 300}, {0.01, 1, 1}} {
		t.Run(fmt.Sprint(test.limit), func(t *testing.T) {
			_, cluster := startKafka(t)
			tracer, spans := recorder(test.limit)
			cfg := configFor(cluster, filled(someRows(300)))
			cfg.Tracer = tracer
			run(t, newProducer(t, cfg))
			if started, ended := len(spans.Started()), len(spans.Ended()); started != ended {
				t.Errorf("of %d spans %d have ended", started, ended)
			}
			byContext := make(map[string]sdktrace.ReadOnlySpan)
			for _, span := range spans.Ended() {
				c := span.SpanContext()
				byContext[fmt.Sprintf("00-%s-%s-01", c.TraceID(), c.SpanID())] = span
			}
			if n := float64(len(byContext)); n < test.min || n > test.max {
				t.Fatalf("%v messages of 300 are traced", n)
			}
			for _, m := range published(t, cluster) {
				if len(m.headers) == 0 {
					continue
				}
				span := byContext[m.headers["traceparent"]]
				if span == nil {
					t.Fatalf("the headers are %v", m.headers)
				}
				delete(byContext, m.headers["traceparent"])
				got := attributesOf(span)
				for name, want := range map[attribute.Key]string{
					"messaging.destination.partition.id": strconv.Itoa(int(m.partition)), "messaging.kafka.offset": strconv.FormatInt(m.offset, 10),
					"messaging.kafka.message.key": m.key, "messaging.system": "kafka", "messaging.destination.name": topic,
				} {
					if got[name] != want {
						t.Errorf("%s is %q, want %q", name, got[name], want)
					}
				}
				if took := span.EndTime().Sub(span.StartTime()); took <= 0 || m.at.UnixMilli() != span.StartTime().UnixMilli() {
					t.Errorf("the span begins at %v and takes %v; the message is of %v", span.StartTime(), took, m.at)
				}
			}
			if len(byContext) > 0 {
				t.Errorf("%d spans are of no message", len(byContext))
			}
		})
	}
}

// A message that never got to Kafka has a span that says so, in the batch that was
// under way as in the ones that waited.
func TestSpanOfAMessageThatIsNotSent(t *testing.T) {
	_, cluster := startKafka(t, kfake.SeedTopics(1, "tiny"))
	tracer, spans := recorder(1e6)
	rows := filled(someRows(20))
	rows[15][sale.Color] = strings.Repeat("x", 2<<20) // more than a broker takes
	cfg := configFor(cluster, rows)
	cfg.Topic, cfg.Tracer = "tiny", tracer
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := newProducer(t, cfg).Run(ctx); err == nil {
		t.Fatal("the message of 2 MiB was taken")
	}
	failed := 0
	for _, span := range spans.Ended() {
		if span.Status().Code == codes.Error {
			failed++
		} else if _, sent := attributesOf(span)["messaging.kafka.offset"]; !sent {
			t.Errorf("a span has neither failed nor an offset: %v", attributesOf(span))
		}
	}
	if n := len(spans.Started()); failed == 0 || n != len(spans.Ended()) {
		t.Errorf("of %d spans %d have ended, %d of them with an error", n, len(spans.Ended()), failed)
	}
}

// Whoever reads traces learns nothing about customers and staff.
func TestSpansHoldNoPersonalData(t *testing.T) {
	_, cluster := startKafka(t)
	tracer, spans := recorder(1e6)
	rows := filled(someRows(200))
	for i := range rows {
		rows[i][sale.CustomerID], rows[i][sale.EmployeeID] = fmt.Sprintf("customer%dsecret", i), fmt.Sprintf("employee%dsecret", i)
	}
	cfg := configFor(cluster, rows)
	cfg.Tracer, cfg.DuplicateRatio, cfg.CorruptRatio = tracer, 0.3, 0.5
	s := run(t, newProducer(t, cfg))
	if s.Corrupted == 0 || s.Duplicates == 0 || int64(len(spans.Ended())) != s.Produced {
		t.Fatalf("%d spans of %+v", len(spans.Ended()), s)
	}
	for _, span := range spans.Ended() {
		if text := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status(), span.SpanContext().TraceState()); strings.Contains(text, "secret") {
			t.Errorf("a span holds personal data: %s", text)
		}
	}
}

// A batch with traces is as large as it says, so that the broker takes it.
func TestBatchCountsTheHeaders(t *testing.T) {
	tracer, _ := recorder(1e6)
	b := new(batch)
	rows := someRows(10)
	for i := range rows {
		if err := b.addRow(&rows[i], time.Now()); err != nil {
			t.Fatal(err)
		}
		b.trace(tracer, topic, 0, time.Now())
	}
	var headers int
	for _, r := range b.records {
		for _, h := range r.headers {
			headers += len(h.Key) + len(h.Value) + 4 // and their lengths
		}
	}
	if plain := len(b.text) + len(b.records)*recordOverhead; b.size() < plain+headers {
		t.Errorf("the size is %d, with %d bytes of headers", b.size(), headers)
	}
	if b.reset(); b.size() != 0 {
		t.Errorf("after a reset the size is %d", b.size())
	}
}
