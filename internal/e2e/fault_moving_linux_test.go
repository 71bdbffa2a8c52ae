//go:build kafka

package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	segmentio "github.com/segmentio/kafka-go"

	"tillstream/internal/kafkatest"
)

// What is known about lines goes where their partition goes.
func TestPartitionsMove(t *testing.T) {
	kafka := kafkatest.Start(t)

	t.Run("identities move along", func(t *testing.T) {
		const topic, lines = "moving", 4000
		source := cashierStream(t, lines)
		kafka.CreateTopic(t, topic, 4)
		first := consuming(t, kafka, topic, t.TempDir())
		send := func(path string, more ...string) {
			t.Helper()
			ok(t, append([]string{"produce", "--brokers", kafka.Addr(), "--topic", topic, "--source", path, "--rate", "0", "--listen", ""}, more...)...)
			first.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
		}
		send(source)
		second := consuming(t, kafka, topic, t.TempDir())
		second.eventually(t, "it has two partitions", func() bool { return len(second.partitions(t)) == 2 && len(first.partitions(t)) == 2 })
		both := func(name string) (sum, others float64) {
			others = second.metric(t, name)
			return first.metric(t, name) + others, others
		}

		send(source) // the same once more, with other dates
		if sum, others := both("tillstream_duplicate_lines_total"); sum != lines || others == 0 {
			t.Errorf("of %d repeated lines %v are duplicates, %v in the instance that did not write them", lines, sum, others)
		}
		send(paidOtherwise(t, source))
		if sum, others := both("tillstream_conflicting_lines_total"); sum != lines || others == 0 {
			t.Errorf("of %d lines with other content %v are conflicts, %v in the instance that did not write the first", lines, sum, others)
		}
		if rows := rowsOf(t, second.out); len(rows) != 0 {
			t.Errorf("%d lines are in a second CSV, such as %s", len(rows), rows[0])
		}

		// And back again, to one that has its own lines in memory and on disk.
		second.leaves(t)
		first.eventually(t, "it has all partitions again", func() bool { return len(first.partitions(t)) == 4 })
		send(source)
		if n := first.metric(t, "tillstream_written_lines_total"); n != lines {
			t.Errorf("%v lines are written, want %d", n, lines)
		}
		got := first.leaves(t)
		onceEach(t, got, source, first.out)
		if letters := kafka.Messages(t, topic+".dead-letter"); len(letters) != lines {
			t.Errorf("%d dead letters for %d conflicts", len(letters), lines)
		}
	})

	// An instance that comes back to its own CSV knows from the group's note that it
	// has all there is to know; one with another CSV has to read the log.
	t.Run("a restart does not read the log", func(t *testing.T) {
		const topic = "restart"
		source, out := cashierStream(t, 40_000), t.TempDir()
		kafka.CreateTopic(t, topic, 4)
		ok(t, "produce", "--brokers", kafka.Addr(), "--topic", topic, "--source", source, "--rate", "0", "--listen", "")
		var log int64
		for _, m := range kafka.Messages(t, topic) {
			log += int64(len(m.Key) + len(m.Value))
		}
		onceEach(t, drains(t, kafka, topic, out), source, out)
		read := func(out string) int64 {
			c := consuming(t, kafka, topic, out)
			c.eventually(t, "it has its partitions", func() bool { return len(c.partitions(t)) == 4 })
			c.eventually(t, "it is ready", func() bool { code, _ := c.ready(t); return code == http.StatusOK })
			n := bytesRead(t, c.cmd.Process.Pid)
			if got := c.leaves(t); got.Consumed != 0 {
				t.Errorf("it consumed %d messages that were settled", got.Consumed)
			}
			return n
		}
		csv := size(filepath.Join(out, "live_transactions.csv"))
		if n := read(out) - csv; n > log/4 {
			t.Errorf("it read %d bytes more than its CSV's %d; the log has %d", n, csv, log)
		}
		if n := read(t.TempDir()); n < log/2 {
			t.Errorf("an instance with an empty CSV read %d bytes, the log has %d: the test measures nothing", n, log)
		}
	})

	t.Run("a partition is added", func(t *testing.T) {
		const topic = "wider"
		source, out := cashierStream(t, 6000), t.TempDir()
		kafka.CreateTopic(t, topic, 2)
		c := consuming(t, kafka, topic, out)
		produce := []string{"produce", "--brokers", kafka.Addr(), "--topic", topic, "--source", source, "--rate", "0", "--listen", ""}
		ok(t, append(produce, "--limit", "3000")...)
		c.eventually(t, "the first lines are written", func() bool { return c.metric(t, "tillstream_written_lines_total") == 3000 })
		asked(t, kafka, func(ctx context.Context, client *segmentio.Client) error {
			answer, err := client.CreatePartitions(ctx, &segmentio.CreatePartitionsRequest{Topics: []segmentio.TopicPartitionsConfig{{Name: topic, Count: 4}}})
			if err != nil {
				return err
			}
			return answer.Errors[topic]
		})
		ok(t, append(produce, "--source", rest(t, source, 3000))...)
		ends := kafka.EndOffsets(t, topic)
		if len(ends) != 4 || ends[2] == 0 || ends[3] == 0 {
			t.Fatalf("the new partitions got nothing: %v", ends)
		}
		c.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
		onceEach(t, c.leaves(t), source, out)
	})

	t.Run("rotation under load", func(t *testing.T) {
		const topic, lines, limit = "rotating", 15_000, 200_000
		source, out := cashierStream(t, lines), t.TempDir()
		kafka.CreateTopic(t, topic, 4)
		p := producing(t, kafka, topic, source, "--rate", "4000")
		c := consuming(t, kafka, topic, out, "--rotate-bytes", fmt.Sprint(limit))
		p.finishes(t)
		c.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
		got := c.leaves(t)
		same(t, got, recount(t, source, false))
		older, err := filepath.Glob(filepath.Join(out, "live_transactions-*.csv"))
		if err != nil || len(older) < 5 {
			t.Errorf("%d files were rotated, %v", len(older), err)
		}
		for _, path := range older {
			if n := size(path); n < limit {
				t.Errorf("%s was rotated with %d bytes", path, n)
			}
		}
		rows := rowsOf(t, out)
		unique := slices.Compact(slices.Sorted(slices.Values(rows)))
		if len(rows) != lines || len(unique) != lines {
			t.Errorf("%d rows of %d lines in all files, want %d", len(rows), len(unique), lines)
		}
		// The next run knows them all.
		again := drains(t, kafka, topic, out)
		if same(t, again, recount(t, source, false)); again.Consumed != 0 {
			t.Errorf("the next run consumed %d messages", again.Consumed)
		}
	})
}

// paidOtherwise is the source with another way of payment on each line.
func paidOtherwise(t *testing.T, source string) string {
	t.Helper()
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var changed bytes.Buffer
	out := csv.NewWriter(&changed)
	payment := slices.Index(records[0], "Payment Method")
	for i, r := range records {
		if i > 0 {
			r[payment] = "Gift Card"
		}
		if err := out.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	out.Flush()
	return write(t, "otherwise.csv", changed.String())
}

// rest is the source without its first lines.
func rest(t *testing.T, source string, without int) string {
	t.Helper()
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(text)))
	return write(t, "rest.csv", lines[0]+strings.Join(lines[1+without:], ""))
}

// bytesRead is what a process has read so far from files and sockets.
func bytesRead(t *testing.T, pid int) (n int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(text), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
