package producer

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"tillstream/internal/tracing"
)

// sending is the span of a message in a batch, from when it was handed over until
// Kafka has acknowledged it.
type sending struct {
	record int // which of the batch's
	span   trace.Span
}

// trace begins a trace with the message that was added last. The tracer has agreed
// to it.
func (b *batch) trace(tracer *tracing.Tracer, topic string, partition int, at time.Time) {
	last := len(b.records) - 1
	span, headers := tracer.Send(context.Background(), tracing.Message{
		Topic: topic, Key: b.key(last), Partition: partition, Offset: -1,
	}, at)
	if span == nil {
		return
	}
	b.records[last].headers = headers
	b.spans = append(b.spans, sending{last, span})
}

// acknowledged ends the spans of the records from one to before another, which
// Kafka has taken at so many attempts and whose first has the offset.
func (b *batch) acknowledged(from, to int, offset int64, attempts int) {
	for _, s := range b.spans {
		if s.record < from || s.record >= to {
			continue
		}
		s.span.SetAttributes(tracing.Offset(offset + int64(s.record-from)))
		if attempts > 1 {
			s.span.SetAttributes(attribute.Int("tillstream.attempts", attempts))
		}
		s.span.End()
	}
}

// abandoned ends the spans of records that Kafka has not taken. Those that have
// ended stay as they are.
func (b *batch) abandoned(err error) {
	for _, s := range b.spans {
		tracing.Fail(s.span, err)
		s.span.End()
	}
}
