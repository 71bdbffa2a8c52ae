package consumer

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tillstream/internal/sale"
	"tillstream/internal/telemetry"
	"tillstream/internal/totals"
)

// metrics are the pipeline's metrics; the business metrics are the totals' own.
type metrics struct {
	consumed    *prometheus.CounterVec
	duplicates  prometheus.Counter
	conflicts   prometheus.Counter
	rejected    *prometheus.CounterVec
	deadLetters prometheus.Counter
	latency     prometheus.Histogram
	sync        prometheus.Histogram
	identities  prometheus.Gauge
	bytes       atomic.Int64

	counts counts
}

// counts are the same figures for the summary and the live view, of this run.
type counts struct {
	consumed, written, duplicates, conflicts, rejected, deadLetters atomic.Int64
}

func newMetrics(r prometheus.Registerer, sums *totals.Totals) *metrics {
	r.MustRegister(sums)
	make := promauto.With(r)
	m := &metrics{
		consumed:    make.NewCounterVec(telemetry.ConsumedMessages.CounterOpts(), telemetry.ConsumedMessages.Labels),
		duplicates:  make.NewCounter(telemetry.DuplicateLines.CounterOpts()),
		conflicts:   make.NewCounter(telemetry.ConflictingLines.CounterOpts()),
		rejected:    make.NewCounterVec(telemetry.RejectedLines.CounterOpts(), telemetry.RejectedLines.Labels),
		deadLetters: make.NewCounter(telemetry.DeadLetters.CounterOpts()),
		latency:     make.NewHistogram(telemetry.LineLatency.HistogramOpts()),
		sync:        make.NewHistogram(telemetry.CSVSync.HistogramOpts()),
		identities:  make.NewGauge(telemetry.DedupeIdentities.GaugeOpts()),
	}
	for _, reason := range sale.Reasons {
		m.rejected.WithLabelValues(string(reason))
	}
	make.NewCounterFunc(telemetry.WrittenLines.CounterOpts(), func() float64 { return float64(sums.Lines()) })
	make.NewCounterFunc(telemetry.CSVBytes.CounterOpts(), func() float64 { return float64(m.bytes.Load()) })
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
