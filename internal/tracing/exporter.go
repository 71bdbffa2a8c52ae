package tracing

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The variables that decide whether and how traces are sent. All others of
// OpenTelemetry's are read by its SDK and exporters.
const (
	disabledVariable = "OTEL_SDK_DISABLED"
	exporterVariable = "OTEL_TRACES_EXPORTER"

	endpointVariable       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpointVariable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocolVariable       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocolVariable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
)

// fromEnvironment returns how to make the exporter that the environment asks for,
// or nil for none.
//
// The specification sends to localhost unless told otherwise. Here that takes
// OTEL_TRACES_EXPORTER=otlp or an endpoint: whoever has no collector is to see no
// refused connections.
func fromEnvironment(log *slog.Logger) func(context.Context) (sdktrace.SpanExporter, error) {
	if strings.EqualFold(value(disabledVariable), "true") {
		return nil
	}
	switch exporter := value(exporterVariable); exporter {
	case "none":
		return nil
	case "otlp":
	case "":
		if value(endpointVariable) == "" && value(tracesEndpointVariable) == "" {
			return nil
		}
	default:
		log.Warn("going on without traces: they can be sent by otlp only", "variable", describe(exporterVariable))
		return nil
	}
	protocolName := tracesProtocolVariable
	if value(protocolName) == "" {
		protocolName = protocolVariable
	}
	switch value(protocolName) {
	case "", "http/protobuf", "http/json": // the exporter looks which
		return overHTTP
	case "grpc":
		return overGRPC
	}
	log.Warn("going on without traces: the protocol is one of http/protobuf, http/json, grpc", "variable", describe(protocolName))
	return nil
}

func value(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// A batch that the collector does not take is not sent again: these are samples,
// and while one waited the next would be dropped, the outage told late, and the
// end held up.

func overHTTP(ctx context.Context) (sdktrace.SpanExporter, error) {
	return otlptracehttp.New(ctx, otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
}

func overGRPC(ctx context.Context) (sdktrace.SpanExporter, error) {
	return otlptracegrpc.New(ctx, otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: false}))
}
