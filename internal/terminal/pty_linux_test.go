package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"golang.org/x/sys/unix"
)

// pty is a terminal: the test types, and sees what is drawn.
type pty struct {
	t       *testing.T
	keys    *os.File // the master: what a terminal emulator holds
	tty     *os.File // what the program holds
	initial unix.Termios

	mu      sync.Mutex
	output  bytes.Buffer  // all that was sent to it
	screen  *vt.Emulator  // what this looks like
	changed chan struct{} // closed and replaced when output grows
}

// patience bounds every wait of a test that would otherwise hang.
const patience = 20 * time.Second

// openPTY opens a terminal that answers what it is asked.
func openPTY(t *testing.T, width, height int) *pty {
	t.Helper()
	return newPTY(t, vt.NewEmulator(width, height), true)
}

// newPTY opens a terminal with a screen. One that does not answer is like those
// of CI jobs, editors and agents.
func newPTY(t *testing.T, screen *vt.Emulator, answers bool) *pty {
	t.Helper()
	for _, name := range []string{"NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORFGBG", "COLORTERM", "TERM_PROGRAM", "TMUX", "WT_SESSION", "GOOGLE_CLOUD_SHELL"} {
		t.Setenv(name, "")
	}
	t.Setenv("TERM", "xterm-256color")
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	var number int
	control(t, master, func(fd int) error {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	})
	// The garbage collector closes this one: Bubble Tea does not wait for the
	// goroutine that asks a terminal for its size.
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &pty{t: t, keys: master, tty: tty, screen: screen, changed: make(chan struct{})}
	p.resize(screen.Width(), screen.Height())
	p.initial = p.mode()
	answerTo := io.Discard
	if answers {
		answerTo = master
	}
	screenInput, ok := screen.InputPipe().(io.Closer)
	if !ok {
		t.Fatal("the answers have no end")
	}
	var work sync.WaitGroup
	work.Go(func() {
		// When the master has been closed, nobody reads the answers; but a screen
		// that cannot write them does not go on.
		_, _ = io.Copy(answerTo, screen)
		_, _ = io.Copy(io.Discard, screen)
	})
	work.Go(func() {
		chunk := make([]byte, 64<<10)
		for {
			n, err := master.Read(chunk)
			p.mu.Lock()
			p.output.Write(chunk[:n])
			_, drawing := screen.Write(chunk[:n])
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
			if err != nil {
				screenInput.Close() // not the screen: that would race with reading
				return
			}
			if drawing != nil {
				t.Errorf("the terminal could not draw: %v", drawing)
			}
		}
	})
	t.Cleanup(func() {
		master.Close()
		work.Wait()
	})
	return p
}

// control runs f with the descriptor, and leaves it in the poller: Fd would not,
// and closing could then not end a read.
func control(t *testing.T, file *os.File, f func(fd int) error) {
	t.Helper()
	conn, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

func (p *pty) resize(width, height int) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.screen.Resize(width, height)
	size := &unix.Winsize{Col: uint16(width), Row: uint16(height)}
	control(p.t, p.keys, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, size) })
}

func (p *pty) mode() unix.Termios {
	p.t.Helper()
	var mode *unix.Termios
	control(p.t, p.keys, func(fd int) (err error) {
		mode, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return *mode
}

// press types keys in one go.
func (p *pty) press(keys string) {
	p.t.Helper()
	if _, err := p.keys.WriteString(keys); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pty) drawn() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// sees waits until the text stands on the screen, whatever its colours.
func (p *pty) sees(text string) {
	p.t.Helper()
	p.waitFor(text, func() string { return p.screen.String() })
}

// obeys waits until the terminal has been sent a control sequence.
func (p *pty) obeys(sequence string) {
	p.t.Helper()
	p.waitFor(sequence, p.output.String)
}

// waitFor waits until the text is in what look sees.
func (p *pty) waitFor(text string, look func() string) {
	p.t.Helper()
	give := time.After(patience)
	for {
		p.mu.Lock()
		seen, changed := look(), p.changed
		p.mu.Unlock()
		if strings.Contains(seen, text) {
			return
		}
		select {
		case <-changed:
		case <-give:
			p.t.Fatalf("no %q in what the terminal shows or was sent:\n%s", text, seen)
		}
	}
}

// isRestored checks that the terminal is as it was: its mode, the cursor, and
// the screen with its scrollback.
func (p *pty) isRestored() {
	p.t.Helper()
	if p.mode() != p.initial {
		p.t.Error("the terminal is still in raw mode")
	}
	p.obeys("\x1b[?25h")   // the cursor is shown
	p.obeys("\x1b[?1049l") // the alternate screen is left
}

// keeps waits until the text stands in the scrollback: on the screen that is
// there after the alternate one was left.
func (p *pty) keeps(text string) { p.t.Helper(); p.waitFor(text, p.scrollback) }

// scrollback is that screen, without the blanks at the ends of its rows. The
// caller holds the lock, or nothing is drawn any more.
func (p *pty) scrollback() string {
	if p.screen.IsAltScreen() {
		return ""
	}
	var b strings.Builder
	for row := range strings.SplitSeq(p.screen.String(), "\n") {
		b.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	return b.String()
}
