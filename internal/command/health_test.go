package command

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tillstream/internal/web"
)

// health runs `tillstream health`.
func health(t *testing.T, arguments ...string) (out string, err error) {
	t.Helper()
	var written bytes.Buffer
	app := App()
	app.Writer, app.ErrWriter = &written, &written
	err = app.RunContext(t.Context(), append([]string{"tillstream", "health"}, arguments...))
	return written.String(), err
}

func TestHealth(t *testing.T) {
	var trouble error
	server, err := web.Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Metrics(prometheus.NewRegistry())
	server.Ready(func() error { return trouble })
	done := make(chan error, 1)
	go func() { done <- server.Serve(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(server.Address())
	if err != nil {
		t.Fatal(err)
	}

	// As a container says it: all addresses.
	t.Setenv("TILLSTREAM_LISTEN", ":"+port)
	for path, want := range map[string]string{"": "ok\n", "--ready": "ready\n"} {
		arguments := strings.Fields(path)
		if out, err := health(t, arguments...); err != nil || out != want {
			t.Errorf("health %s: %q, %v", path, out, err)
		}
	}
	trouble = errors.New("no space left on device")
	if out, err := health(t); err != nil || out != "ok\n" {
		t.Errorf("in trouble it lives all the same: %q, %v", out, err)
	}
	if _, err := health(t, "--ready"); err == nil || !strings.Contains(err.Error(), "no space left") || ExitCode(err) != ExitFailed {
		t.Errorf("not ready: %v", err)
	}
}

func TestHealthOfNobody(t *testing.T) {
	server, err := web.Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	address := server.Address()
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := health(t, "--listen", address); err == nil || !strings.Contains(err.Error(), "does it run") || ExitCode(err) != ExitFailed {
		t.Errorf("nobody listens: %v", err)
	}
	for _, wrong := range []string{"", "2112", "localhost:"} {
		if _, err := health(t, "--listen", wrong); ExitCode(err) != ExitUsage {
			t.Errorf("--listen %q: %v", wrong, err)
		}
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		":2112": "localhost:2112", "0.0.0.0:1": "localhost:1", "[::]:1": "localhost:1",
		"127.0.0.1:1": "127.0.0.1:1", "[::1]:1": "[::1]:1", "consumer:2113": "consumer:2113",
	} {
		if got, err := reachable(listen); err != nil || got != want {
			t.Errorf("reachable(%q) = %q, %v; want %q", listen, got, err, want)
		}
	}
}
