// Package e2e runs the real binary as a user would, and checks what it leaves
// behind by counting again with other means.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the tillstream under test.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "tillstream-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }() // a temporary one
		binary = filepath.Join(dir, "tillstream")
		if out, err := exec.Command("go", "build", "-o", binary, "tillstream").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building tillstream: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// outcome is how a command ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// summary is what the tests read of the JSON objects that commands print.
type summary struct {
	amounts
	Consumed, Written, Duplicates, Conflicts, Rejected int64
	DeadLetters                                        int64 `json:"dead_letters"`
	CSVRows                                            int64 `json:"csv_rows"`
	CSV, Dir                                           string
	Countries                                          map[string]amounts
	Produced                                           json.RawMessage
}

type amounts struct {
	Invoices      int64
	ItemsSold     int64  `json:"items_sold"`
	ItemsReturned int64  `json:"items_returned"`
	SalesUSD      string `json:"sales_usd"`
	RefundsUSD    string `json:"refunds_usd"`
	NetUSD        string `json:"net_usd"`
}

// produced is the producer's summary, printed by produce and within demo's.
type produced struct {
	Produced, Lines, Duplicates, Corrupted int64
	LinesPerSecond                         float64 `json:"lines_per_second"`
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("stdout is no JSON object: %v\n%s", err, text)
	}
	return v
}

// run runs the command to its end, which must come within two minutes.
func run(t *testing.T, args ...string) outcome {
	t.Helper()
	return start(t, args...).wait(t)
}

// ok is run for a command that must succeed.
func ok(t *testing.T, args ...string) outcome {
	t.Helper()
	o := run(t, args...)
	if o.code != 0 {
		t.Fatalf("tillstream %s: exit code %d\n%s", strings.Join(args, " "), o.code, o.stderr)
	}
	return o
}

// process is a command that runs.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr buffer
	ended          chan struct{}
	err            error
}

// buffer is a bytes.Buffer that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	p := &process{cmd: exec.CommandContext(ctx, binary, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer cancel()
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended by itself mostly
		<-p.ended
	})
	return p
}

func (p *process) wait(t *testing.T) outcome {
	t.Helper()
	<-p.ended
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		t.Fatal(p.err)
	}
	return outcome{p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func (p *process) eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-p.ended:
			if condition() {
				return
			}
			t.Fatalf("ended before %s\n%s%s", what, p.stdout.String(), p.stderr.String())
		case <-deadline:
			t.Fatalf("not within 30 s: %s\n%s", what, p.stderr.String())
		}
	}
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get returns the status and body of a page, 0 when nobody answers.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		return 0, ""
	}
	return response.StatusCode, body.String()
}
