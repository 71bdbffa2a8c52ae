package tracing

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracer makes the spans of messages on their way through Kafka, named and
// described as OpenTelemetry's conventions for messaging say. nil does nothing. It
// is safe for concurrent use.
type Tracer struct {
	tracer  trace.Tracer
	limiter *limiter
}

// NewTracer returns a tracer on a provider, with a cap on traces a second that must
// be above 0.
func NewTracer(provider trace.TracerProvider, limit float64) *Tracer {
	return &Tracer{
		tracer:  provider.Tracer("tillstream", trace.WithSchemaURL(semconv.SchemaURL)),
		limiter: newLimiter(limit),
	}
}

// Message is what a span tells of a message. No value of a line is among it but
// the key, which is the invoice's number.
type Message struct {
	Topic     string
	Key       string
	Partition int   // below 0 for unknown
	Offset    int64 // below 0 for unknown
	Group     string
}

func (m Message) attributes() []attribute.KeyValue {
	list := []attribute.KeyValue{
		semconv.MessagingSystemKafka,
		semconv.MessagingDestinationName(m.Topic),
		// OTLP takes no text that is not UTF-8, and loses a batch over it.
		semconv.MessagingKafkaMessageKey(strings.ToValidUTF8(m.Key, "\uFFFD")),
	}
	if m.Partition >= 0 {
		list = append(list, semconv.MessagingDestinationPartitionID(strconv.Itoa(m.Partition)))
	}
	if m.Offset >= 0 {
		list = append(list, Offset(m.Offset))
	}
	if m.Group != "" {
		list = append(list, semconv.MessagingConsumerGroupName(m.Group))
	}
	return list
}

// Offset is the attribute of a message's offset.
func Offset(offset int64) attribute.KeyValue {
	return semconv.MessagingKafkaOffsetKey.Int64(offset)
}

// Sample reports whether a trace may begin with a message that is to be sent. It is
// cheap enough to be asked for each one, and must say yes before Send is called.
func (t *Tracer) Sample(now time.Time) bool { return t != nil && t.limiter.allow(now) }

// Send begins the span of sending a message, in the trace of ctx or else a new one.
// The message is to carry the headers, which replace those of the same names.
// Without headers the sampler of the environment has decided against the trace, and
// the span is nil.
func (t *Tracer) Send(ctx context.Context, m Message, at time.Time) (trace.Span, []kafka.Header) {
	ctx, span := t.tracer.Start(ctx, "send "+m.Topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(at),
		trace.WithAttributes(append(m.attributes(), semconv.MessagingOperationName("send"), semconv.MessagingOperationTypeSend)...))
	if !span.SpanContext().IsSampled() {
		return nil, nil
	}
	var carrier headers
	w3c.Inject(ctx, &carrier)
	return span, carrier
}

// Receive reports whether a message that was received belongs to a trace that is to
// be gone on with, and returns that trace. Messages without a sampled trace have
// none; and since others may trace all they send, the cap counts here too.
func (t *Tracer) Receive(list []kafka.Header, now time.Time) (context.Context, bool) {
	if t == nil {
		return nil, false
	}
	if !isSampled(headers(list).find(traceparent)) || !t.limiter.allow(now) {
		return nil, false
	}
	carrier := headers(list)
	ctx := w3c.Extract(context.Background(), &carrier)
	return ctx, trace.SpanContextFromContext(ctx).IsSampled()
}

// Process begins the span of what is done about a message from its reception on. It
// is nil where the sampler of the environment decides against it.
func (t *Tracer) Process(ctx context.Context, m Message, received time.Time) (context.Context, trace.Span) {
	ctx, span := t.tracer.Start(ctx, "process "+m.Topic, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(received),
		trace.WithAttributes(append(m.attributes(), semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess)...))
	if !span.SpanContext().IsSampled() {
		return ctx, nil
	}
	return ctx, span
}

// Step adds a span for something that has been done, or that err kept from being
// done, in the trace of ctx.
func (t *Tracer) Step(ctx context.Context, name string, from, to time.Time, err error, attributes ...attribute.KeyValue) {
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(from), trace.WithAttributes(attributes...))
	if err != nil {
		Fail(span, err)
	}
	span.End(trace.WithTimestamp(to))
}

// Fail says in a span that has not ended what went wrong.
func Fail(span trace.Span, err error) {
	span.SetStatus(codes.Error, strings.ToValidUTF8(err.Error(), "\uFFFD"))
}

// Tracer returns the plain OpenTelemetry tracer, for spans that are of no message.
func (t *Tracer) Tracer() trace.Tracer {
	if t == nil {
		return noop.NewTracerProvider().Tracer("")
	}
	return t.tracer
}
