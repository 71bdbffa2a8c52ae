package consumer

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"tillstream/internal/sale"
)

// sendInBackground publishes rows a few at a time until all are sent or the test
// ends. The channel is closed then.
func (c *cluster) sendInBackground(t testing.TB, rows []sale.Row, partitions int) <-chan struct{} {
	records, done := recordsOf(t, rows, partitions), make(chan struct{})
	go func() {
		defer close(done)
		for len(records) > 0 && t.Context().Err() == nil {
			n := min(20, len(records))
			if err := c.producer.ProduceSync(t.Context(), records[:n]...).FirstErr(); err != nil {
				t.Errorf("sending: %v", err)
				return
			}
			records = records[n:]
		}
	}()
	return done
}

// Asked to stop in the middle, Run returns soon, and all that it appended is
// committed: the lines in the CSV are just those before the committed offsets.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 3)
	rows := saleRows(0, 6000)
	sent := kafka.sendInBackground(t, rows, 3)
	cfg := configFor(t, kafka)
	for round := 1; ; round++ {
		c := start(t, cfg)
		target := int64(min(1000*round, len(rows)))
		eventually(t, "it is in the middle", func() bool { return c.Summary().CSVRows >= target })
		began := time.Now()
		c.stop(t)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("stopping took %v", took)
		}
		var committed int64
		for _, offset := range kafka.committed(t, 3) {
			committed += offset
		}
		if n := len(readCSV(t, cfg.Out)); int64(n) != committed {
			t.Fatalf("%d lines are on disk, %d messages are committed", n, committed)
		}
		cfg = again(cfg)
		if target == int64(len(rows)) {
			break
		}
	}
	<-sent
	sameSet(t, readCSV(t, cfg.Out), rows)
}

// Finish settles what is there when it is called, not what comes later.
func TestFinish(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 3)
	rows := saleRows(0, 3000)
	cfg := configFor(t, kafka)
	c := start(t, cfg)
	eventually(t, "it is idle", ready(c))
	c.Finish()
	if s := c.wait(t); s.Consumed != 0 {
		t.Errorf("the summary is %+v", s)
	}

	cfg = again(cfg)
	c = start(t, cfg)
	kafka.send(t, recordsOf(t, rows[:300], 3)...)
	eventually(t, "it is idle again", func() bool { return c.Summary().Consumed == 300 })
	c.Finish()
	c.Finish() // once more is no more
	c.wait(t)

	cfg = again(cfg)
	c = start(t, cfg)
	sent := kafka.sendInBackground(t, rows[300:], 3)
	eventually(t, "it is under load", func() bool { return c.Summary().Consumed >= 500 })
	ends := kafka.ends(topic)
	c.Finish()
	c.wait(t)
	for p, offset := range kafka.committed(t, 3) {
		if offset < ends[p] {
			t.Errorf("partition %d is settled up to %d, its end was %d", p, offset, ends[p])
		}
	}
	<-sent
	cfg = again(cfg)
	drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), rows)
}

// Asked to stop when there is no Kafka, at the start and later, Run returns too.
func TestStopWithoutKafka(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	cfg := configFor(t, &cluster{way: wayTo(t, addressOf(port))})
	c := start(t, cfg)
	eventually(t, "it says that Kafka is away", notReadyFor(c, addressOf(port)))
	began := time.Now()
	c.stop(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}

	kafka := startKafka(t, 1)
	cfg = configFor(t, kafka)
	rows := saleRows(0, 30)
	kafka.send(t, recordsOf(t, rows, 1)...)
	c = start(t, cfg)
	eventually(t, "all is settled", func() bool { return c.Summary().Consumed == 30 })
	kafka.fake.Close()
	began = time.Now()
	c.stop(t)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("stopping took %v", took)
	}
	sameSet(t, readCSV(t, cfg.Out), rows)
}

// Run leaves no goroutine of ours behind. It is not parallel: others' goroutines
// would be in the way.
func TestNoGoroutineIsLeft(t *testing.T) {
	kafka := startKafka(t, 2)
	kafka.send(t, append(recordsOf(t, saleRows(0, 300), 2), bad(0, "no JSON"))...)
	drain(t, configFor(t, kafka))
	c := start(t, again(configFor(t, kafka)))
	eventually(t, "it is ready", ready(c))
	c.stop(t)
	eventually(t, "all goroutines have ended", func() bool { return len(ours()) == 0 })
	if left := ours(); len(left) > 0 {
		t.Error(strings.Join(left, "\n\n"))
	}
}

// ours are the stacks of goroutines that run the consumer or its Kafka group.
func ours() (stacks []string) {
	buffer := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		mine := strings.Contains(stack, "consumer.(*Consumer)") || strings.Contains(stack, "consumer.(*writer)") ||
			strings.Contains(stack, "consumer.(*fetcher)") || strings.Contains(stack, "kafka-go.(*ConsumerGroup)") ||
			strings.Contains(stack, "kafka-go.(*Generation)")
		if mine && !strings.Contains(stack, "consumer.ours(") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// The committed offsets name no message that is not on disk, whatever the moment:
// a reader that sees an offset can rely on the CSV.
func TestCommittedIsOnDisk(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	rows := saleRows(0, 3000)
	sent := kafka.sendInBackground(t, rows, 1)
	cfg := configFor(t, kafka)
	c := start(t, cfg)
	for c.Summary().Consumed < int64(len(rows)) {
		committed := kafka.committed(t, 1)[0]
		if n := lines(c.CSV()); n < committed {
			t.Fatalf("%d messages are committed, %d lines are on disk", committed, n)
		}
	}
	<-sent
	c.stop(t)
	sameSet(t, readCSV(t, cfg.Out), rows)
}

// lines counts the rows of a file whose rows have no line end inside.
func lines(path string) int64 { return int64(strings.Count(string(readAll(path)), "\n")) - 1 }
