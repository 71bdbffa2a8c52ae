package consumer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tillstream/internal/faultfs"
)

// A second run on the same directory writes nothing twice, and its counters begin
// where the CSV stands.
func TestRestart(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 3)
	rows := saleRows(0, 900)
	kafka.send(t, recordsOf(t, rows[:600], 3)...)
	cfg := configFor(t, kafka)
	first := drain(t, cfg)

	cfg = again(cfg)
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	checkAmounts(t, c.Summary(), rows[:600])
	checkMetrics(t, cfg, first) // before anything is consumed
	if got := c.Latest(1); len(got) != 1 {
		t.Errorf("Latest is %v", got)
	}
	if n := metric(t, cfg, "dedupe_identities"); n != 600 {
		t.Errorf("dedupe_identities is %v", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	cfg = again(cfg)
	s := drain(t, cfg)
	if s.Consumed != 0 || s.Amounts != first.Amounts {
		t.Errorf("the second summary is %+v", s)
	}
	kafka.send(t, recordsOf(t, rows[600:], 3)...)
	cfg = again(cfg)
	s = drain(t, cfg)
	if s.Consumed != 300 || s.Written != 300 {
		t.Errorf("the third summary is %+v", s)
	}
	sameSet(t, readCSV(t, cfg.Out), rows)
	checkAmounts(t, s, rows)
	checkMetrics(t, cfg, s)
}

// A process dies when the lines are on disk, but their offsets are not committed.
// The next one reads them again and knows them.
func TestStoppedBetweenAppendAndCommit(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	rows := saleRows(0, 600)
	kafka.send(t, recordsOf(t, rows[:1], 1)...)
	cfg := configFor(t, kafka)
	first := start(t, cfg)
	eventually(t, "the first line is committed", func() bool { return kafka.committed(t, 1)[0] == 1 })
	refused := kafka.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.UnknownServerError, Count: -1})
	kafka.send(t, recordsOf(t, rows[1:], 1)...)
	eventually(t, "more lines are on disk", func() bool { return refused.Hits() > 0 && len(readCSV(t, cfg.Out)) > 1 })
	first.stop(t)
	written := readCSV(t, cfg.Out)
	if offsets := kafka.committed(t, 1); offsets[0] != 1 {
		t.Fatalf("committed %v, with %d lines written", offsets, len(written))
	}
	refused.Remove()
	cfg = again(cfg)
	s := drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), rows)
	checkAmounts(t, s, rows)
	checkMetrics(t, cfg, s)
	if s.Consumed != 599 || s.Duplicates != int64(len(written)-1) {
		t.Errorf("of %d lines that were written before, the summary says %+v", len(written), s)
	}
	mustNotDiffer(t, "committed", kafka.committed(t, 1), kafka.ends(topic))
}

// A process dies at any call to the file system. The next one goes on with what
// is on disk.
func TestCrashAtAnyCall(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 2)
	rows := saleRows(0, 60)
	kafka.send(t, recordsOf(t, rows, 2)...)
	for _, short := range []int{0, 1, 700} {
		for calls := 0; ; calls++ {
			cfg := configFor(t, kafka)
			cfg.Group = filepath.Base(cfg.Out) + t.Name() + string(rune('a'+calls))
			fs := faultfs.New()
			cfg.FS = fs
			c, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			before := fs.Count("")
			r := runningOf(t, c)
			fs.Add(faultfs.Fault{Nth: calls + 1, Short: short, Err: faultfs.ErrCrashed})
			eventually(t, "it crashes or is done", func() bool {
				return r.Summary().Consumed == 60 || fs.Count("") > before+calls
			})
			done := fs.Count("") <= before+calls
			r.cancel()
			<-r.done // that the process is dead is an error when closing too
			cfg = again(cfg)
			s := drain(t, cfg)
			sameSet(t, readCSV(t, cfg.Out), rows)
			checkAmounts(t, s, rows)
			if done {
				break
			}
		}
	}
}

// Rows that are torn at the end are read from Kafka again: their offsets were not
// committed, as here those of another group are not.
func TestTornTail(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 1)
	rows := saleRows(0, 30)
	kafka.send(t, recordsOf(t, rows, 1)...)
	cfg := configFor(t, kafka)
	path := drain(t, cfg).CSV
	data := readAll(path)
	if err := os.WriteFile(path, data[:len(data)*2/3], 0o600); err != nil {
		t.Fatal(err)
	}
	cfg = again(cfg)
	cfg.Group = "another"
	s := drain(t, cfg)
	if len(readAll(path)) != len(data) {
		t.Errorf("the CSV has %d bytes, want %d", len(readAll(path)), len(data))
	}
	sameSet(t, readCSV(t, cfg.Out), rows)
	checkAmounts(t, s, rows)
}

func readAll(path string) []byte {
	data, _ := os.ReadFile(path) // it is polled
	return data
}
