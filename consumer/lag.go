package consumer

import (
	"strconv"
	"sync"
)

// lags is how far each partition that is ours is behind its end.
type lags struct {
	mu         sync.Mutex
	partitions map[int]int64
}

// lag shows a partition's distance from its end, in messages.
func (m *metrics) lag(partition int, messages int64) {
	messages = max(messages, 0)
	m.lagging.WithLabelValues(strconv.Itoa(partition)).Set(float64(messages))
	m.counts.lag.mu.Lock()
	defer m.counts.lag.mu.Unlock()
	m.counts.lag.partitions[partition] = messages
}

// forget drops what is known of partitions that are not ours any more: their new
// owner shows it.
func (m *metrics) forget() {
	m.lagging.Reset()
	m.counts.lag.mu.Lock()
	defer m.counts.lag.mu.Unlock()
	clear(m.counts.lag.partitions)
}

func (l *lags) sum() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, messages := range l.partitions {
		n += messages
	}
	return n
}
