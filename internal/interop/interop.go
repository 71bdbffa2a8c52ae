//go:build unix

// Package interop holds the predecessor's clients and an independent recount of
// the live CSV, as Python scripts, for tests against them. It needs Python 3 and
// fails rather than skips without it; tests that use it carry the build tag
// kafka, so that plain `go test` needs no Python.
package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tillstream/internal/kafkatest/toolcache"
)

//go:embed requirements.txt
var requirements []byte

// The scripts by their names, for Command.
const (
	OldProducer = "old_producer.py"
	OldConsumer = "old_consumer.py"
)

const install = "install it with: apt-get install python3-venv" +
	" (only what runs against a real Kafka needs it; `make test` does not)"

// Python returns the path of a Python that has the predecessor's libraries. The
// first call on a machine has pip fetch them into build/venv under the module's
// root.
func Python(t testing.TB) string {
	t.Helper()
	python, err := venv(t.Context())
	if err != nil {
		t.Fatalf("interop: %v", err)
	}
	return python
}

// Interpreter is Python without a test around it.
func Interpreter(ctx context.Context) (string, error) { return venv(ctx) }

// Script returns the path of OldProducer or OldConsumer.
func Script(name string) (string, error) { return scriptPath(name) }

func venv(ctx context.Context) (string, error) {
	python, err := findPython()
	if err != nil {
		return "", err
	}
	root, err := toolcache.ModuleRoot()
	if err != nil {
		return "", err
	}
	// A virtual environment refers to the Python that made it.
	version, err := exec.CommandContext(ctx, python, "-c", "import sys; print(sys.executable, sys.version)").Output()
	if err != nil {
		return "", fmt.Errorf("running %s: %w; %s", python, err, install)
	}
	sum := sha256.Sum256(append(version, requirements...))
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	dir, err := toolcache.Make(ctx, filepath.Join(root, "build", "venv"), "py-"+hex.EncodeToString(sum[:6]),
		func(ctx context.Context, tmp string) error { return makeVenv(ctx, python, tmp) })
	if err != nil {
		return "", err
	}
	return venvPython(dir), nil
}

// makeVenv fills a directory that is renamed afterwards: its Python finds the
// environment beside itself, but the scripts in bin, pip among them, name the old
// place. Hence `python -m pip`.
func makeVenv(ctx context.Context, python, dir string) error {
	if out, err := exec.CommandContext(ctx, python, "-m", "venv", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("making a virtual environment: %w\n%s\nIf python3-venv is missing, %s", err, out, install)
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, requirements, 0o600); err != nil {
		return fmt.Errorf("making a virtual environment: %w", err)
	}
	pip := exec.CommandContext(ctx, venvPython(dir), "-m", "pip", "install", "-q", "-r", list)
	if out, err := pip.CombinedOutput(); err != nil {
		return fmt.Errorf("fetching kafka-python with pip: %w\n%s\nIt needs Python's registry once; is there a network, and a proxy's settings?", err, out)
	}
	return nil
}

func venvPython(dir string) string { return filepath.Join(dir, "bin", "python") }

func findPython() (string, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return "", errors.New("looking for the predecessor's language: python3 is not installed; " + install)
	}
	return python, nil
}

// Command prepares one of the predecessor's clients, OldProducer or OldConsumer.
// It is killed when the test ends.
func Command(t testing.TB, script string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := scriptPath(script)
	if err != nil {
		t.Fatalf("interop: %v", err)
	}
	return exec.CommandContext(t.Context(), Python(t), append([]string{path}, args...)...)
}

func scriptPath(script string) (string, error) {
	root, err := toolcache.ModuleRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "internal", "interop", script), nil
}

// Sums are what a recount found. The amounts are US dollars, as decimals with two
// digits.
type Sums struct {
	Rows          int    `json:"rows"`
	Returns       int    `json:"returns"` // rows that are returns
	ItemsSold     int    `json:"items_sold"`
	ItemsReturned int    `json:"items_returned"`
	SalesUSD      string `json:"sales_usd"`
	RefundsUSD    string `json:"refunds_usd"`
	NetUSD        string `json:"net_usd"`
	NetMicroUSD   int64  `json:"net_micro_usd"` // of all lines, each rounded once
}

// Recounted is the result of recount.py.
type Recounted struct {
	Sums
	Invoices  int             `json:"invoices"`
	Repeats   int             `json:"repeats"`   // lines that an earlier file held already
	Countries map[string]Sums `json:"countries"` // by ISO 3166 code
	Months    map[string]Sums `json:"months"`    // by country and month, "DE 2023-01", with the option "--months"
}

// Recount counts what the live CSVs hold, with Python and none of this project's
// code. An error says which row is torn, malformed or there twice. Options of
// recount.py may stand before the files: "--source", "--months",
// "--repeats-across-files".
func Recount(ctx context.Context, files ...string) (*Recounted, error) {
	python, err := findPython() // its standard library is enough
	if err != nil {
		return nil, err
	}
	path, err := scriptPath("recount.py")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, python, append([]string{path}, files...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("recounting: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var r Recounted
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, fmt.Errorf("recounting: %w in %q", err, out)
	}
	return &r, nil
}
