package consumer

import (
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tillstream/internal/faultfs"
)

func notReadyFor(c *running, component string) func() bool {
	return func() bool {
		err := c.Ready()
		return err != nil && strings.Contains(err.Error(), component)
	}
}

func ready(c *running) func() bool { return func() bool { return c.Ready() == nil } }

// A disk that is full for a while: wait, say so, and go on where it stopped.
func TestDiskFull(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.Write, faultfs.Sync} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			kafka := startKafka(t, 2)
			rows := saleRows(0, 600)
			kafka.send(t, recordsOf(t, rows[:300], 2)...)
			cfg := configFor(t, kafka)
			log, fs := new(logBuffer), faultfs.New()
			cfg.Log, cfg.FS = log.logger(), fs
			c := start(t, cfg)
			eventually(t, "the first lines are settled", func() bool { return c.Summary().Consumed == 300 && c.Ready() == nil })
			eventually(t, "they are committed", func() bool { return maps.Equal(kafka.committed(t, 2), kafka.ends(topic)) })
			committed := kafka.committed(t, 2)

			before := fs.Count(op)
			fs.Add(faultfs.Fault{Op: op, Short: 200, Err: syscall.ENOSPC})
			kafka.send(t, recordsOf(t, rows[300:], 2)...)
			eventually(t, "it is not ready", notReadyFor(c, "csv: "))
			eventually(t, "it has tried several times", func() bool { return fs.Count(op) >= before+3 })
			if err := c.Ready(); !strings.Contains(err.Error(), "no space left on device") || !strings.Contains(err.Error(), c.CSV()) {
				t.Errorf("Ready says %v", err)
			}
			mustNotDiffer(t, "committed meanwhile", kafka.committed(t, 2), committed)
			if s := c.Summary(); s.Consumed != 300 || s.CSVRows != 300 {
				t.Errorf("counted before it is on disk: %+v", s)
			}
			sameSet(t, readCSV(t, cfg.Out), rows[:300])

			fs.Heal()
			eventually(t, "it is ready again", ready(c))
			eventually(t, "all is settled", func() bool { return c.Summary().Consumed == 600 })
			s := c.stop(t)
			sameSet(t, readCSV(t, cfg.Out), rows)
			checkAmounts(t, s, rows)
			checkMetrics(t, cfg, s)
			mustNotDiffer(t, "committed", kafka.committed(t, 2), kafka.ends(topic))
			if lines := log.with("level=WARN", "component=csv", "no space left"); len(lines) != 1 {
				t.Errorf("logged %d times: %q", len(lines), lines)
			}
			if lines := log.with("works again", "component=csv"); len(lines) != 1 {
				t.Errorf("logged %d times that it works again: %q", len(lines), lines)
			}
		})
	}
}

// A dead-letter topic that cannot be written makes the partition wait: its message
// must not be lost.
func TestDeadLettersCannotBeWritten(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	if err := kafka.fake.CreateTopic(letterTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	rows := saleRows(0, 90)
	kafka.send(t, recordsOf(t, rows[:30], 1)...)
	cfg := configFor(t, kafka)
	log := new(logBuffer)
	cfg.Log = log.logger()
	c := start(t, cfg)
	eventually(t, "the first lines are settled", func() bool { return c.Summary().Consumed == 30 })
	eventually(t, "they are committed", func() bool { return kafka.committed(t, 1)[0] == 30 })
	broken := kafka.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: letterTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
	kafka.send(t, bad(0, "no JSON"))
	eventually(t, "it is not ready", notReadyFor(c, "dead-letter topic: "))
	kafka.send(t, recordsOf(t, rows[30:], 1)...)
	eventually(t, "it has tried several times", func() bool { return broken.Hits() >= 3 })
	if offset := kafka.committed(t, 1)[0]; offset != 30 {
		t.Errorf("committed %d while the letter is not written", offset)
	}
	if err := c.Ready(); !strings.Contains(err.Error(), letterTopic) {
		t.Errorf("Ready says %v", err)
	}
	broken.Remove()
	eventually(t, "it is ready again", ready(c))
	eventually(t, "all is settled", func() bool { return c.Summary().Consumed == 91 })
	s := c.stop(t)
	sameSet(t, readCSV(t, cfg.Out), rows)
	if s.Rejected != 1 || s.DeadLetters != 1 || len(kafka.letters(t)) != 1 {
		t.Errorf("the summary is %+v", s)
	}
	if lines := log.with("level=WARN", `component="dead-letter topic"`); len(lines) != 1 {
		t.Errorf("logged %d times: %q", len(lines), lines)
	}
}

// Commits that fail are tried again.
func TestCommitFailsForAWhile(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 2)
	rows := saleRows(0, 300)
	kafka.send(t, recordsOf(t, rows, 2)...)
	refused := kafka.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorLoadInProgress, Count: -1})
	cfg := configFor(t, kafka)
	c := start(t, cfg)
	eventually(t, "it is not ready", notReadyFor(c, "committing"))
	eventually(t, "it has tried several times", func() bool { return refused.Hits() >= 2 })
	refused.Remove()
	c.Finish()
	s := c.wait(t)
	sameSet(t, readCSV(t, cfg.Out), rows)
	if s.Consumed != 300 || s.Duplicates != 0 {
		t.Errorf("the summary is %+v", s)
	}
	mustNotDiffer(t, "committed", kafka.committed(t, 2), kafka.ends(topic))
}

// Kafka need not be there first, and may go away and come back.
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	cfg := configFor(t, &cluster{way: wayTo(t, addressOf(port))})
	log := new(logBuffer)
	cfg.Log, cfg.Partitions = log.logger(), 2
	c := start(t, cfg)
	eventually(t, "it says that Kafka is away", notReadyFor(c, addressOf(port)))
	if err := c.Ready(); !strings.Contains(err.Error(), "kafka: ") || !strings.Contains(err.Error(), "--brokers") {
		t.Errorf("Ready says %v", err)
	}

	rows := saleRows(0, 900)
	kafka := startKafka(t, 2, kfake.Ports(port), kfake.DataDir(dir))
	kafka.send(t, recordsOf(t, rows[:300], 2)...)
	eventually(t, "it is ready", ready(c))
	eventually(t, "the first lines are settled", func() bool { return c.Summary().Consumed == 300 })
	if lines := log.with("level=WARN", "component=kafka"); len(lines) > 2 {
		t.Errorf("logged %d times: %q", len(lines), lines)
	}

	kafka.fake.Close()
	eventually(t, "it says that Kafka is away", notReadyFor(c, "connect"))
	kafka = startKafka(t, 2, kfake.Ports(port), kfake.DataDir(dir))
	kafka.send(t, recordsOf(t, rows[300:], 2)...)
	eventually(t, "it is ready again", ready(c))
	c.Finish()
	s := c.wait(t)
	sameSet(t, readCSV(t, cfg.Out), rows)
	checkAmounts(t, s, rows)
	checkMetrics(t, cfg, s)
	mustNotDiffer(t, "committed", kafka.committed(t, 2), kafka.ends(topic))
}

// A cluster that is not there is given up only when that was asked for.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	cfg := configFor(t, &cluster{way: wayTo(t, addressOf(port))})
	cfg.GiveUpAfter = 300 * time.Millisecond
	c := start(t, cfg)
	select {
	case <-c.done:
	case <-time.After(patience):
		t.Fatal("it does not give up")
	}
	if c.err == nil || !strings.Contains(c.err.Error(), "gave up") || !strings.Contains(c.err.Error(), addressOf(port)) {
		t.Errorf("the error is %v", c.err)
	}
}

// What retention has deleted before it was read is gone: that is said, and the
// rest is consumed.
func TestMessagesDeletedBeforeTheyAreRead(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	rows := saleRows(0, 900)
	kafka.send(t, recordsOf(t, rows[:300], 1)...)
	cfg := configFor(t, kafka)
	drain(t, cfg)
	kafka.send(t, recordsOf(t, rows[300:], 1)...)
	if err := kafka.fake.DeleteRecords(topic, 0, 600); err != nil {
		t.Fatal(err)
	}
	cfg = again(cfg)
	log := new(logBuffer)
	cfg.Log = log.logger()
	s := drain(t, cfg)
	want := append(saleRows(0, 300), rows[600:]...)
	sameSet(t, readCSV(t, cfg.Out), want)
	checkAmounts(t, s, want)
	if lines := log.with("level=ERROR", "gone from Kafka", "expected_offset=300", "oldest_offset=600"); len(lines) != 1 {
		t.Errorf("logged %d times: %q", len(lines), lines)
	}
}
