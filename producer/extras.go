package producer

import (
	"context"
	"math/rand/v2"
	"time"

	"tillstream/internal/sale"
)

// maxDelay bounds how many lines later than its line a duplicate is sent.
const maxDelay = 200

// extras are the messages that the ratios add: duplicates, as a till sends them
// that missed its acknowledgement, and damaged ones. They follow lines and are
// not paced. The same seed adds the same messages.
type extras struct {
	p      *Producer
	pub    *publisher
	clocks *clocks
	random *rand.Rand
	damage damage
	line   int                      // lines so far
	later  [maxDelay + 1][]sale.Row // duplicates by the line after which they are sent
}

// newExtras returns nil when the ratios add nothing.
func (p *Producer) newExtras(pub *publisher, clocks *clocks) *extras {
	if p.cfg.DuplicateRatio == 0 && p.cfg.CorruptRatio == 0 {
		return nil
	}
	random := rand.New(rand.NewPCG(p.cfg.Seed, 0))
	return &extras{p: p, pub: pub, clocks: clocks, random: random, damage: damage{random: random}}
}

// after adds what follows a line: its damaged copy, its duplicate, and duplicates
// of earlier lines whose time has come.
func (e *extras) after(ctx context.Context, row *sale.Row) error {
	e.line++
	if e.random.Float64() < e.p.cfg.CorruptRatio {
		key, value, err := e.damage.of(row)
		if err != nil {
			return err
		}
		if err := e.pub.raw(ctx, key, value, time.Now()); err != nil {
			return err
		}
		e.p.corrupted.Add(1)
	}
	if e.random.Float64() < e.p.cfg.DuplicateRatio {
		delay := 0
		if e.random.IntN(2) == 0 {
			delay = 1 + e.random.IntN(maxDelay)
		}
		slot := (e.line + delay) % len(e.later)
		e.later[slot] = append(e.later[slot], *row)
	}
	return e.send(ctx, e.line%len(e.later))
}

// rest sends the duplicates whose time would have come after the last line.
func (e *extras) rest(ctx context.Context) error {
	for i := range e.later {
		if err := e.send(ctx, (e.line+i)%len(e.later)); err != nil {
			return err
		}
	}
	return nil
}

func (e *extras) send(ctx context.Context, slot int) error {
	for i := range e.later[slot] {
		row := &e.later[slot][i]
		now := time.Now()
		if e.p.cfg.Stamp == StampNow {
			row[sale.Date] = e.clocks.stamp(row, now)
		}
		if err := e.pub.line(ctx, row, now); err != nil {
			return err
		}
		e.p.duplicates.Add(1)
	}
	e.later[slot] = e.later[slot][:0]
	return nil
}
