package consumer

import (
	"maps"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tillstream/internal/faultfs"
)

// lagOf is what a scrape says, by partition.
func lagOf(t testing.TB, cfg Config) map[int]int64 {
	t.Helper()
	lags := make(map[int]int64)
	for _, family := range gather(t, cfg) {
		if family.GetName() != "tillstream_consumer_lag_messages" {
			continue
		}
		for _, series := range family.GetMetric() {
			partition, err := strconv.Atoi(series.GetLabel()[0].GetValue())
			if err != nil {
				t.Fatal(err)
			}
			lags[partition] = int64(series.GetGauge().GetValue())
		}
	}
	return lags
}

// waiting says that the lag becomes this.
func waiting(t testing.TB, cfg Config, want map[int]int64) {
	t.Helper()
	var got map[int]int64
	defer func() {
		if t.Failed() {
			t.Logf("the lag is %v, want %v", got, want)
		}
	}()
	eventually(t, "the lag is what is in the log and not settled", func() bool {
		got = lagOf(t, cfg)
		return maps.Equal(got, want)
	})
}

// The lag is what is in the log and not settled: also while the writer waits for a
// full disk or for the dead-letter topic, and also of what is not fetched meanwhile,
// because what was fetched before waits for the writer.
func TestLagGrowsWhileTheWriterWaits(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*cluster, *faultfs.FS) (mend func()){
		"csv: ": func(_ *cluster, fs *faultfs.FS) func() {
			fs.Add(faultfs.Fault{Op: faultfs.Sync, Err: syscall.ENOSPC})
			return fs.Heal
		},
		"dead-letter topic: ": func(kafka *cluster, _ *faultfs.FS) func() {
			return kafka.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: letterTopic, Err: kerr.TopicAuthorizationFailed, Count: -1}).Remove
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kafka, fs := startKafka(t, 2), faultfs.New()
			if err := kafka.fake.CreateTopic(letterTopic, 1, nil); err != nil {
				t.Fatal(err)
			}
			cfg := configFor(t, kafka)
			cfg.FS = fs
			c := start(t, cfg)
			rows := saleRows(0, 900)
			kafka.send(t, recordsOf(t, rows[:300], 2)...)
			eventually(t, "the first lines are settled", func() bool { return c.Summary().Consumed == 300 })
			waiting(t, cfg, map[int]int64{0: 0, 1: 0})
			settled := kafka.ends(topic)

			mend := stop(kafka, fs)
			if name == "csv: " {
				kafka.send(t, recordsOf(t, rows[300:303], 2)...)
			} else {
				kafka.send(t, bad(0, "no JSON"))
			}
			eventually(t, "it waits", notReadyFor(c, name))
			for _, r := range recordsOf(t, rows[303:], 2) {
				kafka.send(t, r) // one by one, so that there are more batches than may wait
			}
			want := kafka.ends(topic)
			for p := range want {
				want[p] -= settled[p]
			}
			waiting(t, cfg, want)
			if got := c.Lag(); got != want[0]+want[1] {
				t.Errorf("Lag says %d, want %v", got, want)
			}
			mend()
			waiting(t, cfg, map[int]int64{0: 0, 1: 0})
			c.stop(t)
			if got := lagOf(t, cfg); len(got) > 0 {
				t.Errorf("it has left, and still shows the lag %v", got)
			}
		})
	}
}

// A partition that was just assigned has its lag from what the group has committed,
// or else from where its log begins, before a single message is settled. What
// retention has deleted does not wait any more, and a commit beyond the end, as of a
// topic that was made anew, stands for nothing.
func TestLagOfAPartitionJustAssigned(t *testing.T) {
	t.Parallel()
	const partitions, each = 4, 150
	kafkas := startKafka(t, partitions)
	kafkas.send(t, recordsOf(t, saleRows(0, partitions*each), partitions)...)
	for partition, before := range map[int]int64{1: 100, 2: 20} {
		if err := kafkas.fake.DeleteRecords(topic, int32(partition), before); err != nil {
			t.Fatal(err)
		}
	}
	_, err := kafkas.way.Client().OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: groupName, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 2, Offset: 30}, {Partition: 3, Offset: 1000}}}})
	if err != nil {
		t.Fatal(err)
	}
	cfg, fs := configFor(t, kafkas), faultfs.New()
	cfg.FS = fs
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	fs.Add(faultfs.Fault{Op: faultfs.Write, Err: syscall.ENOSPC})
	runningOf(t, c)
	waiting(t, cfg, map[int]int64{0: each, 1: each - 100, 2: each - 30, 3: each})
	fs.Heal()
	waiting(t, cfg, map[int]int64{0: 0, 1: 0, 2: 0, 3: 0})
}

// Each partition is shown by the instance that has it and by no other, so that the
// sum over all instances is what waits.
func TestLagMovesWithThePartition(t *testing.T) {
	t.Parallel()
	const partitions = 4
	kafka := startKafka(t, partitions, kfake.GroupMinSessionTimeout(100*time.Millisecond))
	first, second := configFor(t, kafka), configFor(t, kafka)
	first.SessionTimeout, second.SessionTimeout = 2*time.Second, 2*time.Second
	fs := faultfs.New()
	first.FS = fs
	a := start(t, first)
	waiting(t, first, map[int]int64{0: 0, 1: 0, 2: 0, 3: 0})
	b := start(t, second)
	shared := func() bool {
		all := lagOf(t, first)
		for p := range lagOf(t, second) {
			if _, twice := all[p]; twice {
				return false
			}
			all[p] = 0
		}
		return len(lagOf(t, second)) == partitions/2 && len(all) == partitions
	}
	eventually(t, "each has half of them", shared)
	fs.Add(faultfs.Fault{Op: faultfs.Write, Err: syscall.ENOSPC})
	kafka.send(t, recordsOf(t, saleRows(0, 600), partitions)...)
	eventually(t, "the first one waits", notReadyFor(a, "csv: "))
	eventually(t, "the second one is done", func() bool { return b.Summary().Consumed == 300 })
	for p, n := range lagOf(t, first) {
		if n != 150 {
			t.Errorf("partition %d has a lag of %d", p, n)
		}
	}
	a.stop(t)
	waiting(t, second, map[int]int64{0: 0, 1: 0, 2: 0, 3: 0})
	if n := b.Summary().Consumed; n != 600 {
		t.Errorf("the second one has consumed %d", n)
	}
}

// While Kafka is away the partitions are nobody's, and how much waits is not known.
func TestNoLagWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	opts := []kfake.Opt{kfake.Ports(port), kfake.DataDir(dir), kfake.GroupMinSessionTimeout(100 * time.Millisecond)}
	kafka := startKafka(t, 1, opts...)
	cfg := configFor(t, kafka)
	cfg.SessionTimeout = 2 * time.Second // nobody is to wait for the member that it was before
	start(t, cfg)
	waiting(t, cfg, map[int]int64{0: 0})
	kafka.fake.Close()
	waiting(t, cfg, map[int]int64{})
	kafka = startKafka(t, 1, opts...)
	kafka.send(t, recordsOf(t, saleRows(0, 30), 1)...)
	waiting(t, cfg, map[int]int64{0: 0})
}
