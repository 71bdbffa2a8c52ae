package producer

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

const (
	// maxBehind bounds what is caught up after a stall (a broker that was away, a
	// machine that slept): the lines that were due in that time go out at once,
	// older ones are forgotten.
	maxBehind = time.Second
	// maxAhead keeps the due time of a very low rate within what a Duration holds.
	maxAhead = 100 * 365 * 24 * time.Hour
)

// pacer says when the next line is due. It counts from a fixed point in time, so
// that late timers and rounding do not add up to a drift.
type pacer struct {
	mu      sync.Mutex
	rate    float64 // lines a second; 0 is as fast as possible
	paused  bool
	anchor  time.Time     // when line 0 of the present rate was due
	passed  int64         // lines let through since anchor
	changed chan struct{} // closed and replaced when rate or paused changes
}

func newPacer(rate float64) *pacer {
	return &pacer{rate: rate, changed: make(chan struct{})}
}

func checkRate(rate float64) error {
	if math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
		return fmt.Errorf("the rate %v is not usable; give lines a second as a number from 0 (as fast as possible), for example 50 or 0.5", rate)
	}
	return nil
}

// wait returns when the next line is due, or with the context's error.
func (p *pacer) wait(ctx context.Context) error {
	var timer *time.Timer
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		ahead, changed := p.next()
		if changed == nil {
			return nil
		}
		if timer == nil {
			timer = time.NewTimer(ahead)
			defer timer.Stop()
		} else {
			timer.Reset(ahead)
		}
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// next lets a line through and returns no channel, or says how long to wait
// unless the channel is closed before.
func (p *pacer) next() (ahead time.Duration, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused {
		return maxAhead, p.changed
	}
	if p.rate == 0 {
		return 0, nil
	}
	now := time.Now()
	if p.anchor.IsZero() {
		p.anchor = now // the first line is due at once
	}
	due := p.due(p.passed)
	switch ahead = due.Sub(now); {
	case ahead > 0:
		return ahead, p.changed
	case ahead < -maxBehind:
		p.anchor, p.passed = now.Add(-maxBehind), 0
	}
	p.passed++
	return 0, nil
}

// due returns when a line, counted from the anchor, is due.
func (p *pacer) due(line int64) time.Time {
	after := float64(line) / p.rate * float64(time.Second)
	return p.anchor.Add(time.Duration(min(after, float64(maxAhead))))
}

// setRate changes the rate. The next line is due as long after the last one as
// the new rate says, or at once if that is over: a slow past owes nothing to a
// fast future.
func (p *pacer) setRate(rate float64) error {
	if err := checkRate(rate); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restart(rate)
	return nil
}

func (p *pacer) pause(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused != paused {
		p.paused = paused
		p.restart(p.rate)
	}
}

func (p *pacer) restart(rate float64) {
	now := time.Now()
	anchor := now
	if p.rate > 0 && rate > 0 && p.passed > 0 {
		last := p.due(p.passed - 1)
		p.rate, p.anchor = rate, last
		if next := p.due(1); next.After(now) {
			anchor = next
		}
	}
	p.rate, p.anchor, p.passed = rate, anchor, 0
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *pacer) get() (rate float64, paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rate, p.paused
}
