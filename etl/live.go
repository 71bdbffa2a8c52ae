package etl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tillstream/internal/backoff"
	"tillstream/internal/database"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// LiveOptions are what Live can be told besides Config.
type LiveOptions struct {
	Dirs  []string      // of the consumers' live_transactions.csv
	Full  bool          // begin each file at its start, wherever the warehouse is: what it has is left as it is
	Drain bool          // stop at the end of the files as they are, and on any trouble
	Poll  time.Duration // how often to look for new lines; default: 300 ms
}

// Live brings the consumer's lines into the warehouse while they are written.
type Live struct {
	cfg     Config
	options LiveOptions
	metrics *liveMetrics

	finish     chan struct{}
	finishOnce sync.Once

	mu      sync.Mutex
	trouble error

	own      *run            // one for all sessions
	begun    map[string]bool // files that were read from their start, where Full asks for that
	netUSD   sale.Micros
	caughtUp time.Time // all there was then is in the warehouse
}

const (
	defaultPoll = 300 * time.Millisecond
	// liveGrace is how long a batch may still take when Live is told to stop.
	liveGrace = 20 * time.Second
	// rebuildPause is how often Live looks whether a load that was killed has left
	// the aggregates to be added up.
	rebuildPause = time.Minute
)

// busyAfter is how long the warehouse may take for one look at the files and the lines
// found before that is a trouble. It has its own patience: see database.DB.Transact.
var busyAfter = 15 * time.Second // not a constant for the tests' sake

// errBusy is what is wrong when it takes longer.
var errBusy = errors.New("the warehouse is busy: the lines at hand have been waiting for it; `tillstream etl status` shows who else writes to it")

// errStarting is what is wrong with Live until it has first reached the warehouse.
var errStarting = errors.New("connecting to the warehouse")

// NewLive prepares it. Nothing is opened before Run.
func NewLive(cfg Config, options LiveOptions) *Live {
	if options.Poll <= 0 {
		options.Poll = defaultPoll
	}
	cfg = cfg.withDefaults()
	return &Live{cfg: cfg, options: options, metrics: newLiveMetrics(cfg.Registerer), finish: make(chan struct{}),
		trouble: errStarting, own: &run{cfg: cfg, step: stepLive}, begun: make(map[string]bool)}
}

// Finish makes Run end when it has reached the end of the files, or on any trouble.
func (l *Live) Finish() { l.finishOnce.Do(func() { close(l.finish) }) }

// Ready returns nil while lines flow or could flow, else why not.
func (l *Live) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trouble
}

// setTrouble takes note of what is wrong; nil is nothing. The log tells it once when
// it begins, and once when it is over.
func (l *Live) setTrouble(err error) {
	l.mu.Lock()
	was := l.trouble
	l.trouble = err
	l.mu.Unlock()
	l.metrics.setUp(err == nil)
	told := was != nil && !errors.Is(was, errStarting)
	switch {
	case err != nil && !told:
		l.cfg.Log.Warn("no lines reach the warehouse; trying again until it works", "error", err)
	case err == nil && told:
		l.cfg.Log.Info("lines reach the warehouse again")
	}
}

// Run follows the files until ctx ends, which lets the batch at hand be finished, or
// until their end where Drain or Finish say so. Whatever goes wrong meanwhile it
// waits for to be over, unless Drain is set: the files keep what the warehouse does
// not have yet. The summary is filled also with an error.
func (l *Live) Run(ctx context.Context) (Summary, error) {
	l.own.began = time.Now()
	err := l.run(ctx)
	summary := l.own.summary()
	summary.NetUSD = l.netUSD.String()
	return summary, err
}

func (l *Live) run(ctx context.Context) error {
	var pause backoff.Backoff
	for {
		done := l.own.read
		err := l.session(ctx)
		switch {
		case err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return nil
		case l.options.Drain, l.finishing(), errors.Is(err, database.ErrLocked) && l.own.id == 0:
			// A lock of our own, from before a connection broke, may last for a while.
			return err
		case ctx.Err() != nil: // it could not be finished in time: the files still have it
			l.cfg.Log.Warn("stopped while lines could not be written; the next run goes on there", "error", err)
			return nil //nolint:nilerr // it was told to stop, and did
		}
		l.setTrouble(err)
		if l.own.read > done {
			pause = backoff.Backoff{}
		}
		if !pause.Wait(ctx) {
			return nil
		}
	}
}

// session follows the files as long as nothing goes wrong. Nothing of it is
// remembered in the next one but what the warehouse holds, and the run: all sessions
// are one, so that a trouble that lasts is one row of dw.etl_run, however often it is
// tried.
func (l *Live) session(ctx context.Context) (err error) {
	dw, err := database.Open(ctx, l.cfg.Warehouse)
	if err != nil {
		return fmt.Errorf("the warehouse: %w", err)
	}
	defer dw.Close()
	if ctx, err = l.own.open(ctx, dw); err != nil {
		return err
	}
	defer func() { err = l.own.finish(ctx, err) }()
	writer, err := newFactWriter(ctx, l.own, true)
	if err != nil {
		return err
	}
	s := &liveSession{Live: l, run: l.own, writer: writer, reader: l.cfg.reader()}
	committed := func(ctx context.Context, source string) (string, error) {
		if l.options.Full && !l.begun[source] {
			return "", nil
		}
		return watermark(ctx, dw, source)
	}
	for _, dir := range l.options.Dirs {
		s.followers = append(s.followers, newFollower(dir, l.cfg.Log, committed))
	}
	if err := s.follow(ctx); err != nil {
		return err
	}
	l.netUSD, err = netUSD(context.WithoutCancel(ctx), dw)
	return err
}

// liveSession is one connection to the warehouse.
type liveSession struct {
	*Live
	run       *run
	writer    *factWriter
	followers []*follower // one a directory
	turn      int         // of the follower that is asked first
	reader    *sale.Reader
	looked    time.Time // when it was last seen to the aggregates
	recorded  time.Time // when the record of runs was last written and read
}

func (s *liveSession) follow(ctx context.Context) error {
	busy := time.AfterFunc(busyAfter, func() { s.setTrouble(errBusy) })
	defer busy.Stop()
	for {
		busy.Reset(busyAfter)
		if time.Since(s.looked) > rebuildPause {
			if err := s.rebuild(ctx); err != nil {
				return err
			}
			s.looked = time.Now()
		}
		if time.Since(s.recorded) > recordEvery {
			if err := s.record(ctx); err != nil {
				return err
			}
			s.recorded = time.Now()
		}
		finishing := s.options.Drain || s.finishing()
		p, f, err := s.read(ctx)
		if err != nil {
			return err
		}
		if p != nil {
			if err := s.settle(ctx, f, p); err != nil {
				return err
			}
			if p.reaches {
				f.caughtUp = f.looked
			}
			s.catchUp()
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		s.setTrouble(nil)
		s.catchUp()
		if finishing {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.finish:
		case <-time.After(s.options.Poll):
		}
	}
}

// read returns what one of the directories has, and whose it is; nil where none has
// anything. They take turns, so that one that always has something does not keep the
// others waiting.
func (s *liveSession) read(ctx context.Context) (*part, *follower, error) {
	for range s.followers {
		f := s.followers[s.turn]
		s.turn = (s.turn + 1) % len(s.followers)
		f.looked = time.Now()
		p, err := f.read(ctx)
		if p != nil || err != nil {
			return p, f, err
		}
		f.caughtUp = f.looked
	}
	return nil, nil, nil
}

// catchUp takes note of the time up to which all there was, in every directory, is in
// the warehouse. Where lines come in without a pause there is always something left to
// read by then.
func (s *liveSession) catchUp() {
	at := time.Now()
	for _, f := range s.followers {
		if f.caughtUp.Before(at) {
			at = f.caughtUp
		}
	}
	if at.After(s.caughtUp) {
		s.caughtUp = at
		s.metrics.caughtUpAt(at)
	}
}

// record tells the others how far this run is, and looks what they have done.
func (s *liveSession) record(ctx context.Context) error {
	if err := s.run.record(ctx); err != nil {
		return err
	}
	return s.metrics.refresh(ctx, s.run)
}

func (l *Live) finishing() bool {
	select {
	case <-l.finish:
		return true
	default:
		return false
	}
}

// settle brings a part of a file into the warehouse, in one transaction with the
// position after it. It is finished also if ctx ends.
func (s *liveSession) settle(ctx context.Context, f *follower, p *part) error {
	ctx, cancel := withGrace(ctx, liveGrace)
	defer cancel()
	ctx, span := s.cfg.Tracer.Start(ctx, "etl live")
	defer span.End()
	c := newChunk()
	for i := range p.rows {
		c.read++
		made, line, reason := judge(s.reader, &p.rows[i])
		if reason != nil {
			c.reject(&p.rows[i], reason, true)
			continue
		}
		c.add(&made, &line.Row, true)
	}
	before := s.run.rejected
	did, err := s.writer.write(ctx, c, func(ctx context.Context, tx *database.Tx) error {
		return setWatermark(ctx, tx, p.source, p.next.String())
	})
	failSpan(span, err)
	if err != nil {
		s.run.rejected = before // they are counted when it works
		return err
	}
	f.done(p)
	s.begun[p.source] = true // from here on the warehouse knows how far it is
	r := s.run
	rejected := r.rejected - before
	span.SetAttributes(counted(c.read, did.inserted, did.updated, rejected)...)
	repeated := c.read - did.inserted - rejected
	r.read += c.read
	r.inserted += did.inserted
	r.duplicates += repeated
	s.setTrouble(nil)
	s.metrics.settled(did.inserted, repeated, rejected, s.caughtUp)
	s.cfg.Progress("reading "+journal.Name, r.read, 0)
	return nil
}

// rebuild adds the aggregates up where a load that was killed has left that undone.
// A load that runs sees to it itself.
func (s *liveSession) rebuild(ctx context.Context) error {
	stale, err := aggregatesStale(ctx, s.run.dw)
	if err != nil || !stale {
		return err
	}
	release, err := s.run.dw.Lock(ctx, "etl-"+stepLoad, 0)
	if errors.Is(err, database.ErrLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(rebuildStale(ctx, s.run), release())
}

// withGrace returns a context that ends so long after its parent.
func withGrace(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() {
		stop()
		cancel()
	}
}
