// Package web is the HTTP side of a running engine: metrics, health, readiness
// and profiles.
package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server serves an engine's HTTP side. Its zero value is not usable; see Listen.
type Server struct {
	listener net.Listener
	mux      *http.ServeMux
}

// Listen takes the address, so that a port in use is known before any work
// begins.
func Listen(address string) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listening on %s: the port is in use; stop what uses it or choose another with --listen", address)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w; --listen takes host:port, for example localhost:2112", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n") // a client that went away is its own affair
	})
	return &Server{listener: listener, mux: mux}, nil
}

// Address is host:port as the server is reached.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Handle adds a handler for a pattern of http.ServeMux.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Metrics serves what is registered at /metrics.
func (s *Server) Metrics(g prometheus.Gatherer) {
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{EnableOpenMetrics: true}))
}

// Ready serves /readyz: 200 while ready returns nil, else 503 with the reason.
func (s *Server) Ready(ready func() error) {
	s.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n") // a client that went away is its own affair
	})
}

// Serve answers requests until ctx ends, then lets those under way finish for a
// moment.
func (s *Server) Serve(ctx context.Context) error {
	const (
		headerTimeout = 10 * time.Second
		grace         = time.Second
	)
	server := &http.Server{Handler: s.mux, ReadHeaderTimeout: headerTimeout}
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			_ = server.Close() // whoever is still reading has had the time
		}
	})
	defer stop()
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving HTTP on %s: %w", s.Address(), err)
	}
	return nil
}

// Close gives the address back without having served.
func (s *Server) Close() error { return s.listener.Close() }
