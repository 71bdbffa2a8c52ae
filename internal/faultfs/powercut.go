package faultfs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

// disk is what a power cut would leave, as POSIX promises it and no more: of a
// file, what it held at its last Sync; of names, what they were at the last
// SyncDir. A real file system keeps more most of the time, never reliably.
type disk struct {
	now     map[string]*inode // by path
	durable map[string]*inode // by path
	pending []naming          // since the last SyncDir
}

// inode is a file, whatever its name.
type inode struct{ synced []byte }

// naming is a name that was given to a file, and perhaps taken from it.
type naming struct {
	from, to string // from is empty for a new file
	file     *inode
}

func (n naming) apply(names map[string]*inode) {
	names[n.to] = n.file
	if n.from != "" && names[n.from] == n.file {
		delete(names, n.from)
	}
}

// WatchPower makes f keep track of what a power cut would leave. All that is
// there already counts as durable from when it is opened first.
func (f *FS) WatchPower() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disk = &disk{now: make(map[string]*inode), durable: make(map[string]*inode)}
}

func (d *disk) opened(name string, flag int) *inode {
	if i, ok := d.now[name]; ok {
		return i
	}
	i := new(inode)
	if flag&os.O_CREATE != 0 {
		made := naming{to: name, file: i}
		made.apply(d.now)
		d.pending = append(d.pending, made)
		return i
	}
	d.now[name], d.durable[name] = i, i
	d.synced(i)
	return i
}

func (d *disk) renamed(from, to string) {
	moved := naming{from: from, to: to, file: d.now[from]}
	if moved.file == nil {
		moved.file = d.opened(from, 0)
	}
	moved.apply(d.now)
	d.pending = append(d.pending, moved)
}

// syncDir takes all names for durable: the tests have one directory.
func (d *disk) syncDir(string) {
	d.durable = maps.Clone(d.now)
	d.pending = nil
}

func (d *disk) synced(i *inode) {
	if content, ok := d.content(i); ok {
		i.synced = content
	}
}

// content returns what a file holds now. A file without a name has none that
// matters.
func (d *disk) content(i *inode) ([]byte, bool) {
	for name, at := range d.now {
		if at == i {
			content, err := os.ReadFile(name)
			return content, err == nil
		}
	}
	return nil, false
}

// Survival says which of a file's bytes get through a power cut, given what was
// synced and what was written in all.
type Survival func(synced, written []byte) []byte

// Survivals are what can become of bytes that were not synced.
var Survivals = map[string]Survival{
	"only what was synced": func(synced, _ []byte) []byte { return synced },
	"all that was written": func(_, written []byte) []byte { return written },
	"half of the rest": func(synced, written []byte) []byte {
		return written[:len(synced)+max(len(written)-len(synced), 0)/2]
	},
	"zeros for the rest": func(synced, written []byte) []byte {
		left := make([]byte, max(len(written), len(synced)))
		copy(left, synced)
		return left
	},
	"zeros and then the end of the rest": func(synced, written []byte) []byte {
		left := make([]byte, max(len(written), len(synced)))
		copy(left, synced)
		if middle := len(synced) + max(len(written)-len(synced), 0)/2; middle < len(written) {
			copy(left[middle:], written[middle:])
		}
		return left
	},
}

// Names says which of the names since the last SyncDir get through a power cut.
type Names string

// What can become of names that were not synced: the kernel may write them in any
// order.
const (
	NoNames  Names = "no name that was not synced"
	AllNames Names = "all names"
	LastName Names = "the last name only"
)

// AllOfNames are the choices there are.
var AllOfNames = []Names{NoNames, AllNames, LastName}

// PowerCut writes what a power cut now would leave into a directory, under the
// same base names.
func (f *FS) PowerCut(dir string, survival Survival, names Names) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := maps.Clone(f.disk.durable)
	for i, n := range f.disk.pending {
		if names == AllNames || names == LastName && i == len(f.disk.pending)-1 {
			n.apply(left)
		}
	}
	for name, file := range left {
		written, ok := f.disk.content(file)
		if !ok {
			written = file.synced
		}
		// A truncation that was not synced may be undone.
		if len(written) < len(file.synced) {
			written = file.synced
		}
		const perm = 0o600
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), survival(file.synced, written), perm); err != nil {
			return fmt.Errorf("simulating a power cut: %w", err)
		}
	}
	return nil
}
