//go:build kafka

package e2e

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	segmentio "github.com/segmentio/kafka-go"

	"tillstream/internal/interop"
	"tillstream/internal/kafkatest"
)

// The path over a real Apache Kafka, with producer and consumer apart.
func TestRealKafka(t *testing.T) {
	kafka := kafkatest.Start(t)
	brokers := "--brokers=" + kafka.Addr()

	t.Run("right to the cent", func(t *testing.T) {
		source, out := cashierStream(t, 10_000), t.TempDir()
		kafka.CreateTopic(t, "plain", 4)
		ok(t, "produce", brokers, "--topic", "plain", "--source", source, "--rate", "0", "--listen", "")
		got := decode[summary](t, ok(t, "consume", brokers, "--topic", "plain", "--group", "plain", "--out", out, "--drain", "--listen", "").stdout)
		same(t, got, recount(t, source, false))
		pythonAgrees(t, got, filepath.Join(out, "live_transactions.csv"))
		for partition, end := range kafka.EndOffsets(t, "plain") {
			if end == 0 {
				t.Errorf("partition %d of 4 got nothing", partition)
			}
		}
		// Once more there is nothing left to do.
		again := decode[summary](t, ok(t, "consume", brokers, "--topic", "plain", "--group", "plain", "--out", out, "--drain", "--listen", "").stdout)
		if again.Consumed != 0 || again.amounts != got.amounts {
			t.Errorf("a second run consumed %d messages and says %+v, not %+v", again.Consumed, again.amounts, got.amounts)
		}
	})

	t.Run("metrics equal the CSV", func(t *testing.T) {
		address, out := freeAddress(t), t.TempDir()
		p := start(t, "consume", brokers, "--topic", "plain", "--group", "metrics", "--out", out, "--listen", address)
		var metrics string
		p.eventually(t, "all is written", func() bool {
			_, metrics = get(t, "http://"+address+"/metrics")
			return strings.Contains(metrics, "tillstream_written_lines_total 10000\n")
		})
		sameMetrics(t, metrics, recount(t, filepath.Join(out, "live_transactions.csv"), true))
		p.signal(t, syscall.SIGTERM)
		if o := p.wait(t); o.code != 0 {
			t.Errorf("exit code %d\n%s", o.code, o.stderr)
		}
	})

	t.Run("the predecessor's producer", func(t *testing.T) {
		source, out := cashierStream(t, 2000), t.TempDir()
		kafka.CreateTopic(t, "old-producer", 4)
		python(t, interop.OldProducer, "--brokers", kafka.Addr(), "--topic", "old-producer", "--source", source)
		got := decode[summary](t, ok(t, "consume", brokers, "--topic", "old-producer", "--group", "new", "--out", out, "--drain", "--listen", "").stdout)
		same(t, got, recount(t, source, false))
		pythonAgrees(t, got, filepath.Join(out, "live_transactions.csv"))
	})

	t.Run("the predecessor's consumer", func(t *testing.T) {
		source, file := cashierStream(t, 2000), filepath.Join(t.TempDir(), "old.csv")
		kafka.CreateTopic(t, "old-consumer", 4)
		ok(t, "produce", brokers, "--topic", "old-consumer", "--source", source, "--rate", "0", "--listen", "")
		python(t, interop.OldConsumer, "--brokers", kafka.Addr(), "--topic", "old-consumer", "--out", file, "--count", "2000")
		want := recount(t, source, false)
		if got := recount(t, file, true); got.all != want.all || got.rows != want.rows {
			t.Errorf("the old consumer's file counts %+v, the source %+v", got.all, want.all)
		}
	})

	t.Run("dead letters", func(t *testing.T) {
		source := cashierStream(t, 3000)
		kafka.CreateTopic(t, "damaged", 4)
		sent := decode[produced](t, ok(t, "produce", brokers, "--topic", "damaged", "--source", source, "--rate", "0", "--listen", "",
			"--duplicate-ratio", "0.05", "--corrupt-ratio", "0.02").stdout)
		got := decode[summary](t, ok(t, "consume", brokers, "--topic", "damaged", "--dead-letter-topic", "damaged.dead-letter",
			"--group", "damaged", "--out", t.TempDir(), "--drain", "--listen", "").stdout)
		same(t, got, recount(t, source, false))
		if got.Duplicates != sent.Duplicates || got.Rejected != sent.Corrupted || sent.Corrupted == 0 {
			t.Errorf("sent %+v, consumed %+v", sent, got)
		}
		letters := kafka.Messages(t, "damaged.dead-letter")
		if int64(len(letters)) != sent.Corrupted {
			t.Errorf("%d dead letters for %d damaged messages", len(letters), sent.Corrupted)
		}
		byPlace := map[string]segmentio.Message{}
		for _, l := range letters {
			header := map[string]string{}
			for _, h := range l.Headers {
				header[h.Key] = string(h.Value)
			}
			place := header["dead-letter-partition"] + "/" + header["dead-letter-offset"]
			if header["dead-letter-reason"] == "" || header["dead-letter-topic"] != "damaged" || byPlace[place].Topic != "" {
				t.Errorf("dead letter with the headers %v", header)
			}
			byPlace[place] = l
		}
		// Each holds the bytes of the message at the place that it names.
		for _, m := range kafka.Messages(t, "damaged") {
			place := strconv.Itoa(m.Partition) + "/" + strconv.FormatInt(m.Offset, 10)
			if letter, ok := byPlace[place]; ok && (!bytes.Equal(letter.Value, m.Value) || !bytes.Equal(letter.Key, m.Key)) {
				t.Errorf("the dead letter of %s differs from its message", place)
			}
		}
	})

	t.Run("killed in the middle", func(t *testing.T) {
		source, out := cashierStream(t, 60_000), t.TempDir()
		csv := filepath.Join(out, "live_transactions.csv")
		kafka.CreateTopic(t, "killed", 4)
		producing := start(t, "produce", brokers, "--topic", "killed", "--source", source, "--rate", "8000", "--listen", "")
		// A short session: the group waits for a killed member to be given up.
		args := []string{"consume", brokers, "--topic", "killed", "--group", "killed", "--out", out, "--listen", "", "--session-timeout", "1s"}
		for range 3 {
			p := start(t, args...)
			before := size(csv)
			p.eventually(t, "more rows were written, or all were sent", func() bool {
				select {
				case <-producing.ended:
					return true
				default:
					return size(csv) > before+100_000
				}
			})
			p.signal(t, syscall.SIGKILL)
			p.wait(t)
		}
		if o := producing.wait(t); o.code != 0 {
			t.Fatalf("produce: exit code %d\n%s", o.code, o.stderr)
		}
		got := decode[summary](t, ok(t, append(args, "--drain")...).stdout)
		same(t, got, recount(t, source, false))
		pythonAgrees(t, got, csv)
	})
}

// python runs one of the predecessor's scripts.
func python(t *testing.T, script string, args ...string) {
	t.Helper()
	if out, err := interop.Command(t, script, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// pythonAgrees compares a summary with a recount that shares no code with us, not
// even a language.
func pythonAgrees(t *testing.T, got summary, csv string) {
	t.Helper()
	counted, err := interop.Recount(t.Context(), csv)
	if err != nil {
		t.Fatal(err)
	}
	if counted.SalesUSD != got.SalesUSD || counted.RefundsUSD != got.RefundsUSD || counted.NetUSD != got.NetUSD || int64(counted.Rows) != got.CSVRows {
		t.Errorf("Python counts %+v, the summary says %+v", counted, got.amounts)
	}
}
