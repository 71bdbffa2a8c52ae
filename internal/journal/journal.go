// Package journal is the consumer's destination: live_transactions.csv and the
// files it was rotated into. What Append has returned for is on disk; what a
// crash left half done, Open and Replay undo.
package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"tillstream/internal/sale"
)

const (
	// Name is the file that always holds the newest rows.
	Name = "live_transactions.csv"
	// rotatedPrefix, the UTC time and rotatedSuffix name the older ones.
	rotatedPrefix = "live_transactions-"
	rotatedSuffix = ".csv"
	rotatedTime   = "20060102T150405.000Z"
	// lockName is the file by which an instance keeps others out of its
	// directory. It is empty; the operating system drops the lock when the
	// process ends, however it ends.
	lockName = ".lock"

	filePerm = 0o644
	dirPerm  = 0o755
)

var header = sale.AppendHeader(nil)

// Options are what a journal can be told.
type Options struct {
	FS          FS               // nil is OS
	RotateBytes int64            // rotate when the file is this long; 0 never does
	Now         func() time.Time // names rotated files; nil is time.Now
	Log         *slog.Logger     // nil is slog.Default
}

// Journal is the open destination. It is owned by one goroutine.
type Journal struct {
	dir, path string
	opts      Options
	lock      *flock.Flock
	file      File        // nil after an error, until it is opened anew
	info      fs.FileInfo // of file, to notice when the path is another one
	size      int64       // how much of the file is known to be on disk
	older     int64       // bytes in rotated files
	written   time.Time   // when the last Append had written
	synced    time.Time   // and had synced
}

// ErrLocked is returned by Open for a directory that another process writes to.
var ErrLocked = errors.New("another tillstream writes to this directory")

// Open makes the directory ready and takes hold of it. Replay must follow before
// the first Append.
func Open(dir string, opts Options) (*Journal, error) {
	if opts.FS == nil {
		opts.FS = OS{}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	j := &Journal{dir: dir, path: filepath.Join(dir, Name), opts: opts}
	if err := makeDir(opts.FS, dir); err != nil {
		return nil, fmt.Errorf("creating the output directory: %w", err)
	}
	j.lock = flock.New(filepath.Join(dir, lockName))
	locked, err := j.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking the output directory: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("opening %s: %w; give each instance its own --out", dir, ErrLocked)
	}
	if err := j.open(); err != nil {
		_ = j.lock.Unlock() // the first error says more
		return nil, err
	}
	return j, nil
}

// Path is the file that rows are appended to.
func (j *Journal) Path() string { return j.path }

// Bytes is how long all files are together, as far as they are known to be on
// disk.
func (j *Journal) Bytes() int64 { return j.size + j.older }

// Times says when the last Append that succeeded had written its records, and when
// it had them on disk.
func (j *Journal) Times() (written, synced time.Time) { return j.written, j.synced }

// Close lets go of the directory. Everything appended is on disk already.
func (j *Journal) Close() error {
	var err error
	if j.file != nil {
		err = j.file.Close()
		j.file = nil
	}
	return errors.Join(err, j.lock.Unlock())
}

// makeDir creates the directory and what is missing above it, so that a power cut
// does not take it away again.
func makeDir(files FS, dir string) error {
	var parents []string // of what is made
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		if _, err := files.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break // it is there, or MkdirAll will say what is wrong
		}
		parents = append(parents, filepath.Dir(at))
	}
	if err := files.MkdirAll(dir, dirPerm); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := files.SyncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

// open opens the file, which it creates with its header where there is none.
func (j *Journal) open() error {
	f, err := j.opts.FS.OpenFile(j.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err := j.create(); err != nil {
			return err
		}
		f, err = j.opts.FS.OpenFile(j.path, os.O_RDWR, 0)
	}
	if err != nil {
		return fmt.Errorf("opening the CSV: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		// The name may be newer than the last sync, also of a process before us.
		err = j.opts.FS.SyncDir(j.dir)
	}
	if err != nil {
		_ = f.Close() // the first error says more
		return fmt.Errorf("opening the CSV: %w", err)
	}
	j.file, j.info = f, info
	return nil
}

// create makes the file with its header. It appears under its name whole or not
// at all; open makes the name durable.
func (j *Journal) create() error {
	temporary := j.path + ".tmp"
	f, err := j.opts.FS.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return fmt.Errorf("creating the CSV: %w", err)
	}
	_, err = f.Write(header)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		// A file that was rotated must have its new name on disk before the old
		// one is taken again: else a power cut could leave it without any.
		err = j.opts.FS.SyncDir(j.dir)
	}
	if err == nil {
		err = j.opts.FS.Rename(temporary, j.path)
	}
	if err != nil {
		return fmt.Errorf("creating the CSV: %w", err)
	}
	return nil
}

// Append adds whole records and returns when they are on disk. After an error
// none of them counts as written: what may have come through is cut off, at the
// latest by the next Append, which goes on where the file was known to be good.
func (j *Journal) Append(records []byte) error {
	if err := j.ready(); err != nil {
		return err
	}
	if j.opts.RotateBytes > 0 && j.size >= j.opts.RotateBytes && j.size > int64(len(header)) {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	err := j.write(records)
	if err != nil {
		// What the file holds now is unknown, and after a failed sync the
		// kernel may take pages for clean that never reached the disk. So
		// nothing cached is believed: the file is opened again and cut back. For
		// those who read it meanwhile, a half record goes at once if it can.
		_ = j.file.Truncate(j.size) // the first error says more
		_ = j.file.Close()
		j.file = nil
		return err
	}
	j.size += int64(len(records))
	return nil
}

func (j *Journal) write(records []byte) error {
	// One write: a reader sees whole records at any moment.
	if _, err := j.file.Write(records); err != nil {
		return fmt.Errorf("writing %s: %w", j.path, err)
	}
	written := time.Now()
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", j.path, err)
	}
	j.written, j.synced = written, time.Now()
	return nil
}

// ready sees to it that the open file is the one under the path and ends where
// the last good Append did.
func (j *Journal) ready() error {
	info, err := j.opts.FS.Stat(j.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if j.info != nil {
			if _, err := j.opts.FS.Stat(j.dir); err != nil { // it may come back, with the file in it
				return fmt.Errorf("looking at the output directory: %w", err)
			}
			j.opts.Log.Warn("the CSV was moved or removed, starting a new one", "path", j.path)
			j.renamed()
		}
		return j.reopen()
	case err != nil:
		return fmt.Errorf("looking at the CSV: %w", err)
	case j.info != nil && !os.SameFile(info, j.info):
		return fmt.Errorf("%s is another file than before; stop whatever writes there and restart", j.path)
	case j.file == nil:
		return j.reopen()
	case info.Size() != j.size: // writing on would leave a hole, or overwrite somebody's rows
		return fmt.Errorf("%s has %d bytes, but %d were written: somebody changed it; restart to take it as it is now", j.path, info.Size(), j.size)
	}
	return nil
}

// renamed takes note that the file is no longer under the path, where a new one
// with nothing but the header is to follow.
func (j *Journal) renamed() {
	if j.file != nil {
		_ = j.file.Close() // all of it is synced
		j.file = nil
	}
	j.info = nil
	j.older += j.size
	j.size = int64(len(header))
}

func (j *Journal) reopen() error {
	foreign := j.info == nil // unless it is the header that we made
	if err := j.open(); err != nil {
		return err
	}
	if size := j.info.Size(); foreign && size != j.size { // not ours to cut
		_ = j.file.Close() // nothing was written to it
		j.file, j.info = nil, nil
		return fmt.Errorf("%s has come from elsewhere, with %d bytes; stop whatever writes there and restart to take it as it is", j.path, size)
	}
	if err := j.cut(j.size); err != nil {
		_ = j.file.Close() // the first error says more
		j.file = nil
		return err
	}
	return nil
}

// cut makes the file end at size, with all of it on disk, and puts the next write
// there.
func (j *Journal) cut(size int64) error {
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("looking at the CSV: %w", err)
	}
	if info.Size() < size {
		return fmt.Errorf("%s has %d bytes, but %d were written and synced: somebody cut it; restart to take it as it is now", j.path, info.Size(), size)
	}
	if info.Size() > size {
		if err := j.file.Truncate(size); err != nil {
			return fmt.Errorf("cutting %s back to %d bytes: %w", j.path, size, err)
		}
	}
	// Also when nothing was cut: a process that was killed before its sync leaves
	// rows that so far are in memory only.
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", j.path, err)
	}
	if _, err := j.file.Seek(size, 0); err != nil {
		return fmt.Errorf("going to the end of %s: %w", j.path, err)
	}
	j.size = size
	return nil
}

// rotate gives the file a name with the time and begins a new one. A crash in
// between leaves no file under the path, and Open makes one.
func (j *Journal) rotate() error {
	at := j.opts.Now().UTC()
	var older string
	for {
		older = filepath.Join(j.dir, rotatedPrefix+at.Format(rotatedTime)+rotatedSuffix)
		if _, err := j.opts.FS.Stat(older); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return fmt.Errorf("rotating the CSV: %w", err)
		}
		at = at.Add(time.Millisecond)
	}
	if err := j.opts.FS.Rename(j.path, older); err != nil {
		return fmt.Errorf("rotating the CSV: %w", err)
	}
	j.renamed()
	return j.reopen()
}

// files returns the paths of all files of the journal, oldest first.
func (j *Journal) files() ([]string, error) {
	entries, err := j.opts.FS.ReadDir(j.dir)
	if err != nil {
		return nil, fmt.Errorf("listing the output directory: %w", err)
	}
	return pathsOf(j.dir, entries), nil
}

// headerLength returns how many bytes of data the header takes, 0 where data
// begins otherwise. A byte order mark and a bare LF, as editors leave them, are
// no difference.
func headerLength(data []byte) int {
	rest, _ := bytes.CutPrefix(data, []byte("\ufeff"))
	names := bytes.TrimSuffix(header, []byte("\r\n"))
	after, found := bytes.CutPrefix(rest, names)
	if !found {
		return 0
	}
	after, _ = bytes.CutPrefix(after, []byte("\r"))
	after, found = bytes.CutPrefix(after, []byte("\n"))
	if !found {
		return 0
	}
	return len(data) - len(after)
}
