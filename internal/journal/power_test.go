package journal_test

import (
	"errors"
	"testing"

	"tillstream/internal/faultfs"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// checkPowerCut says what a power cut now would leave, for each choice that the
// kernel has, and that all the rows that Append or Replay vouched for are there.
func checkPowerCut(t *testing.T, fs *faultfs.FS, calls int, vouched []sale.Row) {
	t.Helper()
	for _, names := range faultfs.AllOfNames {
		for what, survival := range faultfs.Survivals {
			dir := t.TempDir()
			if err := fs.PowerCut(dir, survival, names); err != nil {
				t.Fatal(err)
			}
			j, rows, err := open(dir, options(faultfs.New()))
			if err != nil {
				t.Fatalf("after %d calls, with %s and %s: %v", calls, what, names, err)
			}
			if len(rows) < len(vouched) {
				t.Fatalf("after %d calls, with %s and %s: %d rows are left of %d that were synced; the last calls are %v",
					calls, what, names, len(rows), len(vouched), last(fs.Calls(), 8))
			}
			// More than that may have got through, in order, never a part.
			sameRows(t, "after a power cut", rows, rowsOf(0, len(rows)))
			mustAppend(t, j, rowsOf(len(rows), len(rows)+1))
			hasNoHalf(t, dir)
			mustClose(t, j)
		}
	}
}

func last[T any](all []T, n int) []T { return all[max(len(all)-n, 0):] }

// What Append returned nil for survives a power cut after any call.
func TestPowerCutAtEveryCall(t *testing.T) {
	for _, rotate := range []int64{0, 300} {
		for calls := 0; ; calls++ {
			dir := t.TempDir()
			fs := faultfs.New()
			fs.WatchPower()
			fs.CrashAfter(calls)
			opts := options(fs)
			opts.RotateBytes = rotate
			var vouched []sale.Row
			if j, _, err := open(dir, opts); err == nil {
				for range 2 {
					n := len(vouched)
					if j.Append(records(rowsOf(n, n+2))) != nil {
						break
					}
					vouched = rowsOf(0, n+2)
				}
				_ = j.Close() // the process may be dead
			}
			checkPowerCut(t, fs, calls, vouched)
			if fs.Count("") < calls {
				break
			}
		}
	}
}

// A process dies between its write and its sync, and the next one finds the rows
// in the page cache. Before it vouches for them, it must have them on disk: Kafka
// will be told that they are.
func TestPowerCutAfterReplay(t *testing.T) {
	dir := t.TempDir()
	fs := faultfs.New()
	fs.WatchPower()
	j, _ := mustOpen(t, dir, options(fs))
	mustAppend(t, j, rowsOf(0, 2))
	fs.Add(faultfs.Fault{Op: faultfs.Sync, Err: faultfs.ErrCrashed})
	fs.Add(faultfs.Fault{Op: faultfs.Truncate, Err: faultfs.ErrCrashed})
	if err := j.Append(records(rowsOf(2, 4))); !errors.Is(err, faultfs.ErrCrashed) {
		t.Fatalf("the error is %v", err)
	}
	mustClose(t, j)
	fs.Heal()
	_, rows := mustOpen(t, dir, options(fs))
	sameRows(t, "replay", rows, rowsOf(0, 4))
	checkPowerCut(t, fs, 0, rows)
}

// A process dies between the rename of a new file and the sync of the directory.
// The next one finds the name, which is not durable yet.
func TestPowerCutAfterADirectorySyncThatFailed(t *testing.T) {
	for _, rotate := range []int64{0, 300} {
		dir := t.TempDir()
		fs := faultfs.New()
		fs.WatchPower()
		opts := options(fs)
		opts.RotateBytes = rotate
		var (
			j   *journal.Journal
			err error
		)
		if rotate == 0 {
			fs.Add(faultfs.Fault{Op: faultfs.SyncDir, Times: 1, Err: errSomething})
		}
		for range 3 {
			if j, _, err = open(dir, opts); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		insist(t, j, rowsOf(0, 3))
		checkPowerCut(t, fs, 0, rowsOf(0, 3))
		if rotate > 0 {
			fs.Add(faultfs.Fault{Op: faultfs.SyncDir, Times: 1, Err: errSomething})
		}
		insist(t, j, rowsOf(3, 6))
		checkPowerCut(t, fs, 0, rowsOf(0, 6))
		mustClose(t, j)
	}
}
