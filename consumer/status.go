package consumer

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
)

// The components that a consumer depends on. Each partition is one more.
const (
	groupStatus      = "kafka"
	csvStatus        = "csv"
	deadLetterStatus = "dead-letter topic"
	endStatus        = "end of the topic"
)

// status is what is wrong with each component. A trouble is logged once when it
// begins, when its cause changes, and when it is over.
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
	was := s.troubles[component]
	if err == nil {
		delete(s.troubles, component)
	} else {
		s.troubles[component] = err
	}
	s.mu.Unlock()
	switch {
	case err == nil && was != nil && !isExpected(was):
		s.log.Info("works again", "component", component)
	case err != nil && !isExpected(err) && (was == nil || was.Error() != err.Error()):
		s.log.Warn("waiting, and trying again until it works", "component", component, "error", err)
	}
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
