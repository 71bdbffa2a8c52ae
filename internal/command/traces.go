package command

import (
	"log/slog"
	"math"

	"github.com/urfave/cli/v2"

	"tillstream/etl"
	"tillstream/internal/tracing"
)

// The services that traces are of, unless OTEL_SERVICE_NAME says otherwise.
const (
	producerService = "tillstream-producer"
	consumerService = "tillstream-consumer"
	etlService      = "tillstream-etl"
)

const (
	// tracesBegun is how many traces a second a producer begins at most.
	tracesBegun = 10
	// tracesTaken is how many a consumer goes on with: those of several producers.
	tracesTaken = 10 * tracesBegun
)

// traceLimitFlag is each engine's own: who begins traces decides how many there
// are, who goes on with them only has to bear it.
func traceLimitFlag(limit float64) *cli.Float64Flag {
	return &cli.Float64Flag{Name: "trace-limit", Value: limit,
		Usage: "at most so many traces a second, fractions allowed; 0 is none. They are sent where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere without it"}
}

// traceLimit returns what --trace-limit says.
func traceLimit(c *cli.Context) (float64, error) {
	limit := c.Float64("trace-limit")
	if math.IsNaN(limit) || math.IsInf(limit, 0) || limit < 0 {
		return 0, usagef("--trace-limit is %v; it is a number a second from 0, for example 10 or 0.5", limit)
	}
	return limit, nil
}

// startTraces returns the process's traces. Close sends the last of them; it comes
// after the summary, which does not have to wait for it.
func startTraces(log *slog.Logger) *tracing.Tracing {
	return tracing.Start(tracing.Config{Version: thisBuild().version, Log: log})
}

// traceEtl lets a step of the etl send its spans. It returns what sends the last of
// them. A process has one trace, or one for each batch of live: no limit is needed.
func traceEtl(c *cli.Context, cfg *etl.Config) (flush func()) {
	traces := startTraces(cfg.Log)
	cfg.Tracer = traces.Service(c.Context, etlService, tracesBegun).Tracer()
	return traces.Close
}
