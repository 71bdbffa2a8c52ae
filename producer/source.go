// Package producer reads lines of sale from a source or replays them, stamps and
// paces them, and publishes them to Kafka. What its source holds it sends row for
// row: judging a line is the consumer's job.
package producer

import (
	"fmt"
	"strings"

	"tillstream/internal/sale"
)

// Source is where lines come from, in order.
type Source interface {
	// Next fills row with the next line; false at the end. The strings it fills
	// in stay valid after the next call: a duplicate may be sent much later.
	Next(row *sale.Row) (bool, error)
	// Close is called once, after the last Next.
	Close() error
}

// interrupter is a source whose Next may wait for ever, such as a pipe that
// nobody writes to. interrupt makes it return; it may be called at any time and
// from another goroutine.
type interrupter interface{ interrupt() }

// SourceError says that a file cannot be used as a source, where in it, and what
// to try. It is the user's mistake or the disk's, never Kafka's.
type SourceError struct {
	File string
	Line int    // 1-based; 0 where no line is concerned
	What string // what happened
	Hint string // what to try
	Err  error  // the cause, where there is one
}

// Error returns one line for the user.
func (e *SourceError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "reading %s: %s", e.File, e.What)
	if e.Line > 0 {
		fmt.Fprintf(&b, ", at line %d", e.Line)
	}
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }
