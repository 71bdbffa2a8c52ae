package consumer

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// The components that a consumer depends on. Each partition is one more, of Kafka.
const (
	groupStatus      = "kafka"
	endStatus        = "end of the topic"
	csvStatus        = "csv"
	deadLetterStatus = "dead-letter topic"
)

// status is what is wrong with each component. The log tells once when a trouble
// begins and once when it is over; that all partitions feel when Kafka is away is
// one trouble.
type status struct {
	log      *slog.Logger
	mu       sync.Mutex
	troubles map[string]error
}

func newStatus(log *slog.Logger) *status {
	return &status{log: log, troubles: make(map[string]error)}
}

// expected marks an error that is part of starting and needs no log line.
type expected struct{ error }

// set tells what is wrong with a component; nil is nothing.
func (s *status) set(component string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.troubled(component)
	if err == nil {
		delete(s.troubles, component)
	} else {
		s.troubles[component] = err
	}
	switch is := s.troubled(component); {
	case is && !was:
		s.log.Warn("waiting, and trying again until it works", "component", component, "error", err)
	case was && !is:
		s.log.Info("works again", "component", familyOf(component))
	}
}

// forget drops a trouble that is no longer ours to care for, which does not mean
// that it is over.
func (s *status) forget(component string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.troubles, component)
}

// familyOf is the component by which a trouble is told.
func familyOf(component string) string {
	if component == csvStatus || component == deadLetterStatus {
		return component
	}
	return groupStatus
}

// troubled reports whether there is a trouble in the component's family that was
// told. mu is held.
func (s *status) troubled(component string) bool {
	for other, err := range s.troubles {
		if familyOf(other) == familyOf(component) && !isExpected(err) {
			return true
		}
	}
	return false
}

// err returns what is wrong with all components together, nil for nothing.
func (s *status) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []error
	for _, component := range slices.Sorted(maps.Keys(s.troubles)) {
		all = append(all, fmt.Errorf("%s: %w", component, s.troubles[component]))
	}
	return errors.Join(all...)
}

func isExpected(err error) bool {
	var e expected
	return errors.As(err, &e)
}
