// Package faultfs is a journal.FS that fails where a test says. It works on real
// files, records what is called, and can tell what a power cut would leave.
//
// Sync and SyncDir do not reach the hardware: what they would have made durable
// is kept track of here, which is exact, and quick.
package faultfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"tillstream/internal/journal"
)

// Op is a kind of call.
type Op string

// The calls there are. Those of a file carry its name as it was opened.
const (
	Open     Op = "open"
	Read     Op = "read"
	Write    Op = "write"
	Seek     Op = "seek"
	Sync     Op = "sync"
	Truncate Op = "truncate"
	FileStat Op = "fstat"
	Close    Op = "close"
	Rename   Op = "rename"
	Stat     Op = "stat"
	ReadDir  Op = "readdir"
	MkdirAll Op = "mkdir"
	SyncDir  Op = "syncdir"
)

// ErrCrashed is what every call returns after CrashAfter: the process is dead, so
// nothing that is called has an effect any more.
var ErrCrashed = errors.New("the process is dead")

// Call is one call that was made.
type Call struct {
	Op   Op
	Name string // of the file or directory; of a rename, the old path
	Size int    // bytes to write
	Err  error  // what it returned
}

// String says what was called and how it ended.
func (c Call) String() string {
	return fmt.Sprintf("%s %s (%d): %v", c.Op, filepath.Base(c.Name), c.Size, c.Err)
}

// Fault makes calls fail. The zero value of each selector matches everything.
type Fault struct {
	Op    Op
	Base  string // the last element of the path
	Nth   int    // the first call to fail among those that match from now on; 0 and 1 are the next
	Times int    // how many fail; 0 is all, until Heal
	Short int    // of a write, how many bytes get through first
	Late  bool   // the call takes effect all the same: it is only the answer that is bad
	Err   error
}

type rule struct {
	Fault
	seen int
}

// FS is the file system. It is safe for concurrent use.
type FS struct {
	under journal.OS

	mu    sync.Mutex
	calls []Call
	rules []*rule
	alive int   // calls until the crash, -1 for none
	disk  *disk // nil unless power cuts are to be simulated
}

// New returns a file system that does what it is told, until a fault is added.
func New() *FS { return &FS{alive: -1} }

// Add makes calls fail from now on.
func (f *FS) Add(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &rule{Fault: fault})
}

// Heal takes all faults away.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules, f.alive = nil, -1
}

// CrashAfter lets n more calls through and nothing after them.
func (f *FS) CrashAfter(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alive = n
}

// Calls returns what was called so far, in order.
func (f *FS) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Count returns how many calls of the kind were made so far; "" counts all.
func (f *FS) Count(op Op) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if op == "" || c.Op == op {
			n++
		}
	}
	return n
}

// do makes one call: act takes effect unless a fault says otherwise, and note, if
// it succeeded, keeps track of what is durable.
func (f *FS) do(c Call, act func(allowed int) error, note func(*disk)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.fault(c)
	switch {
	case fault == nil:
		c.Err = act(c.Size)
		if c.Err == nil && f.disk != nil && note != nil {
			note(f.disk)
		}
	case c.Op == Close, fault.Late: // a descriptor is gone also after an error
		c.Err = errors.Join(fault.Err, act(c.Size))
	default:
		if c.Op == Write && fault.Short > 0 {
			_ = act(min(fault.Short, c.Size)) // the fault is the error to report
		}
		c.Err = fault.Err
	}
	f.calls = append(f.calls, c)
	return c.Err
}

// fault returns what is wrong with a call, nil for nothing. f.mu is held.
func (f *FS) fault(c Call) *Fault {
	if f.alive == 0 {
		return &Fault{Err: ErrCrashed}
	}
	if f.alive > 0 {
		f.alive--
	}
	for _, r := range f.rules {
		if r.Op != "" && r.Op != c.Op || r.Base != "" && r.Base != filepath.Base(c.Name) {
			continue
		}
		r.seen++
		if first := max(r.Nth, 1); r.seen >= first && (r.Times == 0 || r.seen < first+r.Times) {
			err := r.Err
			if err == nil {
				err = fs.ErrInvalid
			}
			fault := r.Fault
			fault.Err = &fs.PathError{Op: string(c.Op), Path: c.Name, Err: err}
			return &fault
		}
	}
	return nil
}

// OpenFile implements journal.FS.
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (journal.File, error) {
	opened := &file{fs: f, name: name}
	err := f.do(Call{Op: Open, Name: name}, func(int) (err error) {
		opened.under, err = f.under.OpenFile(name, flag, perm)
		return err
	}, func(d *disk) { opened.inode = d.opened(name, flag) })
	if err != nil {
		if opened.under != nil {
			_ = opened.under.Close() // a late fault: the caller gets no file
		}
		return nil, err
	}
	return opened, nil
}

// Rename implements journal.FS.
func (f *FS) Rename(from, to string) error {
	return f.do(Call{Op: Rename, Name: from}, func(int) error { return f.under.Rename(from, to) },
		func(d *disk) { d.renamed(from, to) })
}

// Stat implements journal.FS.
func (f *FS) Stat(name string) (info fs.FileInfo, err error) {
	err = f.do(Call{Op: Stat, Name: name}, func(int) (err error) {
		info, err = f.under.Stat(name)
		return err
	}, nil)
	return info, err
}

// ReadDir implements journal.FS.
func (f *FS) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = f.do(Call{Op: ReadDir, Name: name}, func(int) (err error) {
		entries, err = f.under.ReadDir(name)
		return err
	}, nil)
	return entries, err
}

// MkdirAll implements journal.FS.
func (f *FS) MkdirAll(name string, perm fs.FileMode) error {
	return f.do(Call{Op: MkdirAll, Name: name}, func(int) error { return f.under.MkdirAll(name, perm) }, nil)
}

// SyncDir implements journal.FS.
func (f *FS) SyncDir(name string) error {
	return f.do(Call{Op: SyncDir, Name: name}, func(int) error {
		_, err := f.under.Stat(name)
		return err
	}, func(d *disk) { d.syncDir(name) })
}
