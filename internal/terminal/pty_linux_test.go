package terminal

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
)

// pty is a terminal without a screen: the test types, and reads what is drawn.
type pty struct {
	t       *testing.T
	keys    *os.File // the master: what a terminal emulator holds
	tty     *os.File // what the program holds
	initial unix.Termios

	mu      sync.Mutex
	output  bytes.Buffer
	changed chan struct{} // closed and replaced when output grows
}

// patience bounds every wait of a test that would otherwise hang.
const patience = 20 * time.Second

func openPTY(t *testing.T, width, height uint16) *pty {
	t.Helper()
	for _, name := range []string{"NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "TERM_PROGRAM", "CI", "GOOGLE_CLOUD_SHELL"} {
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
	p := &pty{t: t, keys: master, tty: tty, changed: make(chan struct{})}
	p.resize(width, height)
	p.initial = p.mode()
	read := make(chan struct{})
	go func() {
		defer close(read)
		chunk := make([]byte, 64<<10)
		for {
			n, err := master.Read(chunk)
			p.mu.Lock()
			p.output.Write(chunk[:n])
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		master.Close()
		<-read
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

func (p *pty) resize(width, height uint16) {
	p.t.Helper()
	size := &unix.Winsize{Col: width, Row: height}
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

// sees waits until the terminal has been sent the text, whatever its colours.
func (p *pty) sees(text string) { p.t.Helper(); p.waitFor(text, ansi.Strip) }

// obeys waits until the terminal has been sent a control sequence.
func (p *pty) obeys(sequence string) {
	p.t.Helper()
	p.waitFor(sequence, func(s string) string { return s })
}

func (p *pty) waitFor(text string, in func(string) string) {
	p.t.Helper()
	give := time.After(patience)
	for {
		p.mu.Lock()
		output, changed := p.output.String(), p.changed
		p.mu.Unlock()
		if strings.Contains(in(output), text) {
			return
		}
		select {
		case <-changed:
		case <-give:
			p.t.Fatalf("the terminal has not been sent %q, but at last\n%q", text, output[max(0, len(output)-4000):])
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
func (p *pty) keeps(text string) { p.t.Helper(); p.waitFor(text, scrollback) }

func scrollback(drawn string) string {
	_, after, _ := strings.Cut(drawn, "\x1b[?1049l")
	return ansi.Strip(after)
}
