//go:build unix

// Bench measures tillstream against named peers on a real Apache Kafka, all in
// one run, and prints a table of ratios. A bare time says little on a machine that
// others use too; a ratio of medians, taken in turns, says more.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"tillstream/internal/interop"
	"tillstream/internal/kafkatest"
	"tillstream/internal/workbench"
)

const partitions = 4

func main() {
	lines := flag.Int("lines", 2_000_000, "messages")
	runs := flag.Int("runs", 5, "runs of each, in turns; the median counts")
	old := flag.Int("old-lines", 200_000, "messages for the predecessor's Python loop, which would take minutes for all")
	only := flag.String("only", "", "one part: latency, consume, produce, rate or window")
	flag.Parse()
	workbench.Main("bench", func(w *workbench.Bench) error { return run(&bench{Bench: w, lines: *lines}, *runs, *old, *only) })
}

// bench is one run's surroundings.
type bench struct {
	*workbench.Bench
	server   *kafkatest.Server
	source   string // transactions.csv
	messages string // the same as kcat -P takes it
	lines    int
	round    int
}

func run(b *bench, runs, old int, only string) (err error) {
	if _, err := exec.LookPath("kcat"); err != nil {
		return errors.New("kcat is not installed; install it with: apt-get install kcat")
	}
	workbench.Say("starting Kafka")
	if b.server, err = kafkatest.Run(b.Context, kafkatest.JavaFlags("-Xmx1g")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.Close()) }()
	data, err := b.Generate(b.lines)
	if err != nil {
		return err
	}
	b.source = filepath.Join(data, "transactions.csv")

	fmt.Printf("%d messages, %d partitions, %d runs of each in turns, %d processors, %s\n\n",
		b.lines, partitions, runs, runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	for _, part := range []struct {
		name string
		run  func() error
	}{
		// Before the races, which leave the broker gigabytes to write and to clean up.
		{"latency", b.latencies},
		{"consume", func() error { return b.consuming(runs, old) }},
		{"produce", func() error { return b.producing(runs) }},
		{"rate", b.rates},
		{"window", b.window},
	} {
		if only == "" || only == part.name {
			if err := part.run(); err != nil {
				return err
			}
		}
	}
	return nil
}

// contender is one way of doing a job.
type contender struct {
	name  string
	lines int
	once  func() error
	took  []time.Duration
}

// median is the middle of the times for a million messages.
func (c *contender) median() time.Duration {
	return time.Duration(float64(workbench.Median(c.took)) * 1e6 / float64(c.lines))
}

// race runs the contenders in turns and prints how each compares with the first.
func (b *bench) race(title string, runs int, contenders ...*contender) error {
	for b.round = range runs + 1 {
		for _, c := range contenders {
			if err := settle(); err != nil {
				return err
			}
			began := time.Now()
			if err := c.once(); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if took := time.Since(began); b.round > 0 { // the first round warms up
				c.took = append(c.took, took)
				workbench.Say("%s, run %d: %.2f s", c.name, b.round, took.Seconds())
			}
		}
	}
	fmt.Printf("| %s | median s per million | min-max | time relative to %s |\n|---|---|---|---|\n", title, contenders[0].name)
	for _, c := range contenders {
		perMillion := 1e6 / float64(c.lines)
		fmt.Printf("| %s | %.2f | %.2f-%.2f | %.2f |\n", c.name, c.median().Seconds(),
			slices.Min(c.took).Seconds()*perMillion, slices.Max(c.took).Seconds()*perMillion,
			c.median().Seconds()/contenders[0].median().Seconds())
	}
	fmt.Println()
	return nil
}

// settle lets the disk finish what the contender before has left to it.
func settle() error { return exec.Command("sync").Run() }

func (b *bench) consuming(runs, old int) error {
	const topic = "bench-consume"
	if err := b.server.CreateTopic(b.Context, topic, partitions); err != nil {
		return err
	}
	collector := newCollector()
	defer collector.Close()
	// Traced as well, so that some of the messages carry a trace to go on with.
	if err := b.watched(collector, "produce", "--topic", topic, "--source", b.source, "--rate", "0", "--stamp", "keep"); err != nil {
		return err
	}
	python, err := interop.Interpreter(b.Context)
	if err != nil {
		return err
	}
	script, err := interop.Script(interop.OldConsumer)
	if err != nil {
		return err
	}
	raw := filepath.Join(b.Dir, "raw")
	drain := func(run func(args ...string) error) func() error {
		return func() error {
			out := filepath.Join(b.Dir, "out")
			if err := os.RemoveAll(out); err != nil {
				return err
			}
			return run("consume", "--topic", topic, "--out", out, "--drain", "--group", fmt.Sprintf("bench-%d-%d", b.round, time.Now().UnixNano()))
		}
	}
	watched := func(args ...string) error { return b.watched(collector, args...) }
	err = b.race("consuming", runs,
		&contender{name: "kcat, raw dump", lines: b.lines, once: func() error {
			return b.toFile(raw, "kcat", "-b", b.server.Addr(), "-C", "-t", topic, "-o", "beginning", "-e", "-q")
		}},
		&contender{name: "tillstream consume --drain", lines: b.lines, once: drain(watched)},
		&contender{name: "the same without traces and scrapes", lines: b.lines, once: drain(b.tillstream)},
	)
	if err != nil {
		return err
	}
	workbench.Say("%d spans reached the collector, %d scrapes were answered", collector.spans.Load(), collector.scrapes.Load())
	if collector.spans.Load() == 0 || collector.scrapes.Load() == 0 {
		return errors.New("nothing was traced or nothing was scraped: the figures are not what they are called")
	}
	return b.race("consuming", min(runs, 1),
		&contender{name: "tillstream consume --drain", lines: b.lines, once: drain(watched)},
		&contender{name: "the predecessor's Python loop", lines: old, once: func() error {
			return b.command(python, script, "--brokers", b.server.Addr(), "--topic", topic,
				"--out", filepath.Join(b.Dir, "old.csv"), "--count", strconv.Itoa(old), "--timeout", "600")
		}},
	)
}

func (b *bench) producing(runs int) error {
	// What kcat and the Java tool are to send: the same messages, ready made.
	const model = "bench-messages"
	b.messages = filepath.Join(b.Dir, "messages")
	if err := b.server.CreateTopic(b.Context, model, partitions); err != nil {
		return err
	}
	if err := b.tillstream("produce", "--topic", model, "--source", b.source, "--rate", "0"); err != nil {
		return err
	}
	if err := b.toFile(b.messages, "kcat", "-b", b.server.Addr(), "-C", "-t", model, "-o", "beginning", "-e", "-q", "-f", "%k\t%s\n"); err != nil {
		return err
	}
	topics := 0
	topic := func() (string, error) {
		topics++
		name := fmt.Sprintf("bench-produce-%d", topics)
		return name, b.server.CreateTopic(b.Context, name, partitions)
	}
	return b.race("producing, acks from all", runs,
		&contender{name: "kcat -P", lines: b.lines, once: func() error {
			t, err := topic()
			if err != nil {
				return err
			}
			return b.command("kcat", "-b", b.server.Addr(), "-P", "-t", t, "-K", "\t", "-X", "acks=all", "-l", b.messages)
		}},
		&contender{name: "kafka-producer-perf-test", lines: b.lines, once: func() error {
			t, err := topic()
			if err != nil {
				return err
			}
			tool, err := kafkatest.Tool(b.Context, "org.apache.kafka.tools.ProducerPerformance", "--topic", t, "--num-records", strconv.Itoa(b.lines),
				"--throughput", "-1", "--payload-file", b.messages, "--producer-props", "bootstrap.servers="+b.server.Addr(), "acks=all")
			if err != nil {
				return err
			}
			_, err = workbench.Finish(tool)
			return err
		}},
		&contender{name: "tillstream produce --rate 0", lines: b.lines, once: func() error {
			t, err := topic()
			if err != nil {
				return err
			}
			return b.tillstream("produce", "--topic", t, "--source", b.source, "--rate", "0")
		}},
	)
}

func (b *bench) tillstream(args ...string) error {
	return b.command(b.Binary, append(args, "--brokers", b.server.Addr(), "--listen", "localhost:0")...)
}

// background starts a tillstream that runs beside the measuring.
func (b *bench) background(args ...string) (*workbench.Process, error) {
	return b.Start(append(args, "--brokers", b.server.Addr())...)
}

func (b *bench) command(name string, args ...string) error {
	_, err := b.Run(name, args...)
	return err
}

func (b *bench) toFile(path, name string, args ...string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	cmd := exec.CommandContext(b.Context, name, args...)
	cmd.Stdout = f
	_, err = workbench.Finish(cmd)
	return err
}
