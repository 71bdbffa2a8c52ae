// Package dedupe remembers which lines are on disk, for a bounded time and in
// bounded memory.
package dedupe

import (
	"time"

	"tillstream/internal/sale"
)

// generations is how many parts the window is kept in. The oldest part is
// dropped whole when a new one begins, so a line is remembered for at least the
// window and at most a quarter longer, and forgetting costs nothing per line.
const generations = 4

// Set is the identities and invoices remembered. It is owned by one goroutine.
//
// A remembered line costs 16 bytes in a hash table (8 of key, 4 of content,
// padded) and a remembered invoice 8, with the table's free places about 26 and
// 13.
type Set struct {
	window time.Duration
	begun  time.Time // when parts[0] began
	parts  []part    // newest first
}

type part struct {
	lines    map[uint64]uint32 // identity key to content
	invoices map[uint64]struct{}
}

func newPart() part {
	return part{lines: make(map[uint64]uint32), invoices: make(map[uint64]struct{})}
}

// New returns an empty set that remembers for at least the window; a window of 0
// is for ever.
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
		if content, ok := p.lines[id.Key]; ok {
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

// HasInvoice reports whether a line of the invoice is known.
func (s *Set) HasInvoice(invoice uint64) bool {
	for _, p := range s.parts {
		if _, ok := p.invoices[invoice]; ok {
			return true
		}
	}
	return false
}

// Remember adds a line that is on disk. It reports whether the invoice is new.
func (s *Set) Remember(id sale.Identity, invoice uint64) (newInvoice bool) {
	newInvoice = !s.HasInvoice(invoice)
	if newInvoice {
		s.parts[0].invoices[invoice] = struct{}{}
	}
	s.parts[0].lines[id.Key] = id.Content
	return newInvoice
}

// Expire drops what is older than the window. It is cheap enough to be called
// with every batch.
func (s *Set) Expire(now time.Time) {
	if s.window <= 0 || now.Sub(s.begun) < s.window/generations {
		return
	}
	s.begun = now
	kept := min(len(s.parts), generations)
	s.parts = append([]part{newPart()}, s.parts[:kept]...)
}

// Len returns how many lines are remembered.
func (s *Set) Len() int {
	n := 0
	for _, p := range s.parts {
		n += len(p.lines)
	}
	return n
}
