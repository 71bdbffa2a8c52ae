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

// hasInvoice looks for an invoice without remembering it.
func hasInvoice(s *Set, invoice uint64) bool {
	for _, p := range s.parts {
		if p.invoices.Has(invoice) {
			return true
		}
	}
	return false
}

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
	if s.Check(sale.Identity{}) != Duplicate || !hasInvoice(s, 0) || s.Len() != 2 {
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
	if len(s.parts) < 2 {
		t.Error("all was in one part, which shows nothing")
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
				if s.Check(line(known)) != Duplicate || !hasInvoice(s, uint64(known)) {
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
	longest := int(window*5/4/step) + 2 // two steps of grace, for the instants between calls
	for n := range 10_000 {
		s.Expire(now)
		s.Remember(line(n), uint64(n))
		if past := n - longest; past >= 0 && (s.Check(line(past)) != Unknown || hasInvoice(s, uint64(past))) {
			t.Fatalf("a line is still known after %v", time.Duration(longest)*step)
		}
		if s.Len() > longest {
			t.Fatalf("%d lines are remembered", s.Len())
		}
		now = now.Add(step)
	}
}

// What was forgotten is new again.
func TestRemembersAgain(t *testing.T) {
	s, now := New(window, start), start
	s.Remember(line(1), 100)
	for range 20 {
		now = now.Add(window / 10)
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
