//go:build unix

package workbench

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Process is a tillstream that runs beside the measuring.
type Process struct {
	cmd     *exec.Cmd
	address string
}

// FreeAddress is one to listen on.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Start starts a command of tillstream that listens, and waits until it is ready.
func (b *Bench) Start(args ...string) (*Process, error) {
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	p := &Process{address: address, cmd: exec.CommandContext(b.Context, b.Binary, append(args, "--listen", address)...)}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); Pause(20 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			continue
		}
		if err := response.Body.Close(); err != nil {
			return nil, errors.Join(err, p.Stop())
		}
		if response.StatusCode == http.StatusOK {
			return p, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("tillstream %s is not ready within 30 s", args[0]), p.Stop())
}

// Stop ends it in good order.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// Wait waits until it ends by itself.
func (p *Process) Wait() error { return p.cmd.Wait() }

func (p *Process) metrics() (string, error) {
	response, err := http.Get("http://" + p.address + "/metrics")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// Counter returns a metric without labels.
func (p *Process) Counter(name string) (float64, error) {
	body, err := p.metrics()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// Histogram returns a histogram's cumulative counts by upper bound.
func (p *Process) Histogram(name string) (map[float64]float64, error) {
	body, err := p.metrics()
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	counts := make(map[float64]float64)
	for _, m := range families[name].GetMetric() {
		counts[math.Inf(1)] = float64(m.GetHistogram().GetSampleCount())
		for _, bucket := range m.GetHistogram().GetBucket() {
			counts[bucket.GetUpperBound()] = float64(bucket.GetCumulativeCount())
		}
	}
	return counts, nil
}

// Pause lets what runs beside go on.
func Pause(d time.Duration) { time.Sleep(d) }
