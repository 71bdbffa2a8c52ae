//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// beforeMain is how long the runtime may take on a busy machine until main can
// ask for signals.
const beforeMain = 500 * time.Millisecond

// process is a tillstream that runs.
type process struct {
	cmd    *exec.Cmd
	log    string // path of what it wrote to stderr
	began  time.Time
	stdout bytes.Buffer
	done   chan struct{} // closed when it has ended
}

// startProcess starts a command that dies with us: the kernel kills it when we
// end, however that happens. In a process group of its own a Ctrl-C in the
// terminal does not reach it: it would be one more leave in good order.
func startProcess(log string, name string, args ...string) (*process, error) {
	stderr, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer stderr.Close() // the child has its own descriptor
	p := &process{cmd: exec.Command(name, args...), log: log, began: time.Now(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	go func() {
		// Linux sends the death signal when the parent's *thread* ends, so the
		// thread has to stay as long as the child (golang/go#27505).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = p.cmd.Wait() // how it ended is in cmd.ProcessState
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill ends it with SIGKILL and returns when it is gone. One that has ended by
// itself is an error.
func (p *process) kill() error {
	if !p.alive() {
		return p.failure("it ended by itself")
	}
	_ = p.cmd.Process.Kill() // or it ends just now, which its state tells
	<-p.done
	if !p.endedBy(syscall.SIGKILL) {
		return p.failure("it ended by itself")
	}
	return nil
}

func (p *process) endedBy(signal syscall.Signal) bool {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}

// leave asks it to end with SIGTERM, which it must do well and within patience.
// Its summary is decoded into summary, unless that is nil.
func (p *process) leave(patience time.Duration, summary any) (took time.Duration, err error) {
	began := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, p.failure("it ended by itself")
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // its goroutines go to the log
		<-p.done
		return 0, p.failure(fmt.Sprintf("it was still there %v after SIGTERM", patience))
	}
	if p.endedBy(syscall.SIGTERM) && summary == nil && began.Sub(p.began) < beforeMain {
		return 0, nil // the signal was there before main was, which had nothing to lose yet
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return 0, p.failure("it did not end well after SIGTERM")
	}
	if summary != nil {
		if err := json.Unmarshal(p.stdout.Bytes(), summary); err != nil {
			return 0, p.failure("its summary cannot be read: " + err.Error())
		}
	}
	return time.Since(began), nil
}

// failure is an error about the process with the end of its log.
func (p *process) failure(what string) error {
	text, _ := os.ReadFile(p.log) // the error is about something else
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("tillstream %s: %s (%v); its log %s ends:\n%s", p.cmd.Args[1], what, p.cmd.ProcessState, p.log,
		strings.Join(lines[max(0, len(lines)-10):], "\n"))
}
