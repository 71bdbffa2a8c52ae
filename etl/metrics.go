package etl

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tillstream/internal/database"
	"tillstream/internal/telemetry"
)

// The outcomes of a row.
const (
	outcomeInserted  = "inserted"
	outcomeUpdated   = "updated"
	outcomeUnchanged = "unchanged"
	outcomeRejected  = "rejected"
)

// recordEvery is how often Live looks what other steps have done.
const recordEvery = 15 * time.Second

// liveMetrics are what Live exposes: its own state, and the warehouse's record of
// all steps. Import, load and verify end before anybody could ask them, and what
// they did is in dw.etl_run.
type liveMetrics struct {
	up      prometheus.Gauge
	latency prometheus.Histogram

	mu          sync.Mutex
	steps       map[string]*stepRecord
	differences sql.NullInt64    // of the last verify that got to its end
	current     map[string]int64 // rows of Live's own run, which steps leaves out
	caughtUp    time.Time        // all there was then is loaded by Live
}

// stepRecord is what all ended runs of a step have done.
type stepRecord struct {
	rows    map[string]int64 // by outcome
	success database.Time    // when one last ended well
}

func newLiveMetrics(r prometheus.Registerer) *liveMetrics {
	make := promauto.With(r)
	m := &liveMetrics{
		up:      make.NewGauge(telemetry.EtlLiveUp.GaugeOpts()),
		latency: make.NewHistogram(telemetry.EtlLiveLatency.HistogramOpts()),
		steps:   map[string]*stepRecord{},
		current: map[string]int64{},
	}
	if r != nil {
		r.MustRegister(m)
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *liveMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, metric := range []telemetry.Metric{telemetry.EtlRows, telemetry.EtlLastSuccess, telemetry.EtlVerifyDifferences} {
		ch <- metric.Desc()
	}
}

// Collect implements prometheus.Collector.
func (m *liveMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, metric := range m.collect() {
		ch <- metric
	}
}

// collect does not wait for anybody while it holds the lock.
func (m *liveMetrics) collect() (all []prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows, success := telemetry.EtlRows.Desc(), telemetry.EtlLastSuccess.Desc()
	for _, step := range []string{stepInit, stepImport, stepLoad, stepLive, stepVerify} {
		record := m.steps[step]
		if record == nil {
			record = &stepRecord{}
		}
		for _, outcome := range []string{outcomeInserted, outcomeUpdated, outcomeUnchanged, outcomeRejected} {
			n := record.rows[outcome]
			if step == stepLive {
				n += m.current[outcome]
			}
			all = append(all, prometheus.MustNewConstMetric(rows, prometheus.CounterValue, float64(n), step, outcome))
		}
		at := record.success.Time
		if step == stepLive && !m.caughtUp.IsZero() {
			at = m.caughtUp
		}
		seconds := 0.0 // never
		if !at.IsZero() {
			seconds = float64(at.UnixMilli()) / 1000
		}
		all = append(all, prometheus.MustNewConstMetric(success, prometheus.GaugeValue, seconds, step))
	}
	if m.differences.Valid {
		all = append(all, prometheus.MustNewConstMetric(telemetry.EtlVerifyDifferences.Desc(), prometheus.GaugeValue, float64(m.differences.Int64)))
	}
	return all
}

// refresh looks what there is besides Live's own run.
func (m *liveMetrics) refresh(ctx context.Context, r *run) error {
	steps, err := stepRecords(ctx, r.dw, r.id)
	if err != nil {
		return fmt.Errorf("reading the record of runs: %w", err)
	}
	var differences sql.NullInt64
	err = r.dw.QueryRow(ctx, `SELECT MAX(differences) FROM dw.etl_run
		WHERE run_id = (SELECT MAX(run_id) FROM dw.etl_run WHERE differences IS NOT NULL)`).Scan(&differences)
	if err != nil {
		return fmt.Errorf("reading the last verify: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.steps, m.differences = steps, differences
	return nil
}

// stepRecords adds up dw.etl_run by step, but for one run.
func stepRecords(ctx context.Context, dw *database.DB, but int64) (map[string]*stepRecord, error) {
	rows, err := dw.Query(ctx, `SELECT step, SUM(rows_read), SUM(rows_inserted), SUM(rows_updated), SUM(rows_rejected),
			MAX(CASE WHEN status = 'done' THEN finished_at END)
		FROM dw.etl_run WHERE run_id <> @run GROUP BY step`, sql.Named("run", but))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	steps := map[string]*stepRecord{}
	for rows.Next() {
		var step string
		var read, inserted, updated, rejected int64
		record := &stepRecord{}
		if err := rows.Scan(&step, &read, &inserted, &updated, &rejected, &record.success); err != nil {
			return nil, err
		}
		record.rows = map[string]int64{outcomeInserted: inserted, outcomeUpdated: updated, outcomeRejected: rejected,
			outcomeUnchanged: max(0, read-inserted-updated-rejected)}
		steps[step] = record
	}
	return steps, rows.Err()
}

func (m *liveMetrics) setUp(up bool) {
	m.up.Set(0)
	if up {
		m.up.Set(1)
	}
}

// settled counts a batch. since is when all there was had been read before, zero
// where that is not known.
func (m *liveMetrics) settled(inserted, unchanged, rejected int64, since time.Time) {
	m.mu.Lock()
	m.current[outcomeInserted] += inserted
	m.current[outcomeUnchanged] += unchanged
	m.current[outcomeRejected] += rejected
	m.mu.Unlock()
	if since.IsZero() {
		return
	}
	took := time.Since(since).Seconds()
	for range inserted {
		m.latency.Observe(took)
	}
}

// caughtUpAt takes note that all there was at a time is loaded.
func (m *liveMetrics) caughtUpAt(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.caughtUp = at
}
