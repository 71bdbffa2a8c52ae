package command

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// healthPatience is how long an engine may take to answer.
const healthPatience = 3 * time.Second

func healthCommand() *cli.Command {
	// Made anew for each App: a flag keeps the value that it found in the environment.
	// --listen shares its variable with the engines' own, so that a container says
	// once where its HTTP side is.
	listen := &cli.StringFlag{Name: "listen", Value: "localhost:2112", Usage: "the engine's `ADDRESS`, as its own --listen has it"}
	ready := &cli.BoolFlag{Name: "ready", Usage: "ask whether sales flow (/readyz), not only whether it lives (/healthz)"}
	return &cli.Command{
		Name:  "health",
		Usage: "ask an engine on this machine how it is: the health check of containers that have no other program",
		Flags: []cli.Flag{listen, ready},
		Action: func(c *cli.Context) error {
			path := "/healthz"
			if c.Bool(ready.Name) {
				path = "/readyz"
			}
			address, err := reachable(c.String(listen.Name))
			if err != nil {
				return err
			}
			return askHealth(c.Context, "http://"+address+path, c.App.Writer)
		},
	}
}

// reachable turns an address to listen on into one to connect to: all of the
// machine's addresses are reached by its own.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "" {
		return "", usagef("--listen is %q; it is host:port, for example localhost:2112", listen)
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), nil
}

// askHealth prints what the engine answers; any answer but 200 is an error.
func askHealth(ctx context.Context, url string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	// Straight to it: a proxy that the environment names is for the outside.
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the engine: %w; does it run, and is --listen the same as its own?", err)
	}
	defer response.Body.Close()
	const enough = 4 << 10
	answer, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return fmt.Errorf("asking the engine: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s: %s", url, response.Status, strings.TrimSpace(string(answer)))
	}
	_, err = out.Write(answer)
	return err
}
