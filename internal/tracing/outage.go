package tracing

import (
	"context"
	"log/slog"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// outage is whether the collector takes no spans. The log tells once when it
// begins and once when it is over, however many services feel it.
type outage struct {
	log *slog.Logger

	mu      sync.Mutex
	failing map[string]bool // services whose last batch was lost
	lost    int             // spans, since the outage began
}

func newOutage(log *slog.Logger) *outage { return &outage{log: log, failing: make(map[string]bool)} }

func (o *outage) failed(service string, spans int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.failing) == 0 {
		o.lost = 0
		o.log.Warn("the trace collector takes nothing; sales go on, traces are lost until it does", "service", service, "error", err)
	}
	o.failing[service] = true
	o.lost += spans
}

func (o *outage) succeeded(service string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.failing[service] {
		return
	}
	if delete(o.failing, service); len(o.failing) == 0 {
		o.log.Info("the trace collector takes traces again", "service", service, "spans_lost", o.lost)
	}
}

func (o *outage) isOn() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.failing) > 0
}

// watched is an exporter whose failures are the outage's to tell.
type watched struct {
	sdktrace.SpanExporter
	service string
	outage  *outage
}

// ExportSpans never returns an error: it would be logged for each batch.
func (w *watched) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := w.SpanExporter.ExportSpans(ctx, spans); err != nil {
		w.outage.failed(w.service, len(spans), err)
		return nil
	}
	w.outage.succeeded(w.service)
	return nil
}
