package producer

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tillstream/internal/broker"
	"tillstream/internal/store"
	"tillstream/internal/tracing"
)

// Config says what to publish, where to and how fast. Cluster, Topic, Open and
// Stores must be set; the zero value of everything else is usable.
type Config struct {
	Cluster *broker.Cluster
	Topic   string
	// Partitions is how many the topic gets where it does not exist; 0 is 4.
	Partitions int
	// Compression of the batches. The default is none: the predecessor's consumer
	// (kafka-python) reads lz4, snappy and zstd only with further packages.
	Compression kafka.Compression

	// Open opens the source at its first line; it is called once a round.
	Open func() (Source, error)
	// Stores tells the local time that StampNow writes.
	Stores *store.Directory
	Rate   float64 // lines a second, fractions allowed; 0 is as fast as possible
	Loop   bool    // begin again at the end, with new invoice numbers
	Limit  int64   // lines of the source in all; 0 is no limit
	Stamp  Stamp
	// Renumber gives the first round new invoice numbers too: each run sells anew
	// instead of sending the same lines once more.
	Renumber bool

	DuplicateRatio float64 // 0..1: how many lines are sent once more
	CorruptRatio   float64 // 0..1: how many lines are followed by a damaged message
	Seed           uint64  // the same seed picks the same lines

	GiveUpAfter  time.Duration // how long a broker that is away is tried; 0 is for ever
	FlushTimeout time.Duration // how long Run flushes once its context has ended; 0 is 5 s

	Tracer     *tracing.Tracer       // nil for no traces
	Registerer prometheus.Registerer // may be nil
	Log        *slog.Logger          // nil is silent
}

const (
	defaultPartitions   = 4
	defaultFlushTimeout = 5 * time.Second
)

func (c *Config) setDefaults() {
	if c.Partitions == 0 {
		c.Partitions = defaultPartitions
	}
	if c.FlushTimeout == 0 {
		c.FlushTimeout = defaultFlushTimeout
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

func (c *Config) check() error {
	switch {
	case c.Cluster == nil:
		return errors.New("no Kafka cluster is given")
	case c.Topic == "":
		return errors.New("no topic is given; name one, for example sales")
	case c.Open == nil:
		return errors.New("no source is given")
	case c.Stores == nil:
		return errors.New("no stores are given")
	case c.Partitions < 0:
		return fmt.Errorf("%d partitions are not possible; give 1 or more", c.Partitions)
	case c.Limit < 0:
		return fmt.Errorf("a limit of %d lines is not possible; give 1 or more, or 0 for no limit", c.Limit)
	case c.Stamp != StampNow && c.Stamp != StampKeep:
		return fmt.Errorf("the stamp %d is not known", c.Stamp)
	case c.GiveUpAfter < 0 || c.FlushTimeout < 0:
		return errors.New("a time limit is negative")
	}
	if err := checkRatio("duplicate", c.DuplicateRatio); err != nil {
		return err
	}
	if err := checkRatio("corrupt", c.CorruptRatio); err != nil {
		return err
	}
	return checkRate(c.Rate)
}

func checkRatio(name string, ratio float64) error {
	if math.IsNaN(ratio) || ratio < 0 || ratio > 1 {
		return fmt.Errorf("the %s ratio %v is not usable; give a share from 0 to 1, for example 0.05", name, ratio)
	}
	return nil
}
