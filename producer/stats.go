package producer

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tillstream/internal/telemetry"
)

// Stats is what a producer has done so far.
type Stats struct {
	Lines      int64   // rows of the source that were handed to Kafka's client
	Produced   int64   // messages that Kafka acknowledged: lines, duplicates, damaged ones
	Duplicates int64   // messages that repeat a line
	Corrupted  int64   // damaged messages
	Rounds     int64   // readings of the source that were begun
	Rate       float64 // target, lines a second; 0 is as fast as possible
	Paused     bool
}

// Stats returns what was done so far.
func (p *Producer) Stats() Stats {
	rate, paused := p.pace.get()
	return Stats{
		Lines: p.lines.Load(), Produced: p.acked.Load(),
		Duplicates: p.duplicates.Load(), Corrupted: p.corrupted.Load(),
		Rounds: p.rounds.Load(), Rate: rate, Paused: paused,
	}
}

// Summary is what a run has done.
type Summary struct {
	Produced   int64 `json:"produced"`   // messages that Kafka acknowledged
	Lines      int64 `json:"lines"`      // rows of the source
	Duplicates int64 `json:"duplicates"` // messages that repeat a line
	Corrupted  int64 `json:"corrupted"`  // damaged messages
	Rounds     int64 `json:"rounds"`     // readings of the source
	// Seconds is how long the run took, with connecting.
	Seconds float64 `json:"seconds"`
	// LinesPerSecond is the speed from the first line to the last
	// acknowledgement. N lines have N-1 intervals: ten lines at one every two
	// seconds take eighteen seconds and are 0.5 a second, not 0.56.
	LinesPerSecond float64 `json:"lines_per_second"`
}

func (p *Producer) summary(took time.Duration) Summary {
	s := Summary{
		Produced: p.acked.Load(), Lines: p.lines.Load(),
		Duplicates: p.duplicates.Load(), Corrupted: p.corrupted.Load(),
		Rounds: p.rounds.Load(), Seconds: thousandths(took.Seconds()),
	}
	if between := time.Duration(p.lastAck.Load() - p.firstLine.Load()); s.Lines > 1 && between > 0 {
		s.LinesPerSecond = thousandths(float64(s.Lines-1) / between.Seconds())
	}
	return s
}

func thousandths(x float64) float64 { return math.Round(x*1000) / 1000 }

func (p *Producer) register(to prometheus.Registerer) error {
	if to == nil {
		return nil
	}
	for _, metric := range []prometheus.Collector{
		prometheus.NewCounterFunc(telemetry.ProducedMessages.CounterOpts(), func() float64 { return float64(p.acked.Load()) }),
		prometheus.NewGaugeFunc(telemetry.ProduceTargetRate.GaugeOpts(), p.Rate),
	} {
		if err := to.Register(metric); err != nil {
			return fmt.Errorf("registering the producer's metrics: %w", err)
		}
	}
	return nil
}
