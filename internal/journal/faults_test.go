package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"tillstream/internal/faultfs"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

var errSomething = errors.New("something is wrong with the disk")

// session is what the consumer does with a journal: it opens it, appends, and
// tries again what failed. It returns all rows.
func session(t testing.TB, dir string, opts journal.Options, check func()) []sale.Row {
	t.Helper()
	var (
		j   *journal.Journal
		err error
	)
	for range 20 {
		if j, _, err = open(dir, opts); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("Open does not recover: %v", err)
	}
	rows := rowsOf(0, 12)
	for from := 0; from < len(rows); from += 3 {
		for range 20 {
			err = j.Append(records(rows[from : from+3]))
			if check != nil {
				check()
			}
			if err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("Append does not recover: %v", err)
		}
	}
	_ = j.Close() // all is on disk already
	return rows
}

// all returns what the directory's files hold, in order.
func all(t testing.TB, dir string) []sale.Row {
	t.Helper()
	j, rows := mustOpen(t, dir, options(faultfs.New()))
	mustClose(t, j)
	return rows
}

// Whichever single call fails, and whether it took effect or not, the file never
// holds a half or a double record, and in the end exactly what was appended.
func TestEveryCallFailsOnce(t *testing.T) {
	for _, rotate := range []int64{0, 1000} {
		for _, fault := range []faultfs.Fault{
			{Err: syscall.ENOSPC},
			{Err: syscall.EIO, Late: true},
			{Err: syscall.ENOSPC, Short: 1},
			{Err: syscall.EIO, Short: 333},
		} {
			for nth := 1; ; nth++ {
				dir := t.TempDir()
				fs := faultfs.New()
				fault.Nth, fault.Times = nth, 1
				fs.Add(fault)
				opts := options(fs)
				opts.RotateBytes = rotate
				opts.Now = clock(time.Date(2025, 3, 1, 10, 11, 12, 0, time.UTC))
				want := session(t, dir, opts, func() { hasNoHalf(t, dir) })
				if t.Failed() {
					t.Fatalf("rotate at %d, call %d, %+v, calls:\n%v", rotate, nth, fault, fs.Calls())
				}
				sameRows(t, fmt.Sprintf("rotate at %d, call %d, %+v", rotate, nth, fault), all(t, dir), want)
				if fs.Count("") < nth {
					break // that call does not come any more
				}
			}
		}
	}
}

// Two calls that fail can leave a half record for a moment: the cut fails too.
// But the end is the same.
func TestEveryPairOfCallsFails(t *testing.T) {
	for first := 1; ; first++ {
		for gap := 1; gap <= 6; gap++ {
			dir := t.TempDir()
			fs := faultfs.New()
			fs.Add(faultfs.Fault{Nth: first, Times: 1, Short: 100, Err: syscall.ENOSPC})
			fs.Add(faultfs.Fault{Nth: first + gap - 1, Times: 1, Short: 50, Err: syscall.EIO}) // does not see the first one
			opts := options(fs)
			opts.RotateBytes = 1000
			want := session(t, dir, opts, nil)
			sameRows(t, fmt.Sprintf("calls %d and %d", first, first+gap), all(t, dir), want)
			if fs.Count("") < first {
				return
			}
		}
	}
}

// A full disk takes a part of a write and then refuses everything that writes,
// for a long time.
func TestDiskFullForAWhile(t *testing.T) {
	for short := 0; short < len(records(rowsOf(3, 6))); short += 5 {
		dir := t.TempDir()
		fs := faultfs.New()
		j, _ := mustOpen(t, dir, options(fs))
		mustAppend(t, j, rowsOf(0, 3))
		fs.Add(faultfs.Fault{Op: faultfs.Write, Short: short, Err: syscall.ENOSPC})
		for range 3 {
			if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("the error is %v, want ENOSPC", err)
			}
			hasNoHalf(t, dir)
		}
		fs.Heal()
		mustAppend(t, j, rowsOf(3, 6))
		if string(readFile(t, path(dir))) != string(contents(rowsOf(0, 6))) {
			t.Fatalf("after %d bytes got through, the file is not as expected", short)
		}
		mustClose(t, j)
	}
}

// A half record that cannot be cut off stays until it can, and nothing is written
// behind it.
func TestShortWriteAndNoTruncate(t *testing.T) {
	dir := t.TempDir()
	fs := faultfs.New()
	j, _ := mustOpen(t, dir, options(fs))
	mustAppend(t, j, rowsOf(0, 3))
	fs.Add(faultfs.Fault{Op: faultfs.Write, Times: 1, Short: 40, Err: syscall.ENOSPC})
	fs.Add(faultfs.Fault{Op: faultfs.Truncate, Err: syscall.EIO})
	if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the error is %v, want ENOSPC", err)
	}
	for range 3 {
		if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, syscall.EIO) {
			t.Fatalf("the error is %v, want EIO", err)
		}
		want := string(contents(rowsOf(0, 3))) + string(records(rowsOf(3, 6))[:40])
		if got := string(readFile(t, path(dir))); got != want {
			t.Fatalf("the file was written to although it could not be cut: %q", got)
		}
	}
	fs.Heal()
	mustAppend(t, j, rowsOf(3, 6))
	sameRows(t, "in the end", closed(t, dir, j), rowsOf(0, 6))
}

// closed closes a journal and returns what its files hold.
func closed(t testing.TB, dir string, j *journal.Journal) []sale.Row {
	t.Helper()
	mustClose(t, j)
	return all(t, dir)
}

// After a failed sync the kernel may take pages for clean that never reached the
// disk, so a sync that then succeeds proves nothing: all must be written again.
func TestWrittenAgainAfterAFailedSync(t *testing.T) {
	dir := t.TempDir()
	fs := faultfs.New()
	j, _ := mustOpen(t, dir, options(fs))
	fs.Add(faultfs.Fault{Op: faultfs.Sync, Times: 1, Err: syscall.EIO})
	if err := j.Append(records(rowsOf(0, 3))); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the error is %v, want EIO", err)
	}
	before := len(fs.Calls())
	mustAppend(t, j, rowsOf(0, 3))
	var wrote int
	for _, c := range fs.Calls()[before:] {
		switch c.Op {
		case faultfs.Write:
			wrote = c.Size
		case faultfs.Sync:
			if wrote == len(records(rowsOf(0, 3))) {
				sameRows(t, "in the end", closed(t, dir, j), rowsOf(0, 3))
				return
			}
		}
	}
	t.Errorf("the records were not written and synced again: %v", fs.Calls()[before:])
}

// Opening the file anew can fail as well, with what a network file system or a
// remount gives.
func TestOpenFailsWhileRunning(t *testing.T) {
	for _, cause := range []error{syscall.EACCES, syscall.EROFS, syscall.ESTALE, syscall.EMFILE, errSomething} {
		dir := t.TempDir()
		fs := faultfs.New()
		j, _ := mustOpen(t, dir, options(fs))
		mustAppend(t, j, rowsOf(0, 3))
		fs.Add(faultfs.Fault{Op: faultfs.Write, Times: 1, Err: cause})
		fs.Add(faultfs.Fault{Op: faultfs.Open, Err: cause})
		for range 3 {
			if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, cause) {
				t.Fatalf("the error is %v, want %v", err, cause)
			}
		}
		fs.Heal()
		mustAppend(t, j, rowsOf(3, 6))
		sameRows(t, "in the end", closed(t, dir, j), rowsOf(0, 6))
	}
}

// A rotation whose new file cannot be made has happened all the same, and the
// next Append takes it up there instead of rotating again.
func TestDiskFullWhileRotating(t *testing.T) {
	dir := t.TempDir()
	fs := faultfs.New()
	opts := options(fs)
	opts.RotateBytes = 300
	j, _ := mustOpen(t, dir, opts)
	mustAppend(t, j, rowsOf(0, 3))
	fs.Add(faultfs.Fault{Op: faultfs.Write, Short: 7, Err: syscall.ENOSPC})
	for range 3 {
		if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the error is %v, want ENOSPC", err)
		}
		if _, err := os.Stat(path(dir)); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("a file without its header is there: %v", err)
		}
	}
	fs.Heal()
	mustAppend(t, j, rowsOf(3, 6))
	if files := rotated(t, dir); len(files) != 1 {
		t.Errorf("the rotated files are %q, want one", files)
	}
	if got := readFile(t, path(dir)); string(got) != string(contents(rowsOf(3, 6))) {
		t.Errorf("the newest file holds %q", got)
	}
	sameRows(t, "in the end", closed(t, dir, j), rowsOf(0, 6))
}

// rotated returns the names of the older files, sorted.
func rotated(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "live_transactions-*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}
