package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCommandsLeaveTheTerminalAlone runs version on a terminal that never answers,
// as those of CI jobs, editors and agents do: libraries for terminals that ask it
// something as soon as they are linked in hold up every command, and what they
// write stands in its output. Nor does it run tmux, which some of them do for the
// colours.
func TestCommandsLeaveTheTerminalAlone(t *testing.T) {
	want := ok(t, "version").stdout
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	if err := os.WriteFile(filepath.Join(dir, "tmux"), []byte("#!/bin/sh\n: >'"+ran+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}

	master, tty := openTerminal(t)
	const patience = 2 * time.Second // libraries wait for 5
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "version")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // so /dev/tty is this terminal too
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"NO_COLOR", "CI", "COLORTERM", "TERM_PROGRAM"}, name) // libraries would be quiet for these
	}), "TERM=xterm-256color", "TMUX=/nowhere,1,0", "PATH="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(master); err != nil && !errors.Is(err, syscall.EIO) { // EIO: nobody holds the tty any more
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("version on a silent terminal: %v (ended after %v?)", err, patience)
	}
	if want := strings.ReplaceAll(want, "\n", "\r\n"); got.String() != want {
		t.Errorf("the terminal got\n%q, want\n%q", got.String(), want)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("version ran tmux")
	}
}

// openTerminal opens a pseudo-terminal: what an emulator holds, and what a
// program does.
func openTerminal(t *testing.T) (master, tty *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return master, tty
}
