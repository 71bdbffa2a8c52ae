//go:build unix && !linux

package kafkatest

import "syscall"

// childAttributes leaves the child in its parent's process group, so that at
// least a Ctrl-C in the terminal reaches it: only Linux can tie their lives.
func childAttributes() *syscall.SysProcAttr { return nil }
