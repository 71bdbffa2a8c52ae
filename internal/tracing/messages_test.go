package tracing

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// recorder returns a tracer and what it records.
func recorder(limit float64, options ...sdktrace.TracerProviderOption) (*Tracer, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	return NewTracer(sdktrace.NewTracerProvider(append(options, sdktrace.WithSpanProcessor(spans))...), limit), spans
}

// The trace that a message is sent with is the one in which it is processed, as a
// child of the sending, on the other side of Kafka.
func TestTheTraceGoesThroughTheHeaders(t *testing.T) {
	tills, sentSpans := recorder(10)
	disk, doneSpans := recorder(10)
	at := time.Now().Add(-time.Second)
	span, headers := tills.Send(context.Background(), Message{Topic: "sales", Key: "INV-1", Partition: 3, Offset: -1}, at)
	span.SetAttributes(Offset(7))
	span.End()
	list := []kafka.Header{{Key: "x", Value: []byte("y")}, {Key: "traceparent", Value: []byte("an older one")}}
	ctx, ok := disk.Receive(Replace(list, headers), time.Now())
	if !ok {
		t.Fatalf("the message with %v is not traced", headers)
	}
	ctx, process := disk.Process(ctx, Message{Topic: "sales", Key: "INV-1", Partition: 3, Offset: 7, Group: "g"}, at)
	disk.Step(ctx, "append", at, at.Add(time.Millisecond), nil, attribute.Int("n", 1))
	process.End()

	sent, done := sentSpans.Ended()[0], doneSpans.Ended()
	if sent.Name() != "send sales" || sent.SpanKind() != trace.SpanKindProducer || !sent.StartTime().Equal(at) {
		t.Errorf("sending is %s %s", sent.SpanKind(), sent.Name())
	}
	step, processed := done[0], done[1]
	if processed.Name() != "process sales" || processed.SpanKind() != trace.SpanKindConsumer || processed.Parent().SpanID() != sent.SpanContext().SpanID() ||
		!processed.Parent().IsRemote() || processed.SpanContext().TraceID() != sent.SpanContext().TraceID() {
		t.Errorf("processing is %s %s, with the parent %v of %v", processed.SpanKind(), processed.Name(), processed.Parent(), sent.SpanContext())
	}
	if step.Parent().SpanID() != processed.SpanContext().SpanID() || step.EndTime().Sub(step.StartTime()) != time.Millisecond {
		t.Errorf("the step is %v", step)
	}
}

func TestReceiveOnlySampledTraces(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
	header := func(value string) []kafka.Header { return []kafka.Header{{Key: "traceparent", Value: []byte(value)}} }
	for _, test := range []struct {
		headers []kafka.Header
		want    bool
	}{
		{nil, false},
		{header("00-" + id + "-01"), true},
		{header("00-" + id + "-00"), false},
		{header("00-" + id + "-03"), true},
		{header("01-" + id + "-01-more"), true}, // of a later version
		{header("00-" + id + "-0"), false},
		{header("00-" + strings.ToUpper(id) + "-01"), false},
		{header("00-" + strings.Repeat("0", 32) + id[32:] + "-01"), false},
		{header("zz-" + id + "-01"), false},
		{header(strings.Repeat("1", 100_000)), false},
		{header(""), false},
		{[]kafka.Header{{Key: "Traceparent", Value: []byte("00-" + id + "-01")}}, false},
		{append(header("00-"+id+"-01"), header("00-"+id+"-00")...), false}, // the last one counts
	} {
		tracer, _ := recorder(10)
		if _, got := tracer.Receive(test.headers, time.Now()); got != test.want {
			t.Errorf("%.80v: %v", test.headers, got)
		}
	}
}

// Without traces there is nothing, and asking costs nothing.
func TestNoTracer(t *testing.T) {
	var none *Tracer
	if none.Sample(time.Now()) {
		t.Error("a trace begins")
	}
	if _, ok := none.Receive([]kafka.Header{{Key: "traceparent", Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}}, time.Now()); ok {
		t.Error("a trace is gone on with")
	}
	_, span := none.Tracer().Start(context.Background(), "x")
	if span.IsRecording() {
		t.Error("a span is recorded")
	}
}

// What the environment's sampler decides against has no span and no header.
func TestSamplerOfTheEnvironment(t *testing.T) {
	unset(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	tracer, spans := recorder(10)
	if span, headers := tracer.Send(context.Background(), Message{Topic: "sales"}, time.Now()); span != nil || headers != nil {
		t.Errorf("it is sent with %v", headers)
	}
	if n := len(spans.Started()); n != 0 {
		t.Errorf("%d spans are recorded", n)
	}
}

// A line every tenth of a second is traced, each one; of a million a second no more
// are than the cap says, and they are spread.
func TestTheCapHolds(t *testing.T) {
	begins := time.Now()
	count := func(limit float64, every, for_ time.Duration) (n int) {
		l := newLimiter(limit)
		for at := time.Duration(0); at < for_; at += every {
			if l.allow(begins.Add(at)) {
				n++
			}
		}
		return n
	}
	if n := count(10, 100*time.Millisecond, time.Minute); n != 600 {
		t.Errorf("of 600 quiet lines %d are traced", n)
	}
	for _, test := range []struct {
		limit float64
		every time.Duration
		want  int
	}{
		{10, 50 * time.Microsecond, 10 + 10*20},
		{0.5, 50 * time.Microsecond, 1 + 10},
		{1000, 50 * time.Microsecond, 1000 + 1000*20},
	} {
		if n := count(test.limit, test.every, 20*time.Second); n > test.want || n < test.want*98/100-1 {
			t.Errorf("%d of the lines of 20 s are traced with a cap of %v, want %d", n, test.limit, test.want)
		}
	}
}

func TestSampleAllocatesNothing(t *testing.T) {
	tracer, _ := recorder(10)
	headers := []kafka.Header{{Key: "traceparent", Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}}
	now := time.Now()
	for tracer.Sample(now) {
	}
	if n := testing.AllocsPerRun(1000, func() { tracer.Sample(now); tracer.Receive(headers, now) }); n != 0 {
		t.Errorf("a line that is not traced takes %v allocations", n)
	}
}
