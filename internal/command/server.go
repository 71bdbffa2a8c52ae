package command

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"tillstream/consumer"
	"tillstream/internal/web"
	"tillstream/producer"
)

// server is a command's HTTP side, or none.
type server struct{ web *web.Server }

// serverOf takes the address that --listen names.
func serverOf(c *cli.Context, registry *prometheus.Registry, ready func() error) (*server, error) {
	address := c.String("listen")
	if address == "" {
		return &server{}, nil
	}
	w, err := web.Listen(address)
	if err != nil {
		return nil, err
	}
	w.Metrics(registry)
	w.Ready(ready)
	return &server{w}, nil
}

func (s *server) handle(pattern string, h http.Handler) {
	if s.web != nil {
		s.web.Handle(pattern, h)
	}
}

func (s *server) handleRate(p *producer.Producer) { s.handle("/rate", p.RateHandler()) }

func (s *server) handleLatest(c *consumer.Consumer) {
	s.handle("GET /transactions/latest", http.HandlerFunc(c.ServeLatest))
}

// address is where it listens, empty for nowhere.
func (s *server) address() string {
	if s.web == nil {
		return ""
	}
	return s.web.Address()
}

// during serves as long as work runs.
func (s *server) during(ctx context.Context, work func(context.Context) error) error {
	if s.web == nil {
		return work(ctx)
	}
	// Not ctx itself: who asks for /readyz while the work winds up gets an answer.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	tasks, working := errgroup.WithContext(ctx)
	tasks.Go(func() error { return s.web.Serve(serving) })
	tasks.Go(func() error {
		defer stop()
		return work(working)
	})
	return tasks.Wait()
}

func (s *server) close() error {
	if s.web == nil {
		return nil
	}
	return s.web.Close()
}

// newRegistry returns a registry that knows the process, the runtime and the
// build.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(),
	)
	return r
}

// writeMetrics leaves the metrics as they are now in a file, in Prometheus' text
// format.
func writeMetrics(path string, registry *prometheus.Registry) error {
	return prometheus.WriteToTextfile(path, registry)
}
