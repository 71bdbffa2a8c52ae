// Package backoff pauses between the tries of what is to be tried until it works.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Longest is the longest pause; Shortest is the first one.
const (
	Shortest = 100 * time.Millisecond
	Longest  = 5 * time.Second
)

// Backoff makes the pauses between tries longer and longer: each is twice the one
// before, from Shortest to Longest. Each is shortened by up to a half, at random, so that
// many instances do not try at the same moment. Its zero value begins anew.
type Backoff struct{ pause time.Duration }

// Wait pauses. It reports false as soon as ctx ends.
func (b *Backoff) Wait(ctx context.Context) bool {
	b.pause = min(max(2*b.pause, Shortest), Longest)
	timer := time.NewTimer(b.pause/2 + rand.N(b.pause/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
