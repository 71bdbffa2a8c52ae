package backoff

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Each pause is between a half and the whole of what is due, which doubles up to
// its limit, and begins anew with a new value.
func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 2 {
			var b Backoff
			for _, due := range []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
				due *= time.Millisecond
				began := time.Now()
				if !b.Wait(t.Context()) {
					t.Fatal("it says that the context has ended")
				}
				if took := time.Since(began); took < due/2 || took > due {
					t.Errorf("a pause of %v took %v", due, took)
				}
			}
		}
	})
}

// Many that begin together do not go on together.
func TestPausesDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(map[time.Duration]bool)
		for range 20 {
			began := time.Now()
			new(Backoff).Wait(t.Context())
			seen[time.Since(began)] = true
		}
		if len(seen) < 10 {
			t.Errorf("20 pauses have %d different lengths", len(seen))
		}
	})
}

func TestContextEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		if new(Backoff).Wait(ctx) || time.Since(began) != time.Millisecond {
			t.Errorf("the pause took %v", time.Since(began))
		}
	})
}
