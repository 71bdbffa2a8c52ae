package producer

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// In a synctest bubble the clock moves only when all sleep: what is measured is
// the schedule, to the nanosecond.
func TestPaceIsExact(t *testing.T) {
	for _, rate := range []float64{0.5, 1, 3, 50, 999, 5000, 50_000} {
		synctest.Test(t, func(t *testing.T) {
			long := 20 * time.Second
			if rate > 10_000 {
				long = 2 * time.Second // a million lines take the race detector too long
			}
			p := newPacer(rate)
			began := time.Now()
			lines, most := 0, time.Duration(0)
			for {
				if err := p.wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				after := time.Since(began)
				if after >= long {
					break
				}
				due := time.Duration(float64(lines) / rate * 1e9)
				most = max(most, after-due, due-after)
				lines++
			}
			if want := int(math.Ceil(long.Seconds() * rate)); lines != want || most > time.Microsecond {
				t.Errorf("%v a second: %d lines, want %d; %v off at most", rate, lines, want, most)
			}
		})
	}
}

func TestPaceCatchesUpBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(100)
		wait := func() time.Duration {
			began := time.Now()
			if err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		wait()
		time.Sleep(300*time.Millisecond - time.Microsecond) // a short stall: nothing is lost
		for i := range 29 {
			if wait() != 0 {
				t.Fatalf("line %d was not caught up", i)
			}
		}
		if wait() == 0 {
			t.Error("more was caught up than was due")
		}
		time.Sleep(time.Hour) // a long one: a second's worth
		atOnce := 0
		for wait() == 0 {
			atOnce++
		}
		if atOnce < 100 || atOnce > 101 {
			t.Errorf("%d lines at once after an hour, want a second's worth", atOnce)
		}
	})
}

func TestSetRateWhileSleeping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(0.01)
		if err := p.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var passed time.Duration
		go func() {
			_ = p.wait(t.Context())
			passed = time.Since(began)
		}()
		set := func(rate float64) {
			t.Helper()
			if err := p.setRate(rate); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		set(0.05) // one in 20 s: 10 more to go
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if passed != 0 {
			t.Fatalf("a line after %v", passed)
		}
		set(0.5) // overdue: at once
		if passed != 19*time.Second {
			t.Errorf("the line passed after %v, want 19 s", passed)
		}
		// The past at a slow rate owes nothing to the fast one: no burst.
		burst := 0
		for start := time.Now(); time.Since(start) < 10*time.Second; burst++ {
			_ = p.wait(t.Context())
		}
		if burst != 5 {
			t.Errorf("%d lines in 10 s at 0.5 a second", burst)
		}
		set(0)
		start := time.Now()
		for range 10_000 {
			_ = p.wait(t.Context())
		}
		if time.Since(start) != 0 {
			t.Error("as fast as possible slept")
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(10)
		_ = p.wait(t.Context())
		p.pause(true)
		p.pause(true)
		if _, paused := p.get(); !paused {
			t.Error("not paused")
		}
		began := time.Now()
		time.AfterFunc(time.Hour, func() { p.pause(false) })
		_ = p.wait(t.Context())
		if after := time.Since(began); after != time.Hour {
			t.Errorf("a line after %v of an hour's pause", after)
		}
		_ = p.wait(t.Context())
		if after := time.Since(began); after != time.Hour+100*time.Millisecond {
			t.Errorf("the next one after %v: the pause was caught up", after)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p.pause(true)
		if p.wait(ctx) == nil {
			t.Error("a line passed while paused")
		}
	})
}

func TestExtremeRates(t *testing.T) {
	for _, rate := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		if newPacer(1).setRate(rate) == nil {
			t.Errorf("the rate %v was taken", rate)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(1e-300)
		_ = p.wait(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 365*24*time.Hour)
		defer cancel()
		if p.wait(ctx) == nil {
			t.Error("a second line within a year")
		}
		p = newPacer(math.MaxFloat64)
		for range 1000 {
			_ = p.wait(t.Context())
		}
	})
}

// With the real clock: timers are late, and the schedule makes up for it.
func TestPaceInRealTime(t *testing.T) {
	p := newPacer(2000)
	began := time.Now()
	const lines = 1000
	for range lines + 1 {
		if err := p.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 499*time.Millisecond || took > time.Second {
		t.Errorf("%d lines at 2000 a second took %v", lines, took)
	}
}
