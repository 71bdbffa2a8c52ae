//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

const (
	liveName    = "live_transactions.csv"
	rotatedGlob = "live_transactions-*.csv"
	header      = published + "\r\n"
)

// directory is an instance's --out, as far as it was read and found good. Files
// only grow, so each byte is read once, and once more at the end by others.
type directory struct {
	path  string
	files map[uint64]*file // by inode, since rotation changes names
	lines map[digest]int32 // by identity, the how manieth row of the directory
	sums  *sums
	texts map[digest]digest
}

type file struct {
	path string
	good int64 // bytes that were read, whole rows all of them
}

func newDirectory(path string) *directory {
	return &directory{path: path, files: make(map[uint64]*file), lines: make(map[digest]int32),
		sums: newSums(), texts: make(map[digest]digest)}
}

// live is the CSV that rows are appended to, as it is now. Its zero value is none.
func (d *directory) live() (l struct {
	inode uint64
	size  int64
}) {
	if info, err := os.Stat(filepath.Join(d.path, liveName)); err == nil {
		l.inode, l.size = inodeOf(info), info.Size()
	}
	return l
}

func inodeOf(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		panic("a file's information without its inode")
	}
	return stat.Ino
}

// rotated are the paths of the older files, oldest first.
func (d *directory) rotated() []string {
	paths, err := filepath.Glob(filepath.Join(d.path, rotatedGlob))
	if err != nil {
		panic(err) // the pattern is a constant
	}
	slices.Sort(paths)
	return paths
}

// paths are those of all files, oldest first. Between the two steps of a rotation
// there is no newest one.
func (d *directory) paths() []string {
	paths := d.rotated()
	live := filepath.Join(d.path, liveName)
	if _, err := os.Stat(live); err == nil {
		paths = append(paths, live)
	}
	return paths
}

// check reads what has come since the last time. All of it must be whole rows of
// lines that are not there yet, but for the end of the newest file, of which it
// returns how many bytes are no row yet.
func (d *directory) check() (torn int64, err error) {
	found := make(map[uint64]bool)
	for _, path := range d.paths() {
		inode, rest, err := d.checkFile(path)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if rest > 0 && filepath.Base(path) != liveName {
			return 0, fmt.Errorf("%s: a rotated file ends with %d bytes that are no row", path, rest)
		}
		torn += rest
		found[inode] = true
	}
	for inode, f := range d.files {
		if !found[inode] {
			return 0, fmt.Errorf("%s, with %d bytes of rows, is gone", f.path, f.good)
		}
	}
	return torn, nil
}

func (d *directory) checkFile(path string) (inode uint64, torn int64, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, 0, err
	}
	inode = inodeOf(info)
	f := d.files[inode]
	if f == nil {
		begin := make([]byte, len(header))
		if n, err := io.ReadFull(in, begin); err != nil || string(begin) != header {
			return 0, 0, fmt.Errorf("its header is torn or another: %q", begin[:n])
		}
		f = &file{good: int64(len(header))}
		d.files[inode] = f
	}
	f.path = path
	if info.Size() < f.good {
		return 0, 0, fmt.Errorf("it had %d bytes of whole rows, now it has %d", f.good, info.Size())
	}
	text := make([]byte, info.Size()-f.good)
	if _, err := in.ReadAt(text, f.good); err != nil {
		return 0, 0, err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	if err := rows(bytes.NewReader(whole), d.add); err != nil {
		return 0, 0, fmt.Errorf("after byte %d: %w", f.good, err)
	}
	f.good += int64(len(whole))
	return inode, int64(len(text) - len(whole)), nil
}

func (d *directory) add(row []string) error {
	id := identity(row)
	if earlier, twice := d.lines[id]; twice {
		return fmt.Errorf("%s line %s is there twice, as row %d and as row %d", row[invoiceID], row[lineNumber], earlier, len(d.lines))
	}
	d.lines[id] = int32(len(d.lines))
	d.texts[id] = content(row)
	return d.sums.add(row)
}

// clean is check for files that nothing is being written to and nobody was killed
// at: all of it must be whole.
func (d *directory) clean() error {
	torn, err := d.check()
	if err == nil && torn > 0 {
		err = fmt.Errorf("%s ends with %d bytes that are no row", d.path, torn)
	}
	return err
}

// isMidRotation reports whether the newest file is missing or only half made.
func (d *directory) isMidRotation() bool {
	if len(d.files) == 0 {
		return false
	}
	_, err := os.Stat(filepath.Join(d.path, liveName))
	return errors.Is(err, fs.ErrNotExist)
}
