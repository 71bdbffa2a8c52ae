package etl

import (
	"context"
	"testing"

	"tillstream/internal/sale"
)

// Directories take turns: one whose consumer never rests does not keep the others'
// lines waiting. All there was is there when it is so in each of them.
func TestDirectoriesTakeTurns(t *testing.T) {
	busy, other := &till{lab: &lab{TB: t}, dir: t.TempDir()}, &till{lab: &lab{TB: t}, dir: t.TempDir(), next: 100}
	s := &liveSession{Live: NewLive(Config{}, LiveOptions{})}
	for _, dir := range []string{busy.dir, other.dir} {
		s.followers = append(s.followers, newFollower(dir, s.cfg.Log, func(context.Context, string) (string, error) { return "", nil }))
	}
	other.append(other.lines(1)...)
	for round := range 2 {
		busy.append(busy.lines(1)...)
		p, f, err := s.read(t.Context())
		if err != nil || p == nil || f != s.followers[round] {
			t.Fatalf("round %d: %+v, %v", round, p, err)
		}
		f.done(p)
		f.caughtUp = f.looked
		s.catchUp()
		if all := round == 1; s.caughtUp.IsZero() == all {
			t.Errorf("round %d: caught up at %v", round, s.caughtUp)
		}
	}
	if !s.caughtUp.Equal(s.followers[0].caughtUp) {
		t.Errorf("caught up at %v, but the first directory at %v", s.caughtUp, s.followers[0].caughtUp)
	}
}

// Two files that begin with the same line, one from a consumer that was killed and one
// from the next owner of its partition, are two files.
func TestFilesThatBeginAlike(t *testing.T) {
	l, first, second := newLab(t), t.TempDir(), t.TempDir()
	l.reference()
	other := live()
	other[sale.LineNumber] = "2"
	third := live()
	third[sale.LineNumber] = "3"
	writeLive(t, first, live(), other)
	writeLive(t, second, live(), third)
	for _, inserted := range []int64{3, 0} {
		got, err := NewLive(l.cfg, LiveOptions{Dirs: []string{first, second}, Drain: true}).Run(t.Context())
		if err != nil || got.Inserted != inserted {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	l.kinds(l.verified(VerifyOptions{CSV: []string{first, second}}), map[string]int64{})
}
