package etl

import (
	"context"
	"errors"

	otel "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

var noTracer = noop.NewTracerProvider().Tracer("")

// traceRun begins the span of a whole run. A run of live has none: it lasts for
// days, and each of its batches is a trace of its own.
func (r *run) traceRun(ctx context.Context) context.Context {
	if r.step == stepLive {
		r.whole = trace.SpanFromContext(ctx)
		return ctx
	}
	ctx, r.whole = r.cfg.Tracer.Start(ctx, "etl "+r.step)
	return ctx
}

// span runs a part of a run in a span of its own.
func (r *run) span(ctx context.Context, name string, part func(context.Context) error) error {
	ctx, span := r.cfg.Tracer.Start(ctx, name)
	defer span.End()
	err := part(ctx)
	failSpan(span, err)
	return err
}

// failSpan says in a span that it has failed, but not why: an error can quote what
// a customer's row says. dw.etl_run and the log have it.
func failSpan(span trace.Span, err error) {
	switch {
	case errors.Is(err, context.Canceled):
		span.SetStatus(codes.Error, "it was told to stop")
	case err != nil:
		span.SetStatus(codes.Error, "it failed")
	}
}

// counted are a span's attributes for what it has done with rows.
func counted(read, inserted, updated, rejected int64) []otel.KeyValue {
	return []otel.KeyValue{otel.Int64("tillstream.rows_read", read), otel.Int64("tillstream.rows_inserted", inserted),
		otel.Int64("tillstream.rows_updated", updated), otel.Int64("tillstream.rows_rejected", rejected)}
}
