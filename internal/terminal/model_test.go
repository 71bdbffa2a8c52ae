package terminal

import (
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

func TestMeterSamplesEverySecond(t *testing.T) {
	start := time.Date(2025, 4, 15, 12, 0, 0, 0, time.UTC)
	at := func(millis int) time.Time { return start.Add(time.Duration(millis) * time.Millisecond) }
	var m meter
	m.observe(at(0), 1000) // a run that goes on where an earlier one ended
	m.observe(at(500), 1025)
	if len(m.samples) != 0 {
		t.Errorf("samples after half a second: %v", m.samples)
	}
	m.observe(at(1000), 1050)
	m.observe(at(1200), 1050)
	m.observe(at(2000), 1050)
	m.observe(at(5000), 1110) // readings came late
	m.observe(at(6000), 1100) // never happens; is no negative pace
	if want := []float64{50, 0, 20, 20, 20, 0}; !slices.Equal(m.samples, want) {
		t.Errorf("samples %v, want %v", m.samples, want)
	}
	if got := m.average(at(10_000), 1500); got != 50 {
		t.Errorf("average %v, want 50", got)
	}
	for second := range 200 {
		m.observe(at(10_000+1000*second), int64(2000+second))
	}
	if len(m.samples) != remembered || m.samples[0] != 1 {
		t.Errorf("%d samples, the oldest %v: want a minute of 1", len(m.samples), m.samples[0])
	}
	m.observe(at(10_000_000), 5000)
	if len(m.samples) != remembered {
		t.Errorf("%d samples after a long sleep", len(m.samples))
	}
}

func TestRatesThatKeysSet(t *testing.T) {
	for _, c := range []struct{ target, pace, faster, slower float64 }{
		{50, 50, 100, 25},
		{0.5, 0.5, 1, 0.25},
		{0.1, 0.1, 0.2, 0.1},           // it does not come to a stop
		{800_000, 800_000, 0, 400_000}, // beyond the highest there is no limit
		{0, 12_345, 0, 6_172},          // from no limit down to half of what there is
		{0, 0, 0, 0},
	} {
		if got := faster(c.target); got != c.faster {
			t.Errorf("faster(%v) = %v, want %v", c.target, got, c.faster)
		}
		if got := slower(c.target, []float64{c.pace}); got != c.slower {
			t.Errorf("slower(%v) at a pace of %v = %v, want %v", c.target, c.pace, got, c.slower)
		}
	}
	if got := slower(0, nil); got != 0 {
		t.Errorf("slower without limit before the first sample = %v", got)
	}
}

// TestKeysCountFromEachOther presses keys faster than snapshots come.
func TestKeysCountFromEachOther(t *testing.T) {
	var rates []float64
	var pauses []bool
	m := newModel(Actions{
		SetRate:   func(r float64) { rates = append(rates, r) },
		SetPaused: func(p bool) { pauses = append(pauses, p) },
	}, colorprofile.NoTTY, true)
	m.TargetRate = 50
	var state tea.Model = m
	for _, key := range "++-=_pp+p" {
		state, _ = state.Update(tea.KeyPressMsg{Code: key, Text: string(key)})
	}
	if want := []float64{100, 200, 100, 200, 100, 200}; !slices.Equal(rates, want) {
		t.Errorf("rates set: %v, want %v", rates, want)
	}
	if want := []bool{true, false, true}; !slices.Equal(pauses, want) {
		t.Errorf("pauses set: %v, want %v", pauses, want)
	}
	state.Update(tea.PasteMsg{Content: "q+p"})
	if len(rates) != 6 || len(pauses) != 3 {
		t.Error("a pasted text was taken for keys")
	}
}

// TestFastTransactionsStayASecond: at hundreds a second nobody could read them.
func TestFastTransactionsStayASecond(t *testing.T) {
	start := time.Date(2025, 4, 15, 12, 0, 0, 0, time.UTC)
	m := newModel(Actions{}, colorprofile.NoTTY, true)
	show := func(millis int, lines int64, product string, last bool) string {
		s := Snapshot{Lines: lines, Latest: []Sale{{Product: product}}}
		m.show(taken{snapshot: s, at: start.Add(time.Duration(millis) * time.Millisecond), last: last})
		return m.Latest[0].Product
	}
	for _, step := range []struct {
		millis  int
		lines   int64
		product string
		last    bool
		want    string
	}{
		{0, 100, "a", false, "a"},
		{200, 200, "b", false, "a"},
		{1000, 500, "c", false, "c"},
		{1200, 501, "d", false, "d"}, // slow: as it happens
		{1400, 900, "e", false, "d"},
		{1500, 901, "f", true, "f"}, // the last frame is complete
	} {
		if got := show(step.millis, step.lines, step.product, step.last); got != step.want {
			t.Errorf("after %d ms %q is shown, want %q", step.millis, got, step.want)
		}
		if m.Lines != step.lines {
			t.Errorf("after %d ms %d lines are shown, want %d", step.millis, m.Lines, step.lines)
		}
	}
}
