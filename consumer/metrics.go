package consumer

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tillstream/internal/sale"
	"tillstream/internal/totals"
)

// metrics are the pipeline's metrics; the business metrics are the totals' own.
type metrics struct {
	consumed    *prometheus.CounterVec
	duplicates  prometheus.Counter
	conflicts   prometheus.Counter
	rejected    *prometheus.CounterVec
	deadLetters prometheus.Counter
	lagging     *prometheus.GaugeVec
	latency     prometheus.Histogram
	sync        prometheus.Histogram
	identities  prometheus.Gauge
	bytes       atomic.Int64

	counts counts
}

// counts are the same figures for the summary and the live view, of this run.
type counts struct {
	consumed, written, duplicates, conflicts, rejected, deadLetters atomic.Int64
	lag                                                             lags
}

func newMetrics(r prometheus.Registerer, sums *totals.Totals) *metrics {
	r.MustRegister(sums)
	make := promauto.With(r)
	m := &metrics{
		consumed: make.NewCounterVec(prometheus.CounterOpts{Name: "tillstream_consumed_messages_total",
			Help: "Messages taken from the topic and settled, by partition."}, []string{"partition"}),
		duplicates: make.NewCounter(prometheus.CounterOpts{Name: "tillstream_duplicate_lines_total",
			Help: "Lines dropped because the same line is on disk already. Messages that are read again after a crash count too."}),
		conflicts: make.NewCounter(prometheus.CounterOpts{Name: "tillstream_conflicting_lines_total",
			Help: "Lines whose invoice and line number are on disk with other content. They become dead letters."}),
		rejected: make.NewCounterVec(prometheus.CounterOpts{Name: "tillstream_rejected_lines_total",
			Help: "Messages that cannot be used, by reason. They become dead letters."}, []string{"reason"}),
		deadLetters: make.NewCounter(prometheus.CounterOpts{Name: "tillstream_dead_letters_total",
			Help: "Messages written to the dead-letter topic: rejected and conflicting ones."}),
		lagging: make.NewGaugeVec(prometheus.GaugeOpts{Name: "tillstream_consumer_lag_messages",
			Help: "Messages in the partition that are not settled yet."}, []string{"partition"}),
		latency: make.NewHistogram(prometheus.HistogramOpts{Name: "tillstream_line_latency_seconds",
			Help:    "From a line's Kafka timestamp until it is on disk.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}}),
		sync: make.NewHistogram(prometheus.HistogramOpts{Name: "tillstream_csv_sync_seconds",
			Help:    "How long it takes to append to the CSV and have it on disk.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		identities: make.NewGauge(prometheus.GaugeOpts{Name: "tillstream_dedupe_identities",
			Help: "Lines remembered to recognise duplicates."}),
	}
	for _, reason := range sale.Reasons {
		m.rejected.WithLabelValues(string(reason))
	}
	make.NewCounterFunc(prometheus.CounterOpts{Name: "tillstream_written_lines_total",
		Help: "Lines in the CSV, those found there at the start included."}, func() float64 { return float64(sums.Lines()) })
	make.NewCounterFunc(prometheus.CounterOpts{Name: "tillstream_csv_bytes_total",
		Help: "Bytes in the CSV and the files it was rotated into, those found there at the start included."}, func() float64 { return float64(m.bytes.Load()) })
	m.counts.lag.partitions = map[int]int64{}
	return m
}

// recovered shows what was found at the start.
func (m *metrics) recovered(bytes int64, identities int) {
	m.bytes.Store(bytes)
	m.identities.Set(float64(identities))
}

// settled counts messages that were judged and, where they are lines, written.
func (m *metrics) settled(w *work) {
	for partition, n := range w.consumed {
		m.consumed.WithLabelValues(strconv.Itoa(partition)).Add(float64(n))
		m.counts.consumed.Add(int64(n))
	}
	m.counts.written.Add(int64(len(w.lines)))
	m.duplicates.Add(float64(w.duplicates))
	m.counts.duplicates.Add(int64(w.duplicates))
	m.conflicts.Add(float64(w.conflicts))
	m.counts.conflicts.Add(int64(w.conflicts))
	for reason, n := range w.rejected {
		m.rejected.WithLabelValues(string(reason)).Add(float64(n))
		m.counts.rejected.Add(int64(n))
	}
}

// published counts dead letters.
func (m *metrics) published(letters int) {
	m.deadLetters.Add(float64(letters))
	m.counts.deadLetters.Add(int64(letters))
}
