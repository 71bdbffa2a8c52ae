package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"
)

// ErrInterrupted is returned by [Run] when the user pressed ctrl+c after asking
// the program to end: it should not finish what is in flight, but exit.
var ErrInterrupted = errors.New("interrupted by the user")

const (
	// interval is how long a snapshot is shown: five frames a second.
	interval = 200 * time.Millisecond
	// framesPerSecond bounds the redraws when keys are pressed in between.
	framesPerSecond = 10
	// briefest is how long a view lasts at least. Bubble Tea asks the terminal what
	// it can do; an answer that came after the end would be typed into the shell.
	briefest = 300 * time.Millisecond
)

// Run shows snapshots until ctx ends or the user insists, then gives the terminal
// back and leaves the last frame on it. in and out must be [Interactive].
//
// The first q or ctrl+c calls act.Quit; the view stays, saying that the program
// finishes, until ctx ends: then a last snapshot is taken and Run returns nil. A
// ctrl+c after that first one ends Run at once with [ErrInterrupted], even if
// snapshot or an action hangs. Another error means that the terminal failed; the
// program can go on without the view.
//
// Run handles no signals: raw mode turns ctrl+c into a key, and what SIGTERM
// means is the program's affair. Should snapshot or an action panic, the terminal
// is restored first, and Run panics with the same value.
func Run(ctx context.Context, in *os.File, out *os.File, snapshot func() Snapshot, act Actions) error {
	profile := profileOf(out)
	m := newModel(act, profile, darkAtFirst())
	if width, height, err := term.GetSize(out.Fd()); err == nil {
		m.width, m.height = width, height
	}
	over := make(chan struct{}) // closed when the view has ended
	calls := make(chan func(), 16)
	m.do = func(call func()) {
		select {
		case calls <- call:
		default: // an action hangs, and this is the 17th key since
		}
	}

	program := tea.NewProgram(m,
		tea.WithInput(in), tea.WithOutput(out), tea.WithColorProfile(profile),
		tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond))

	var helpers sync.WaitGroup
	helpers.Go(func() { watch(ctx, over, snapshot, program.Send) })
	helpers.Go(func() { perform(calls, over, program.Send) })

	final, err := program.Run()
	close(over)
	last, ok := final.(model)
	switch {
	case ok && last.panicked != nil:
		panic(fmt.Sprintf("%v\n\n%s", last.panicked.value, last.panicked.stack))
	case err != nil:
		return fmt.Errorf("showing the live view: %w", err)
	case !ok:
		return fmt.Errorf("showing the live view: unexpected model %T", final)
	}
	if _, err := out.WriteString(last.lastFrame()); err != nil {
		return fmt.Errorf("leaving the last frame on the terminal: %w", err)
	}
	if last.interrupted {
		return ErrInterrupted // and no waiting: what hangs is why the user insists
	}
	helpers.Wait()
	return nil
}

// lastFrame is what stays in the scrollback: it leaves a row for the prompt.
func (m model) lastFrame() string {
	if !m.taken {
		return ""
	}
	f := m.frame
	f.phase, f.help = ended, false
	if f.height > 1 {
		f.height--
	}
	return strings.TrimRight(f.String(), "\n") + "\n"
}

// profileOf finds the colours that a terminal has. Any NO_COLOR means none, and
// plain text (https://no-color.org); colorprofile would keep what is bold, and
// not take "yes" for an answer.
func profileOf(out *os.File) colorprofile.Profile {
	if os.Getenv("NO_COLOR") != "" {
		return colorprofile.ASCII
	}
	return colorprofile.Detect(out, os.Environ())
}

// darkAtFirst reports whether the background is taken for dark until the terminal
// answers. Some say it in the environment too: COLORFGBG=0;15 is black on white.
func darkAtFirst() bool {
	colours := strings.Split(os.Getenv("COLORFGBG"), ";")
	background, err := strconv.Atoi(colours[len(colours)-1])
	return err != nil || background < 7 || background == 8
}

// watch sends a snapshot every interval, and a last one when ctx ends.
func watch(ctx context.Context, over <-chan struct{}, snapshot func() Snapshot, send func(tea.Msg)) {
	defer reportPanic(send)
	settled := time.After(briefest)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		send(taken{snapshot: snapshot(), at: time.Now()})
		select {
		case <-ticker.C:
		case <-over:
			return
		case <-ctx.Done():
			select {
			case <-settled:
			case <-over:
				return
			}
			send(taken{snapshot: snapshot(), at: time.Now(), last: true})
			return
		}
	}
}

// perform makes the calls of actions, in the order of the keys.
func perform(calls <-chan func(), over <-chan struct{}, send func(tea.Msg)) {
	defer reportPanic(send)
	for {
		select {
		case call := <-calls:
			call()
		case <-over:
			return
		}
	}
}

// reportPanic hands a panic to Run, which restores the terminal before it goes on
// panicking: a stack trace on a raw alternate screen would be lost.
func reportPanic(send func(tea.Msg)) {
	if value := recover(); value != nil {
		send(panicked{value: value, stack: debug.Stack()})
	}
}
