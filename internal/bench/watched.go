//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	trace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"tillstream/internal/workbench"
)

// scrapeEvery is several times as often as prometheus/prometheus.yml asks.
const scrapeEvery = time.Second

// collector takes traces by OTLP and drops them, so that a bench measures what they
// cost their sender, and counts the scrapes beside them.
type collector struct {
	*httptest.Server
	spans, scrapes atomic.Int64
}

func newCollector() *collector {
	c := new(collector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent trace.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, resource := range sent.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans.Add(int64(len(scope.GetSpans())))
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	return c
}

// watched runs tillstream as it runs in production: its traces are sent and its
// metrics are scraped.
func (b *bench) watched(c *collector, args ...string) error {
	address, err := workbench.FreeAddress()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(b.Context)
	scraping := make(chan struct{})
	go func() {
		defer close(scraping)
		c.scrape(ctx, "http://"+address+"/metrics")
	}()
	cmd := exec.CommandContext(b.Context, b.Binary, append(args, "--brokers", b.server.Addr(), "--listen", address)...)
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	_, err = workbench.Finish(cmd)
	stop()
	<-scraping
	return err
}

func (c *collector) scrape(ctx context.Context, url string) {
	for tick := time.NewTicker(scrapeEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			continue
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue // it does not listen yet, or no more
		}
		if _, err := io.Copy(io.Discard, response.Body); errors.Join(err, response.Body.Close()) == nil {
			c.scrapes.Add(1)
		}
	}
}
