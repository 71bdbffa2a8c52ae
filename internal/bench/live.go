//go:build unix

package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"tillstream/internal/workbench"
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
		fmt.Printf("| %d | %.1f ms | %.1f ms | %.0f |\n", rate, 1e3*workbench.Quantile(counts, 0.5), 1e3*workbench.Quantile(counts, 0.99), counts[math.Inf(1)])
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
	if err := b.server.CreateTopic(b.Context, topic, partitions); err != nil {
		return nil, err
	}
	consumer, err := b.background("consume", "--topic", topic, "--group", topic, "--out", filepath.Join(b.Dir, topic))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, consumer.Stop()) }()
	producer, err := b.background("produce", "--topic", topic, "--source", b.source, "--loop", "--rate", strconv.Itoa(rate))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, producer.Stop()) }()
	workbench.Pause(2 * time.Second) // past the first connections
	before, err := consumer.Histogram("tillstream_line_latency_seconds")
	if err != nil {
		return nil, err
	}
	workbench.Pause(over)
	counts, err = consumer.Histogram("tillstream_line_latency_seconds")
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
		if err := b.server.CreateTopic(b.Context, topic, partitions); err != nil {
			return err
		}
		producer, err := b.background("produce", "--topic", topic, "--source", b.source, "--loop", "--rate", strconv.FormatFloat(rate, 'g', -1, 64))
		if err != nil {
			return err
		}
		got, err := rateOf(producer, rate)
		if err := errors.Join(err, producer.Stop()); err != nil {
			return err
		}
		fmt.Printf("| %g | %.4g | %.2f %% |\n", rate, got, 100*math.Abs(got-rate)/rate)
	}
	fmt.Println()
	return nil
}

// rateOf is the messages a second over the measured time: from one acknowledgement
// to another, so that it is right for one line every two seconds too.
func rateOf(p *workbench.Process, target float64) (float64, error) {
	workbench.Pause(2 * time.Second)
	firstCount, firstAt, err := change(p)
	if err != nil {
		return 0, err
	}
	workbench.Pause(measured - time.Duration(float64(time.Second)/(2*target)))
	lastCount, lastAt, err := change(p)
	if err != nil {
		return 0, err
	}
	return (lastCount - firstCount) / lastAt.Sub(firstAt).Seconds(), nil
}

// change waits until the count of messages changes and returns it with the time.
func change(p *workbench.Process) (float64, time.Time, error) {
	const name = "tillstream_produced_messages_total"
	was, err := p.Counter(name)
	if err != nil {
		return 0, time.Time{}, err
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); workbench.Pause(time.Millisecond) {
		is, err := p.Counter(name)
		if err != nil {
			return 0, time.Time{}, err
		}
		if is != was {
			return is, time.Now(), nil
		}
	}
	return 0, time.Time{}, errors.New("no message was acknowledged within 10 s")
}
