package dedupe

import (
	"math/rand/v2"
	"testing"
	"time"

	"tillstream/internal/sale"
)

const window = 168 * time.Hour

var start = time.Date(2025, 3, 14, 0, 0, 0, 0, time.UTC)

func line(n int) sale.Identity { return sale.Identity{Key: uint64(n), Content: uint32(n) * 7} }

func TestCheck(t *testing.T) {
	s := New(window, start)
	if got := s.Check(line(1)); got != Unknown {
		t.Errorf("an empty set says %v", got)
	}
	s.Remember(line(1), 100)
	for id, want := range map[sale.Identity]Verdict{
		line(1):                                Duplicate,
		{Key: 1, Content: line(1).Content + 1}: Conflict,
		{Key: 2, Content: line(1).Content}:     Unknown,
	} {
		if got := s.Check(id); got != want {
			t.Errorf("%v: %v, want %v", id, got, want)
		}
	}
	s.Remember(sale.Identity{}, 0) // zero is an identity like any other
	if s.Check(sale.Identity{}) != Duplicate || !s.HasInvoice(0) || s.Len() != 2 {
		t.Error("the zero identity is not remembered")
	}
}

// An invoice is new with its first line only, also when its lines are remembered
// in different parts.
func TestInvoicesAreCountedOnce(t *testing.T) {
	s := New(window, start)
	now, invoices := start, 0
	for n := range 100 {
		if s.Remember(line(n), uint64(n%7)) {
			invoices++
		}
		now = now.Add(window / 100)
		s.Expire(now)
	}
	if invoices != 7 {
		t.Errorf("7 invoices are counted as %d", invoices)
	}
	if len(s.parts) < generations {
		t.Errorf("all was in %d parts", len(s.parts))
	}
}

// However the lines come and however often Expire is called, a line is remembered
// for at least the window.
func TestRemembersForTheWindow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		s, now := New(window, start), start
		pause := window / time.Duration(1+random.IntN(40))
		var at []time.Time // when line n was remembered
		oldest := 0
		for n := range 400 {
			s.Remember(line(n), uint64(n))
			at = append(at, now)
			now = now.Add(time.Duration(random.Int64N(int64(pause))))
			s.Expire(now)
			for now.Sub(at[oldest]) > window {
				oldest++
			}
			for known := oldest; known <= n; known++ {
				if s.Check(line(known)) != Duplicate || !s.HasInvoice(uint64(known)) {
					t.Fatalf("a line is forgotten after %v", now.Sub(at[known]))
				}
			}
		}
	}
}

// When Expire is called as often as it should be, nothing is remembered for
// longer than a quarter over the window.
func TestForgetsAfterTheWindow(t *testing.T) {
	const step = window / 1000
	s, now := New(window, start), start
	for n := range 10_000 {
		s.Expire(now)
		s.Remember(line(n), uint64(n))
		now = now.Add(step)
	}
	s.Expire(now)
	longest := int((window + window/generations) / step)
	for n := range 10_000 - longest - 2 { // two steps of grace, for the instants between calls
		if s.Check(line(n)) != Unknown || s.HasInvoice(uint64(n)) {
			t.Fatalf("line %d of 10000 is still known", n)
		}
	}
	if s.Len() > longest+2 || s.Len() < 1000 {
		t.Errorf("%d lines are remembered", s.Len())
	}
}

// What was forgotten is new again.
func TestRemembersAgain(t *testing.T) {
	s, now := New(window, start), start
	s.Remember(line(1), 100)
	for range 2 * generations {
		now = now.Add(window / generations)
		s.Expire(now)
	}
	if s.Len() != 0 || !s.Remember(line(1), 100) || s.Check(line(1)) != Duplicate {
		t.Error("it is not")
	}
}

func TestAWindowOfZeroIsForEver(t *testing.T) {
	s, now := New(0, start), start
	s.Remember(line(1), 100)
	for range 100 {
		now = now.AddDate(1, 0, 0)
		s.Expire(now)
	}
	if s.Check(line(1)) != Duplicate || s.Remember(line(2), 100) || s.Len() != 2 {
		t.Error("it forgot")
	}
}

// A clock that is set back forgets nothing.
func TestAClockThatIsSetBack(t *testing.T) {
	s := New(window, start)
	s.Remember(line(1), 100)
	for hours := range 1000 {
		s.Expire(start.Add(-time.Duration(hours) * time.Hour))
	}
	if s.Check(line(1)) != Duplicate {
		t.Error("it forgot")
	}
}
