//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// measured is for how long a steady state is watched.
	measured = 20 * time.Second
	// warmUp is for how long a load lasts before its latency says something of it
	// and not of the broker's Java, which compiles what it does often while it runs.
	warmUp = time.Minute
)

// latencies shows how long a line takes from its Kafka timestamp until it is on
// disk, as the consumer's own histogram says, at a busy and at a quiet till.
func (b *bench) latencies() error {
	const busy, quiet = 5000, 10
	if _, err := b.latency("bench-latency-warm-up", busy, warmUp); err != nil {
		return err
	}
	fmt.Print("| lines a second | p50 | p99 | lines |\n|---|---|---|---|\n")
	for _, rate := range []int{busy, quiet} {
		counts, err := b.latency(fmt.Sprintf("bench-latency-%d", rate), rate, measured)
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.1f ms | %.1f ms | %.0f |\n", rate, 1e3*quantile(counts, 0.5), 1e3*quantile(counts, 0.99), counts[math.Inf(1)])
	}
	fmt.Println()
	return nil
}

// latency returns the histogram of the latencies at a rate over a time.
func (b *bench) latency(topic string, rate int, over time.Duration) (counts map[float64]float64, err error) {
	// What was generated and produced before is still on its way to the disk, for
	// half a minute and more, and each sync of the CSV would wait for that.
	if err := settle(); err != nil {
		return nil, err
	}
	if err := b.server.CreateTopic(b.ctx, topic, partitions); err != nil {
		return nil, err
	}
	consumer, err := b.background("consume", "--topic", topic, "--group", topic, "--out", filepath.Join(b.dir, topic))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, consumer.stop()) }()
	producer, err := b.background("produce", "--topic", topic, "--source", b.source, "--loop", "--rate", strconv.Itoa(rate))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, producer.stop()) }()
	pause(2 * time.Second) // past the first connections
	before, err := consumer.histogram("tillstream_line_latency_seconds")
	if err != nil {
		return nil, err
	}
	pause(over)
	counts, err = consumer.histogram("tillstream_line_latency_seconds")
	if err != nil {
		return nil, err
	}
	for bound := range counts {
		counts[bound] -= before[bound]
	}
	return counts, nil
}

// rates shows how closely --rate is kept, counted by what Kafka acknowledged.
func (b *bench) rates() error {
	fmt.Print("| --rate | measured | off by |\n|---|---|---|\n")
	for _, rate := range []float64{0.5, 5, 50, 500, 5000, 50_000} {
		topic := fmt.Sprintf("bench-rate-%g", rate)
		if err := b.server.CreateTopic(b.ctx, topic, partitions); err != nil {
			return err
		}
		producer, err := b.background("produce", "--topic", topic, "--source", b.source, "--loop", "--rate", strconv.FormatFloat(rate, 'g', -1, 64))
		if err != nil {
			return err
		}
		got, err := producer.rate(rate)
		if err := errors.Join(err, producer.stop()); err != nil {
			return err
		}
		fmt.Printf("| %g | %.4g | %.2f %% |\n", rate, got, 100*math.Abs(got-rate)/rate)
	}
	fmt.Println()
	return nil
}

// rate is the messages a second over the measured time: from one acknowledgement
// to another, so that it is right for one line every two seconds too.
func (p *background) rate(target float64) (float64, error) {
	pause(2 * time.Second)
	firstCount, firstAt, err := p.change()
	if err != nil {
		return 0, err
	}
	pause(measured - time.Duration(float64(time.Second)/(2*target)))
	lastCount, lastAt, err := p.change()
	if err != nil {
		return 0, err
	}
	return (lastCount - firstCount) / lastAt.Sub(firstAt).Seconds(), nil
}

// change waits until the count of messages changes and returns it with the time.
func (p *background) change() (float64, time.Time, error) {
	const name = "tillstream_produced_messages_total"
	was, err := p.counter(name)
	if err != nil {
		return 0, time.Time{}, err
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); pause(time.Millisecond) {
		is, err := p.counter(name)
		if err != nil {
			return 0, time.Time{}, err
		}
		if is != was {
			return is, time.Now(), nil
		}
	}
	return 0, time.Time{}, errors.New("no message was acknowledged within 10 s")
}

// pause lets the steady state go on.
func pause(d time.Duration) { time.Sleep(d) }

// background is a tillstream that runs beside the measuring.
type background struct {
	cmd     *exec.Cmd
	address string
}

// freeAddress is one to listen on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (b *bench) background(args ...string) (*background, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p := &background{address: address, cmd: exec.CommandContext(b.ctx, b.binary, append(args, "--brokers", b.server.Addr(), "--listen", address)...)}
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); pause(20 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			continue
		}
		if err := response.Body.Close(); err != nil {
			return nil, errors.Join(err, p.stop())
		}
		if response.StatusCode == http.StatusOK {
			return p, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("tillstream %s is not ready within 30 s", args[0]), p.stop())
}

func (p *background) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

func (p *background) metrics() (string, error) {
	response, err := http.Get("http://" + p.address + "/metrics")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func (p *background) counter(name string) (float64, error) {
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

// histogram returns a histogram's cumulative counts by upper bound.
func (p *background) histogram(name string) (map[float64]float64, error) {
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

// quantile interpolates in the bucket that holds it, as PromQL's
// histogram_quantile does.
func quantile(cumulative map[float64]float64, q float64) float64 {
	rank := q * cumulative[math.Inf(1)]
	lower, below, upper := 0.0, 0.0, math.Inf(1)
	for bound, count := range cumulative {
		if count >= rank && bound < upper {
			upper = bound
		}
	}
	for bound, count := range cumulative {
		if bound < upper && bound > lower {
			lower, below = bound, count
		}
	}
	if math.IsInf(upper, 1) {
		return lower
	}
	return lower + (upper-lower)*(rank-below)/(cumulative[upper]-below)
}
