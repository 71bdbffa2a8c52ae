//go:build kafka

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tillstream/internal/kafkatest"
)

// An instance is stopped for longer than its session, another takes over its
// partitions, then it goes on where it was stopped: in the middle of an append. It
// must not write another line of theirs, nor move an offset, and then be of use
// again.
func TestZombie(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic, session, lines = "zombie", "3s", 30_000
	source := cashierStream(t, lines)
	kafka.CreateTopic(t, topic, 4)
	outs := []string{t.TempDir(), t.TempDir()}
	var instances []*live
	for _, out := range outs {
		instances = append(instances, consuming(t, kafka, topic, out, "--session-timeout", session))
	}
	zombie, heir := instances[0], instances[1]
	for _, l := range instances {
		l.eventually(t, "each has two partitions", func() bool { return len(l.partitions(t)) == 2 })
	}
	p := producing(t, kafka, topic, source, "--rate", "1500", "--duplicate-ratio", "0.02")
	watching := watchCommits(t, kafka, topic, 4)
	zombie.eventually(t, "it writes", func() bool { return zombie.metric(t, "tillstream_written_lines_total") > 500 })

	// Right after its file has grown it is about to sync, or to commit.
	csv := filepath.Join(zombie.out, "live_transactions.csv")
	for before := size(csv); size(csv) == before; {
		time.Sleep(20 * time.Microsecond)
	}
	zombie.signal(t, syscall.SIGSTOP)
	heir.eventually(t, "it is stopped", func() bool { return isStopped(t, zombie.cmd.Process.Pid) })
	atStop, before := committed(t, kafka, topic, 4), len(rowsOf(t, zombie.out))
	heir.eventually(t, "the other has all partitions", func() bool { return len(heir.partitions(t)) == 4 })
	heir.eventually(t, "the other writes the lines of all of them", func() bool {
		now := committed(t, kafka, topic, 4)
		for partition := range now {
			if now[partition] < atStop[partition]+100 {
				return false
			}
		}
		return true
	})
	if again := len(rowsOf(t, zombie.out)); again != before {
		t.Fatalf("a stopped process has written: %d rows were %d", again, before)
	}
	zombie.signal(t, syscall.SIGCONT)
	zombie.eventually(t, "it has partitions again", func() bool { return len(zombie.partitions(t)) == 2 && len(heir.partitions(t)) == 2 })
	rejoined := zombie.metric(t, "tillstream_written_lines_total")
	zombie.eventually(t, "it writes again", func() bool { return zombie.metric(t, "tillstream_written_lines_total") > rejoined+200 })
	p.finishes(t)
	zombie.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
	watching.stop()
	for _, l := range instances {
		l.leaves(t)
	}

	places, tail := placesOf(t, kafka, topic), 0
	rows := [][]string{rowsOf(t, outs[0]), rowsOf(t, outs[1])}
	count := map[string]int{}
	for _, id := range slices.Concat(rows...) {
		count[id]++
	}
	for id := range places {
		if count[id] == 0 {
			t.Errorf("%s is lost", id)
		}
	}
	for i, id := range rows[0] {
		if count[id] == 1 {
			continue
		}
		at := places[id]
		if i >= before || at.offset < atStop[at.partition] {
			t.Errorf("%s, offset %d of partition %d, is in both files; row %d of the zombie's, which had %d when it was stopped; committed was %d",
				id, at.offset, at.partition, i, before, atStop[at.partition])
		}
		tail++
	}
	t.Logf("%d lines were appended and not committed when it was stopped", tail)
	if len(count) != lines || len(slices.Concat(rows...)) != lines+tail {
		t.Errorf("%d lines in %d rows, want %d and the %d of the tail", len(count), len(slices.Concat(rows...)), lines, tail)
	}
}

// isStopped reports whether each thread of the process is.
func isStopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal("no thread of the process is there", err)
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, state, _ := bytes.Cut(stat, []byte(") ")); state[0] != 'T' {
			return false
		}
	}
	return true
}

// watch looks at a group's offsets until it is stopped.
type watch struct {
	end  chan struct{}
	once sync.Once
	done sync.WaitGroup
}

func (w *watch) stop() {
	w.once.Do(func() { close(w.end) })
	w.done.Wait()
}

// watchCommits fails the test when a committed offset goes back.
func watchCommits(t *testing.T, kafka *kafkatest.Broker, topic string, partitions int) *watch {
	t.Helper()
	w := &watch{end: make(chan struct{})}
	t.Cleanup(w.stop)
	last := map[int]int64{}
	w.done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.end:
				return
			case <-tick.C:
			}
			now, err := commits(t.Context(), kafka, topic, partitions)
			if err != nil {
				t.Error(err)
				return
			}
			for partition, offset := range now {
				if offset < last[partition] {
					t.Errorf("the committed offset of partition %d went back from %d to %d", partition, last[partition], offset)
				}
			}
			maps.Copy(last, now)
		}
	})
	return w
}
