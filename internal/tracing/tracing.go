// Package tracing sends traces by OTLP: one sampled sale is one trace, from the
// till through Kafka to the disk.
//
// It is set up by OpenTelemetry's own environment variables and is off unless they
// name a collector. docs/tracing.md lists them.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

const (
	// flushTime bounds how long Close waits for the collector.
	flushTime = 3 * time.Second
	// flushTimeFailing is the same when the collector has not answered before.
	flushTimeFailing = 300 * time.Millisecond
	// maxValue cuts attribute values, in runes: a message's key can be anything.
	maxValue = 256
)

// Config says what traces are to be known by.
type Config struct {
	Version string       // of the program
	Log     *slog.Logger // nil is slog.Default
	// Exporter makes what a service's spans are sent with. nil is what the
	// environment says, which may be nothing.
	Exporter func(context.Context) (sdktrace.SpanExporter, error)
}

// Tracing is a process's traces. It never fails: what is wrong with it is in the
// log, and the sales go on without.
type Tracing struct {
	cfg    Config
	outage *outage

	mu        sync.Mutex
	providers []*sdktrace.TracerProvider
}

// Start returns the process's traces, which are off where the environment names no
// collector. Nothing is sent before a service has spans.
func Start(cfg Config) *Tracing {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	t := &Tracing{cfg: cfg, outage: newOutage(cfg.Log)}
	if t.cfg.Exporter == nil {
		t.cfg.Exporter = fromEnvironment(cfg.Log)
	}
	if t.cfg.Exporter != nil {
		// What the SDK says elsewhere is the program's log too, and not without end.
		otel.SetLogger(logr.FromSlogHandler(cfg.Log.Handler()))
		seldom := &rate.Sometimes{First: 1, Interval: time.Minute}
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
			seldom.Do(func() { cfg.Log.Warn("traces are not as they should be", "error", err) })
		}))
	}
	return t
}

// Service returns a service's tracer with a cap on traces a second: fractions are
// allowed, and so is a second's worth at once. OTEL_SERVICE_NAME overrides the name.
// It is nil, which is a tracer that does nothing, where traces are off or the cap
// is 0.
func (t *Tracing) Service(ctx context.Context, name string, limit float64) *Tracer {
	if t == nil || t.cfg.Exporter == nil || !(limit > 0) {
		return nil
	}
	exporter, err := t.cfg.Exporter(ctx)
	if err != nil {
		t.cfg.Log.Warn("going on without traces; check the OTEL_EXPORTER_OTLP_ variables", "service", name, "error", err)
		return nil
	}
	limits := sdktrace.NewSpanLimits()
	if limits.AttributeValueLengthLimit < 0 && os.Getenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT") == "" {
		limits.AttributeValueLengthLimit = maxValue
	}
	// The sampler is the environment's, else all that the cap lets through and all
	// that were begun elsewhere. The batches are bounded and drop what is too much.
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(t.resource(ctx, name)),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithBatcher(&watched{SpanExporter: exporter, service: name, outage: t.outage}),
	)
	t.mu.Lock()
	t.providers = append(t.providers, provider)
	t.mu.Unlock()
	t.cfg.Log.Info("sending traces", "service", name, "at_most_a_second", limit)
	return NewTracer(provider, limit)
}

// resource says who sends the traces. The environment has the last word.
func (t *Tracing) resource(ctx context.Context, name string) *resource.Resource {
	r, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithService(), // service.instance.id
		resource.WithAttributes(semconv.ServiceName(name), semconv.ServiceVersion(t.cfg.Version)),
		resource.WithFromEnv(),
	)
	if err != nil { // r has what could be read
		t.cfg.Log.Warn("the traces' resource is not complete; check OTEL_RESOURCE_ATTRIBUTES", "error", err)
	}
	return r
}

// Close sends what is left and ends, within a bound: a collector that does not
// answer loses it.
func (t *Tracing) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := flushTime
	if t.outage.isOn() {
		limit = flushTimeFailing
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var services errgroup.Group
	for _, p := range t.providers {
		services.Go(func() error { return p.Shutdown(ctx) })
	}
	if err := services.Wait(); err != nil && !t.outage.isOn() {
		t.cfg.Log.Warn("the last traces were not sent", "waited", limit.String(), "error", err)
	}
	t.providers = nil
}

// describe names a value of the environment for the log.
func describe(name string) string {
	return fmt.Sprintf("%s=%s", name, strings.TrimSpace(os.Getenv(name)))
}
