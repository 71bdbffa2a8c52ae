package faultfs

import (
	"io/fs"

	"tillstream/internal/journal"
)

// file is an open file whose calls can fail.
type file struct {
	fs    *FS
	under journal.File
	name  string
	inode *inode // nil unless power cuts are to be simulated
}

func (f *file) call(op Op) Call { return Call{Op: op, Name: f.name} }

// Read implements journal.File.
func (f *file) Read(p []byte) (n int, err error) {
	err = f.fs.do(f.call(Read), func(int) (err error) {
		n, err = f.under.Read(p)
		return err
	}, nil)
	return n, err
}

// Write implements journal.File.
func (f *file) Write(p []byte) (n int, err error) {
	call := f.call(Write)
	call.Size = len(p)
	err = f.fs.do(call, func(allowed int) (err error) {
		n, err = f.under.Write(p[:allowed])
		return err
	}, nil)
	return n, err
}

// Seek implements journal.File.
func (f *file) Seek(offset int64, whence int) (at int64, err error) {
	err = f.fs.do(f.call(Seek), func(int) (err error) {
		at, err = f.under.Seek(offset, whence)
		return err
	}, nil)
	return at, err
}

// Close implements journal.File. It always closes.
func (f *file) Close() error {
	return f.fs.do(f.call(Close), func(int) error { return f.under.Close() }, nil)
}

// Stat implements journal.File.
func (f *file) Stat() (info fs.FileInfo, err error) {
	err = f.fs.do(f.call(FileStat), func(int) (err error) {
		info, err = f.under.Stat()
		return err
	}, nil)
	return info, err
}

// Sync implements journal.File.
func (f *file) Sync() error {
	return f.fs.do(f.call(Sync), func(int) error { return nil }, func(d *disk) { d.synced(f.inode) })
}

// Truncate implements journal.File.
func (f *file) Truncate(size int64) error {
	return f.fs.do(f.call(Truncate), func(int) error { return f.under.Truncate(size) }, nil)
}
