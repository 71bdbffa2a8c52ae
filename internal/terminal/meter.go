package terminal

import "time"

const (
	// sampled is how long one sample of the pace is.
	sampled = time.Second
	// remembered is how many samples are kept: a minute.
	remembered = 60
)

// meter derives lines a second from a count that is read now and then.
type meter struct {
	began, last           time.Time // of the first reading and of the last sample
	firstLines, lastLines int64
	samples               []float64 // lines a second, oldest first, at most a minute
}

// observe takes a reading: so many lines at that time. Samples are a second long
// or, when readings come late, several equal ones.
func (m *meter) observe(at time.Time, lines int64) {
	if m.began.IsZero() {
		m.began, m.firstLines = at, lines
		m.last, m.lastLines = at, lines
		return
	}
	passed := at.Sub(m.last)
	if passed < sampled {
		return
	}
	rate := max(0, float64(lines-m.lastLines)/passed.Seconds())
	for range min(passed/sampled, remembered) {
		if len(m.samples) == remembered {
			copy(m.samples, m.samples[1:])
			m.samples = m.samples[:remembered-1]
		}
		m.samples = append(m.samples, rate)
	}
	m.last, m.lastLines = at, lines
}

// average is the pace since the first reading; 0 when no time has passed.
func (m *meter) average(at time.Time, lines int64) float64 {
	if passed := at.Sub(m.began); passed > 0 && !m.began.IsZero() {
		return max(0, float64(lines-m.firstLines)/passed.Seconds())
	}
	return 0
}
