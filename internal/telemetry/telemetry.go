// Package telemetry declares every metric of the program: name, kind, unit, labels,
// help, and what bounds the number of its series. What exposes a metric takes its
// description from here, so that this is the one place to read the contract.
// docs/metrics.md is made from it.
package telemetry

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tillstream/internal/store"
)

// prefix begins the name of each metric.
const prefix = "tillstream_"

// Bounds on label values that come in from outside, so that no message can make
// the number of series grow without end. What is beyond them is counted under
// Other: the sum over a metric's series stays the total.
const (
	// OtherStores is how many stores that are not in the reference data are told
	// apart; further ones are Other in their country.
	OtherStores = 100
	// MaxLabel is the longest label value, in bytes. A longer one is Other: cut
	// short it could pass for another's.
	MaxLabel = 40
	// Top is how many employees and products are shown.
	Top = 20
	// Other is the label value of everything beyond a bound. No till writes it.
	Other = "_other"
	// Unknown is the label value where a line has none.
	Unknown = "unknown"
)

// Metric is a declared metric.
type Metric struct {
	Name   string // with the prefix
	Kind   Kind
	Unit   string // base unit: USD, lines, seconds ...; empty for a plain number
	Labels []string
	Help   string // a sentence or two for whoever sees it in Prometheus
	From   string // the command that exposes it

	// What bounds the number of series: so many label values, other included where
	// outsiders choose them; or so many for each store or partition. With none of
	// them there is one series.
	Values, PerStore, PerPartition int
	Buckets                        []float64 // upper bounds, of a Histogram
}

// MaxSeries is how many series the metric can have, whatever is sent, with so many
// known stores and partitions.
func (m Metric) MaxSeries(stores, partitions int) int {
	n := m.Values + m.PerStore*(stores+OtherStores+len(store.Countries())) + m.PerPartition*partitions
	if n == 0 {
		n = 1
	}
	if m.Kind == Histogram {
		n *= len(m.Buckets) + len([]string{"+Inf", "sum", "count"})
	}
	return n
}

// Kind is a metric's type, as Prometheus names it.
type Kind string

// The kinds in use.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// all is what was declared, in order.
var all []Metric

// declare adds a metric to the contract. The name is given without the prefix.
func declare(m Metric) Metric {
	m.Name = prefix + m.Name
	all = append(all, m)
	return m
}

// All returns the contract, in the order of the declarations.
func All() []Metric { return slices.Clone(all) }

// Desc describes the metric to Prometheus.
func (m Metric) Desc() *prometheus.Desc { return prometheus.NewDesc(m.Name, m.Help, m.Labels, nil) }

// CounterOpts are for a metric of the kind Counter.
func (m Metric) CounterOpts() prometheus.CounterOpts {
	return prometheus.CounterOpts{Name: m.Name, Help: m.Help}
}

// GaugeOpts are for a metric of the kind Gauge.
func (m Metric) GaugeOpts() prometheus.GaugeOpts {
	return prometheus.GaugeOpts{Name: m.Name, Help: m.Help}
}

// HistogramOpts are for a metric of the kind Histogram.
func (m Metric) HistogramOpts() prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: m.Buckets}
}

// Is reports whether a family that was gathered is this metric: the same name,
// kind, help and labels.
func (m Metric) Is(family *dto.MetricFamily) bool {
	kinds := map[Kind]dto.MetricType{Counter: dto.MetricType_COUNTER, Gauge: dto.MetricType_GAUGE, Histogram: dto.MetricType_HISTOGRAM}
	if family.GetName() != m.Name || family.GetHelp() != m.Help || family.GetType() != kinds[m.Kind] {
		return false
	}
	want := slices.Sorted(slices.Values(m.Labels))
	for _, series := range family.GetMetric() {
		var labels []string
		for _, l := range series.GetLabel() {
			labels = append(labels, l.GetName())
		}
		if slices.Sort(labels); !slices.Equal(labels, want) {
			return false
		}
	}
	return true
}
