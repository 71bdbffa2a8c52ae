package tracing

import (
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// limiter lets so many traces a second begin, a second's worth of them at once, so
// that a quiet till's lines are all traced. It is asked for each line, of which
// there can be a million a second: between two tokens the answer is one comparison.
type limiter struct {
	bucket *rate.Limiter
	began  time.Time
	next   atomic.Int64 // nanoseconds after began before which there is no token
}

func newLimiter(perSecond float64) *limiter {
	l := &limiter{
		bucket: rate.NewLimiter(rate.Limit(perSecond), int(math.Ceil(min(perSecond, math.MaxInt32)))),
		began:  time.Now(),
	}
	l.next.Store(math.MinInt64)
	return l
}

// allow takes a token if there is one. now is from time.Now: its monotonic clock
// counts, which nobody sets back.
func (l *limiter) allow(now time.Time) bool {
	at := now.Sub(l.began)
	if int64(at) < l.next.Load() {
		return false
	}
	if l.bucket.AllowN(now, 1) {
		return true
	}
	missing := (1 - l.bucket.TokensAt(now)) / float64(l.bucket.Limit())
	l.next.Store(int64(at) + int64(missing*float64(time.Second)))
	return false
}
