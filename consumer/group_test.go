package consumer

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"tillstream/internal/sale"
)

// sendPaced publishes rows at an even pace, so that there is load while members
// come and go.
func (c *cluster) sendPaced(t testing.TB, rows []sale.Row, partitions int, pause time.Duration) <-chan struct{} {
	records, done := recordsOf(t, rows, partitions), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for len(records) > 0 {
			n := min(10, len(records))
			if err := c.producer.ProduceSync(t.Context(), records[:n]...).FirstErr(); err != nil {
				t.Errorf("sending: %v", err)
				return
			}
			records = records[n:]
			select {
			case <-tick.C:
			case <-t.Context().Done():
				return
			}
		}
	}()
	return done
}

// Members that come and leave gracefully under load hand their partitions over so
// that no line is lost, and none twice in all files together. And a till that
// resends afterwards, to whoever has the partition then, adds nothing.
func TestHandOver(t *testing.T) {
	t.Parallel()
	const partitions = 5
	kafka := startKafka(t, partitions, kfake.GroupMinSessionTimeout(100*time.Millisecond))
	rows := saleRows(0, 6000)
	sent := kafka.sendPaced(t, rows, partitions, 4*time.Millisecond)
	first, second := configFor(t, kafka), configFor(t, kafka)
	first.SessionTimeout, second.SessionTimeout = 2*time.Second, 2*time.Second
	written := func(c *running) func() bool {
		before := c.Summary().Written
		return func() bool { return c.Summary().Written >= before+200 }
	}

	a := start(t, first)
	eventually(t, "the first one writes alone", written(a))
	b := start(t, second)
	eventually(t, "the second one writes", written(b))
	eventually(t, "the first one still writes", written(a))
	a.stop(t)
	eventually(t, "the second one writes alone", written(b))
	first = again(first)
	a = start(t, first)
	eventually(t, "the first one is back", written(a))
	b.stop(t)
	<-sent
	second = again(second)
	b = start(t, second)

	resent := saleRows(0, 600)
	for i := range resent {
		resent[i][sale.Date] = "2025-04-01 00:00:00"
	}
	kafka.send(t, recordsOf(t, resent, partitions)...)
	eventually(t, "all is settled", func() bool {
		committed, ends := kafka.committed(t, partitions), kafka.ends(topic)
		for p, end := range ends {
			if committed[p] < end {
				return false
			}
		}
		return true
	})
	a.stop(t)
	b.stop(t)
	sameSet(t, append(readCSV(t, first.Out), readCSV(t, second.Out)...), rows)
	checkMetrics(t, first, a.summary)
	checkMetrics(t, second, b.summary)
}

// An instance with more company than partitions waits, and takes over.
func TestSpareInstance(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1, kfake.GroupMinSessionTimeout(100*time.Millisecond))
	first, second := configFor(t, kafka), configFor(t, kafka)
	first.SessionTimeout, second.SessionTimeout = time.Second, time.Second
	a := start(t, first)
	eventually(t, "the first one is ready", ready(a))
	b := start(t, second)
	eventually(t, "the second one is ready", ready(b))
	rows := saleRows(0, 90)
	kafka.send(t, recordsOf(t, rows[:45], 1)...)
	eventually(t, "one of them writes", func() bool { return a.Summary().Consumed+b.Summary().Consumed == 45 })
	writer, other := a, b
	if b.Summary().Consumed > 0 {
		writer, other = b, a
	}
	writer.stop(t)
	kafka.send(t, recordsOf(t, rows[45:], 1)...)
	eventually(t, "the other one writes", func() bool { return other.Summary().Written == 45 })
	other.stop(t)
	sameSet(t, append(readCSV(t, first.Out), readCSV(t, second.Out)...), rows)
}
