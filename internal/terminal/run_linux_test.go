package terminal

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// session is a view that runs on a pty.
type session struct {
	*pty
	calls  chan string // of actions, in order
	result chan error  // of Run
	end    context.CancelFunc
}

// start runs a view; what is nil in act stays nil, the rest is also recorded.
func start(t *testing.T, snapshot func() Snapshot, act Actions) *session {
	t.Helper()
	return startOn(openPTY(t, 80, 24), snapshot, act)
}

func startOn(p *pty, snapshot func() Snapshot, act Actions) *session {
	t := p.t
	t.Helper()
	s := &session{pty: p, calls: make(chan string, 64), result: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	s.end = cancel
	recorded := Actions{}
	if act.Quit != nil {
		recorded.Quit = func() { s.calls <- "quit"; act.Quit() }
	}
	if act.SetRate != nil {
		recorded.SetRate = func(r float64) { s.calls <- fmt.Sprint("rate ", r); act.SetRate(r) }
	}
	if act.SetPaused != nil {
		recorded.SetPaused = func(p bool) { s.calls <- fmt.Sprint("paused ", p); act.SetPaused(p) }
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if v := recover(); v != nil {
				s.result <- fmt.Errorf("panic: %v", v)
			}
		}()
		s.result <- Run(ctx, s.tty, s.tty, snapshot, recorded)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func (s *session) called(want string) {
	s.t.Helper()
	select {
	case got := <-s.calls:
		if got != want {
			s.t.Fatalf("action %q was called, want %q", got, want)
		}
	case <-time.After(patience):
		s.t.Fatalf("action %q was not called", want)
	}
}

func (s *session) returned() error {
	s.t.Helper()
	select {
	case err := <-s.result:
		return err
	case <-time.After(patience):
		s.t.Fatal("Run did not return")
		return nil
	}
}

func noQuit()           {}
func noRate(float64)    {}
func noPause(bool)      {}
func fifty() Snapshot   { s := day(); s.TargetRate = 50; return s }
func everyKey() Actions { return Actions{Quit: noQuit, SetRate: noRate, SetPaused: noPause} }

func TestQFinishesGracefully(t *testing.T) {
	var lines atomic.Int64
	lines.Store(10_000)
	s := start(t, func() Snapshot { d := day(); d.Lines = lines.Load(); return d }, everyKey())
	s.sees("10,000 of 12,500")
	s.press("q")
	s.called("quit")
	s.sees("finishing: writing what is in flight")
	s.press("qqp+-q") // it is ending: nothing more to do
	s.press("?")
	s.sees("ctrl+c")

	lines.Store(12_500) // written while it finished: the last frame has it
	s.end()
	if err := s.returned(); err != nil {
		t.Fatal(err)
	}
	select {
	case call := <-s.calls:
		t.Errorf("action %q was called after quit", call)
	default:
	}
	s.isRestored()
	for _, want := range []string{"ended", "12,500 of 12,500", "United States", "Guimarães", "live_transactions.csv\n"} {
		s.keeps(want)
	}
	if strings.Contains(s.scrollback(), "pause") {
		t.Error("the last frame offers keys")
	}
}

func TestKeysCallActionsInOrder(t *testing.T) {
	s := start(t, fifty, everyKey())
	s.sees("target 50")
	s.press("+p") // typed fast: one message
	s.called("rate 100")
	s.called("paused true")
	s.press("?")
	s.sees("double the rate")
	s.press("-")
	select {
	case got := <-s.calls:
		// Halved is what was shown: 100, or 50 again once a snapshot came in between.
		if got != "rate 50" && got != "rate 25" {
			t.Errorf("- called %q", got)
		}
	case <-time.After(patience):
		t.Error("- called nothing")
	}
}

func TestCtrlCTwiceInterruptsWhateverHangs(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	var taken atomic.Int64
	s := start(t, func() Snapshot {
		if taken.Add(1) > 1 {
			<-hang
		}
		return day()
	}, Actions{Quit: func() { <-hang }})
	s.sees("$484,289.01")
	s.press("\x03")
	s.called("quit")
	s.sees("finishing: writing what is in flight")
	s.press("\x03")
	if err := s.returned(); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("Run returned %v, want ErrInterrupted", err)
	}
	s.isRestored()
	s.keeps("$484,289.01")
	if len(s.calls) > 0 {
		t.Errorf("the second ctrl+c called %q", <-s.calls)
	}
}

func TestContextEndsTheView(t *testing.T) {
	s := start(t, day, everyKey())
	s.sees("$484,289.01")
	s.end()
	if err := s.returned(); err != nil {
		t.Fatal(err)
	}
	s.isRestored()
	if len(s.calls) > 0 {
		t.Errorf("the end of the context called %q", <-s.calls)
	}
}

func TestContextThatHasEndedStillLeavesAFrame(t *testing.T) {
	p := openPTY(t, 140, 40)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, p.tty, p.tty, day, everyKey()); err != nil {
		t.Fatal(err)
	}
	p.isRestored()
	p.keeps("Target rate") // as wide as the terminal is
	_, after, _ := strings.Cut(p.drawn(), "\x1b[?1049l")
	for _, query := range []string{"\x1b]11;?", "$p", "?u"} {
		if strings.Contains(after, query) {
			t.Errorf("the terminal is asked %q too late: the shell will read the answer", query)
		}
	}
}

// TestTerminalThatNeverAnswers is about background and modes, which Bubble Tea
// asks for.
func TestTerminalThatNeverAnswers(t *testing.T) {
	s := startOn(newPTY(t, vt.NewEmulator(80, 24), false), day, everyKey())
	s.sees("$484,289.01")
	s.obeys("\x1b[38;5;32m") // dark is what most are
	s.press("q")
	s.called("quit")
	s.end()
	if err := s.returned(); err != nil {
		t.Fatal(err)
	}
	s.isRestored()
	s.keeps("$484,289.01")
}

// TestColoursSuitTheBackground, whether the terminal tells it or the environment.
func TestColoursSuitTheBackground(t *testing.T) {
	const onLight, onDark = "\x1b[38;5;25m", "\x1b[38;5;32m"
	for name, c := range map[string]struct {
		background color.Color // nil does not answer
		colorFGBG  string
		want       string
	}{
		"light":                       {color.White, "", onLight},
		"light though said to be not": {color.White, "15;0", onLight},
		"dark":                        {color.Black, "", onDark},
		"dark though said to be not":  {color.Black, "0;15", onDark},
		"said to be light":            {nil, "0;default;15", onLight},
		"said to be dark":             {nil, "15;0", onDark},
	} {
		t.Run(name, func(t *testing.T) {
			screen := vt.NewEmulator(80, 24)
			screen.SetDefaultBackgroundColor(c.background)
			p := newPTY(t, screen, c.background != nil)
			t.Setenv("COLORFGBG", c.colorFGBG)
			s := startOn(p, day, everyKey())
			s.obeys(c.want)
			s.end()
			if err := s.returned(); err != nil {
				t.Fatal(err)
			}
			p.keeps("$484,289.01")
			_, last, _ := strings.Cut(p.drawn(), "\x1b[?1049l")
			if !strings.Contains(last, c.want) {
				t.Errorf("no %q in the last frame", c.want)
			}
		})
	}
}

// TestKeysOfTerminalsWithMoreKeys sends keys as terminals do that tell apart more
// of them: Bubble Tea asks them to.
func TestKeysOfTerminalsWithMoreKeys(t *testing.T) {
	s := start(t, fifty, everyKey())
	s.sees("target 50")
	s.press("\x1b[27;2;43~") // xterm and tmux: shift and +
	s.called("rate 100")
	s.press("\x1b[27;2;80~") // a capital P
	s.called("paused true")
	s.press("\x1b[200~qqq\x1b[201~") // pasted
	s.press("\x1b[27;5;99~")         // ctrl+c
	s.called("quit")
	s.sees("finishing: writing what is in flight")
	s.press("\x1b[1089::99;5u") // Kitty: ctrl+c on a Cyrillic layout
	if err := s.returned(); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("Run returned %v, want ErrInterrupted", err)
	}
	s.isRestored()
}

func TestNilActionsAreNotOffered(t *testing.T) {
	s := start(t, fifty, Actions{})
	s.sees("? help")
	s.press("qp+-\x03")
	if err := s.returned(); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("Run returned %v, want ErrInterrupted", err)
	}
	for _, key := range []string{"quit", "pause", "faster", "slower"} {
		if strings.Contains(ansi.Strip(s.drawn()), key) {
			t.Errorf("%q is offered though its action is nil", key)
		}
	}
}

func TestPanicRestoresTheTerminal(t *testing.T) {
	var taken atomic.Int64
	s := start(t, func() Snapshot {
		if taken.Add(1) > 2 {
			panic("the totals are gone")
		}
		return day()
	}, everyKey())
	err := s.returned()
	if err == nil || !strings.Contains(err.Error(), "panic: the totals are gone") {
		t.Fatalf("Run ended with %v, want the panic", err)
	}
	s.isRestored()
}

func TestResizeRedraws(t *testing.T) {
	s := start(t, day, everyKey())
	s.sees("? help")
	s.resize(140, 40)
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	s.sees("Target rate") // only the wide view has it
}

func TestNoColorIsHonoured(t *testing.T) {
	for _, noColor := range []string{"", "1", "yes"} {
		t.Run("NO_COLOR="+noColor, func(t *testing.T) {
			p := openPTY(t, 80, 24)
			t.Setenv("NO_COLOR", noColor)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := Run(ctx, p.tty, p.tty, day, everyKey()); err != nil {
				t.Fatal(err)
			}
			p.keeps("United Kingdom")
			if coloured := strings.Contains(p.drawn(), "38;5;") || strings.Contains(p.drawn(), "\x1b[1m"); coloured == (noColor != "") {
				t.Errorf("coloured = %v", coloured)
			}
		})
	}
}

func TestInteractive(t *testing.T) {
	p := openPTY(t, 80, 24)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !Interactive(p.tty, p.tty) {
		t.Error("a terminal is not interactive")
	}
	for name, pair := range map[string][2]*os.File{
		"in is a file": {file, p.tty}, "out is a file": {p.tty, file}, "no in": {nil, p.tty}, "no out": {p.tty, nil},
	} {
		if Interactive(pair[0], pair[1]) {
			t.Errorf("%s: interactive", name)
		}
	}
	for _, term := range []string{"dumb", ""} {
		t.Setenv("TERM", term)
		if Interactive(p.tty, p.tty) {
			t.Errorf("TERM=%q: interactive", term)
		}
	}
}
