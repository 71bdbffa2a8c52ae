package kafkatest

import "syscall"

// childAttributes lets the kernel kill the child when its parent dies, however
// that happens: a panic, a test's time limit, SIGKILL. Its own process group
// keeps a Ctrl-C in the terminal from reaching it before the tests' cleanup.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
