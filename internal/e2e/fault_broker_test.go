//go:build kafka

package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"tillstream/internal/kafkatest"
)

// The broker dies and comes back under load. Producer and consumer wait, say so,
// and go on by themselves.
func TestBrokerKilledUnderLoad(t *testing.T) {
	kafka := kafkatest.Start(t)
	brokerAway(t, kafka, "killed", func() { kafka.Kill(t) }, func() { kafka.Restart(t) })
}

// The broker is stopped: its connections stay and nothing answers.
func TestBrokerStoppedUnderLoad(t *testing.T) {
	kafka := kafkatest.Start(t)
	brokerAway(t, kafka, "stopped", func() { kafka.Pause(t) }, func() { kafka.Resume(t) })
}

func brokerAway(t *testing.T, kafka *kafkatest.Broker, topic string, goes, comes func()) {
	t.Helper()
	source, out := cashierStream(t, 20_000), t.TempDir()
	kafka.CreateTopic(t, topic, 4)
	p := producing(t, kafka, topic, source, "--rate", "2000")
	c := consuming(t, kafka, topic, out)
	c.eventually(t, "lines are written", func() bool { return c.metric(t, "tillstream_written_lines_total") > 2000 })
	goes()
	for name, l := range map[string]*live{"consume": c, "produce": p} {
		l.eventually(t, name+" says that it is not ready", func() bool {
			code, why := l.ready(t)
			return code == http.StatusServiceUnavailable && (strings.Contains(why, "partition") || strings.Contains(why, "kafka") || strings.Contains(why, "Kafka"))
		})
	}
	c.eventually(t, "consume says so in its log", func() bool { return len(c.troubles("")) > 0 })
	p.eventually(t, "produce says so in its log", func() bool { return len(p.troubles("Kafka does not take messages")) > 0 })
	comes()
	c.eventually(t, "consume is ready again", func() bool { code, _ := c.ready(t); return code == http.StatusOK })
	if sent := p.finishes(t); sent.Lines != 20_000 {
		t.Errorf("%d of 20,000 lines were produced", sent.Lines)
	}
	c.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
	onceEach(t, c.leaves(t), source, out)
	if said := p.troubles("Kafka does not take messages"); len(said) != 1 {
		t.Errorf("produce has said %d times that Kafka is away, not once:\n%s", len(said), strings.Join(said, ""))
	}
	t.Logf("consume's log:\n%s", c.stderr.String())
}

// An orderly end in the middle of the load leaves nothing to be read twice: what is
// in the CSV is committed, and nothing else is.
func TestTermUnderLoad(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic = "term"
	source, out := cashierStream(t, 15_000), t.TempDir()
	kafka.CreateTopic(t, topic, 4)
	p := producing(t, kafka, topic, source, "--rate", "3000")
	for lines := range 3 {
		c := consuming(t, kafka, topic, out)
		c.eventually(t, "lines are written", func() bool { return c.metric(t, "tillstream_consumed_messages_total") > float64(500*lines) })
		got := c.leaves(t)
		if got.Consumed != got.Written || got.Duplicates != 0 {
			t.Errorf("of %d lines %d are new and %d there already: the run before has not committed them", got.Consumed, got.Written, got.Duplicates)
		}
		same(t, got, recount(t, got.CSV, true))
		sameAsCommitted(t, kafka, topic, out)
	}
	p.finishes(t)
	got := drains(t, kafka, topic, out)
	if got.Duplicates != 0 {
		t.Errorf("%d lines were read twice", got.Duplicates)
	}
	onceEach(t, got, source, out)
	sameAsCommitted(t, kafka, topic, out)
}

// sameAsCommitted reports rows that are not committed, and commits without a row,
// of a topic in which each message is a line of its own.
func sameAsCommitted(t *testing.T, kafka *kafkatest.Broker, topic, out string) {
	t.Helper()
	places := placesOf(t, kafka, topic)
	at := committed(t, kafka, topic, 4)
	written := map[int]int64{}
	for _, id := range rowsOf(t, out) {
		p := places[id]
		written[p.partition]++
		if p.offset >= at[p.partition] {
			t.Errorf("%s at offset %d of partition %d is in the CSV, but only %d is committed", id, p.offset, p.partition, at[p.partition])
		}
	}
	for partition, offset := range at {
		if written[partition] != offset {
			t.Errorf("partition %d is committed up to %d, but %d of its lines are in the CSV", partition, offset, written[partition])
		}
	}
}

// While nothing can be finished, a second signal ends it at once.
func TestSecondSignal(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic = "second"
	source, out := cashierStream(t, 10_000), t.TempDir()
	kafka.CreateTopic(t, topic, 4)
	p := producing(t, kafka, topic, source, "--rate", "2000")
	c := consuming(t, kafka, topic, out)
	c.eventually(t, "lines are written", func() bool { return c.metric(t, "tillstream_written_lines_total") > 2000 })
	kafka.Pause(t)
	c.signal(t, syscall.SIGTERM)
	const stuck = 500 * time.Millisecond // by then it has seen the signal, and is still busy leaving
	select {
	case <-c.ended:
		t.Fatalf("it has ended, although the broker does not answer\n%s", c.stderr.String())
	case <-time.After(stuck):
	}
	began := time.Now()
	c.signal(t, syscall.SIGTERM)
	if o := c.wait(t); o.code == 0 {
		t.Errorf("exit code 0 after a second signal\n%s", o.stderr)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v to end after a second signal", took)
	}
	kafka.Resume(t)
	p.finishes(t)
	onceEach(t, drains(t, kafka, topic, out), source, out)
}

// A broker that does not answer must not keep it from ending for long.
func TestTermWhileTheBrokerIsStopped(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic = "bounded"
	source, out := cashierStream(t, 10_000), t.TempDir()
	kafka.CreateTopic(t, topic, 4)
	p := producing(t, kafka, topic, source, "--rate", "2000")
	c := consuming(t, kafka, topic, out)
	c.eventually(t, "lines are written", func() bool { return c.metric(t, "tillstream_written_lines_total") > 2000 })
	kafka.Pause(t)
	const bound = 25 * time.Second // several requests, of which each has its own time limit
	began := time.Now()
	c.signal(t, syscall.SIGTERM)
	o := c.wait(t)
	took := time.Since(began)
	t.Logf("exit code %d, %v after SIGTERM\n%s", o.code, took, o.stderr)
	if took > bound {
		t.Errorf("it took %v to end, more than %v", took, bound)
	}
	if strings.Contains(o.stderr, "works again") {
		t.Errorf("it says that something works again, although the broker did not answer any more:\n%s", o.stderr)
	}
	kafka.Resume(t)
	p.finishes(t)
	onceEach(t, drains(t, kafka, topic, out), source, out)
}

// Leaving does not wait for others: not until a member that died is given up, and
// not for a rebalance of its own making.
func TestTermAfterAPeerWasKilled(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic = "peer"
	source := cashierStream(t, 6000)
	kafka.CreateTopic(t, topic, 4)
	stays, dies := consuming(t, kafka, topic, t.TempDir()), consuming(t, kafka, topic, t.TempDir())
	for _, l := range []*live{stays, dies} {
		l.eventually(t, "each has two partitions", func() bool { return len(l.partitions(t)) == 2 })
	}
	p := producing(t, kafka, topic, source, "--rate", "2000")
	stays.eventually(t, "lines are written", func() bool { return stays.metric(t, "tillstream_written_lines_total") > 500 })
	dies.signal(t, syscall.SIGKILL)
	dies.wait(t)
	const bound = 2 * time.Second
	began := time.Now()
	stays.leaves(t)
	if took := time.Since(began); took > bound {
		t.Errorf("it took %v to leave, more than %v", took, bound)
	}
	p.finishes(t)
}

// Normal operation has nothing to say: each warning is one that somebody reads.
func TestQuietUnderLoad(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic = "quiet"
	source, out := cashierStream(t, 30_000), t.TempDir()
	kafka.CreateTopic(t, topic, 4)
	c := consuming(t, kafka, topic, out)
	c.eventually(t, "it has its partitions", func() bool { return len(c.partitions(t)) == 4 })
	producing(t, kafka, topic, source, "--rate", "3000").finishes(t)
	c.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
	onceEach(t, c.leaves(t), source, out)
	if said := c.troubles(""); len(said) > 0 {
		t.Errorf("it has warned %d times, although nothing was wrong:\n%s", len(said), strings.Join(said, ""))
	}
}
