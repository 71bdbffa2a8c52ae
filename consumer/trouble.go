package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"tillstream/internal/telemetry"
)

// Describe implements prometheus.Collector.
func (s *status) Describe(ch chan<- *prometheus.Desc) { ch <- telemetry.Trouble.Desc() }

// Collect implements prometheus.Collector: 1 for each component with a trouble that
// the log has told and that is not over, else 0.
func (s *status) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	desc := telemetry.Trouble.Desc()
	for _, component := range []string{groupStatus, csvStatus, deadLetterStatus} {
		value := 0.0
		if s.troubled(component) {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, component)
	}
}
