// Package dedupe remembers which lines are on disk, for a bounded time and in
// bounded memory.
package dedupe

import (
	"time"

	"github.com/kamstrup/intmap"

	"tillstream/internal/sale"
)

// generations is how many parts the window is kept in. The oldest part is
// dropped whole when a new one begins, so a line is remembered for at least the
// window and at most a quarter longer, and forgetting costs nothing per line.
const generations = 4

// Set is the identities and invoices remembered. It is owned by one goroutine.
//
// A remembered line takes 16 bytes of a hash table (8 of key, 4 of content,
// padded) and a remembered invoice 8. The tables are between 35 and 70 % full.
type Set struct {
	window time.Duration
	begun  time.Time // when parts[0] began
	parts  []part    // newest first
}

// A table of our own kind of key takes half the time of Go's map, which is spent
// waiting for memory once there are millions.
type part struct {
	lines    *intmap.Map[uint64, uint32] // identity key to content
	invoices *intmap.Set[uint64]
}

func newPart() part {
	const size = 1024
	return part{lines: intmap.New[uint64, uint32](size), invoices: intmap.NewSet[uint64](size)}
}

// New returns an empty set that remembers for at least the window; a window of 0
// is for ever. now is when it begins, the zero time where the first Expire tells.
func New(window time.Duration, now time.Time) *Set {
	return &Set{window: window, begun: now, parts: []part{newPart()}}
}

// Verdict is what the set knows about a line.
type Verdict int

// The verdicts.
const (
	Unknown   Verdict = iota // not seen
	Duplicate                // seen with the same content
	Conflict                 // seen with other content
)

// Check says whether the line is known.
func (s *Set) Check(id sale.Identity) Verdict {
	for _, p := range s.parts {
		if content, ok := p.lines.Get(id.Key); ok {
			return Compare(content, id.Content)
		}
	}
	return Unknown
}

// Compare is the verdict on a line whose identity is known with the content.
func Compare(known, content uint32) Verdict {
	if known == content {
		return Duplicate
	}
	return Conflict
}

// Remember adds a line that is on disk. It reports whether the invoice is new.
func (s *Set) Remember(id sale.Identity, invoice uint64) (newInvoice bool) {
	s.parts[0].lines.Put(id.Key, id.Content)
	for _, older := range s.parts[1:] {
		if older.invoices.Has(invoice) {
			return false
		}
	}
	return s.parts[0].invoices.Add(invoice)
}

// Recall is Remember for a line read from the disk, and reports whether it was
// known: one look-up instead of Check's and Remember's two.
func (s *Set) Recall(id sale.Identity, invoice uint64) (known, newInvoice bool) {
	if len(s.parts) > 1 {
		known = s.Check(id) != Unknown
		return known, s.Remember(id, invoice)
	}
	_, isNew := s.parts[0].lines.PutIfNotExists(id.Key, id.Content)
	return !isNew, s.parts[0].invoices.Add(invoice)
}

// Learn adds a line that another instance has on disk. Its invoice is not ours to
// count. A line that is known stays as it is.
func (s *Set) Learn(id sale.Identity) { s.parts[0].lines.PutIfNotExists(id.Key, id.Content) }

// Expire drops what is older than the window. It is cheap enough to be called
// with every batch.
func (s *Set) Expire(now time.Time) {
	if s.window <= 0 {
		return
	}
	if s.begun.IsZero() {
		s.begun = now
	}
	for age := s.window / generations; now.Sub(s.begun) >= age; s.begun = s.begun.Add(age) {
		if s.Len() == 0 { // nothing to drop, however long ago that was
			s.begun = now
			return
		}
		kept := min(len(s.parts), generations)
		s.parts = append([]part{newPart()}, s.parts[:kept]...)
	}
}

// Len returns how many lines are remembered.
func (s *Set) Len() int {
	n := 0
	for _, p := range s.parts {
		n += p.lines.Len()
	}
	return n
}
