package consumer

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tillstream/internal/telemetry"
)

// endEvery is how often each partition's leader is asked where the log ends. What is
// fetched tells it too, but nothing is fetched while the writer waits for a disk.
const endEvery = 2 * time.Second

// lags is how far each partition that is ours is from being settled. Both ends of that
// distance move by themselves: what is settled with the writer, the log with whoever
// sends. So it is worked out when somebody asks. While a partition's leader does not
// answer it is what the leader said last; while the partitions are not ours, because
// they were given to others or Kafka is away altogether, there is none.
type lags struct {
	mu         sync.Mutex
	partitions map[int]*span
}

// span is a partition's log as last heard of, and how much of it is settled.
type span struct {
	settled    int64 // the offset after the last settled message; unsettled for none
	first, end int64 // of the log
	heard      bool  // first and end are known
}

// unsettled is before every log.
const unsettled = -1

func newLags() *lags { return &lags{partitions: make(map[int]*span)} }

// assign begins anew with the partitions that are ours now, and what of them was
// settled before.
func (l *lags) assign(partitions []int, settled map[int]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.partitions)
	for _, p := range partitions {
		offset, ok := settled[p]
		if !ok {
			offset = unsettled
		}
		l.partitions[p] = &span{settled: offset}
	}
}

// forget drops partitions that are not ours any more: their new owner shows them.
func (l *lags) forget() { l.assign(nil, nil) }

// settle takes note of how far a partition is settled now.
func (l *lags) settle(partition int, offset int64) {
	l.change(partition, func(s *span) { s.settled = offset })
}

// log takes note of where a partition begins and ends, as its leader was just asked.
func (l *lags) log(partition int, ends kafka.PartitionOffsets) {
	l.change(partition, func(s *span) { s.first, s.end, s.heard = ends.FirstOffset, ends.LastOffset, true })
}

// fetched takes note of the end that came with a fetch. It may be old by now, since an
// answer waits until the one before it was handed over.
func (l *lags) fetched(partition int, end int64) {
	l.change(partition, func(s *span) { s.end = max(s.end, end) })
}

func (l *lags) change(partition int, change func(*span)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ours := l.partitions[partition]; ours {
		change(s)
	}
}

// messages is how many are not settled. What retention has deleted is not waiting any
// more. ok is false while the log has not been heard of.
func (s *span) messages() (n int64, ok bool) {
	return max(s.end-max(s.settled, s.first), 0), s.heard
}

func (l *lags) sum() (total int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.partitions {
		if n, ok := s.messages(); ok {
			total += n
		}
	}
	return total
}

// Describe implements prometheus.Collector.
func (l *lags) Describe(ch chan<- *prometheus.Desc) { ch <- telemetry.ConsumerLag.Desc() }

// Collect implements prometheus.Collector.
func (l *lags) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	desc := telemetry.ConsumerLag.Desc()
	for _, p := range slices.Sorted(maps.Keys(l.partitions)) {
		if n, ok := l.partitions[p].messages(); ok {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), strconv.Itoa(p))
		}
	}
}

// watchLog asks the partition's leader for the ends of the log until ctx ends. A leader
// that does not answer is the fetcher's to tell.
func (f *fetcher) watchLog(ctx context.Context) {
	every := time.NewTicker(endEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if ends, err := f.ends(ctx); err == nil {
				f.consumer.lags.log(f.partition, ends)
			}
		case <-ctx.Done():
			return
		}
	}
}
