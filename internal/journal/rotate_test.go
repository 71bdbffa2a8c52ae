package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tillstream/internal/faultfs"
	"tillstream/internal/journal"
)

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	opts := options(faultfs.New())
	opts.RotateBytes = int64(len(contents(rowsOf(0, 4))))
	now := time.Date(2025, 3, 1, 10, 11, 12, 345e6, time.FixedZone("CET", 3600))
	opts.Now = func() time.Time { now = now.Add(90 * time.Minute); return now }
	j, _ := mustOpen(t, dir, opts)
	for i := 0; i < 20; i += 2 {
		mustAppend(t, j, rowsOf(i, i+2))
		if size := int64(len(readFile(t, path(dir)))); size > opts.RotateBytes+int64(len(records(rowsOf(i, i+2)))) {
			t.Errorf("the newest file has %d bytes", size)
		}
	}
	files := rotated(t, dir)
	if len(files) < 3 {
		t.Fatalf("the rotated files are %q", files)
	}
	var rows, bytes int
	form := regexp.MustCompile(`^live_transactions-\d{8}T\d{6}\.\d{3}Z\.csv$`)
	for _, name := range append(files, path(dir)) {
		data := readFile(t, name)
		bytes += len(data)
		n := len(parse(t, data))
		want := contents(rowsOf(rows, rows+n))
		if string(data) != string(want) {
			t.Errorf("%s does not hold the rows %d to %d", name, rows, rows+n)
		}
		rows += n
		if base := filepath.Base(name); base != journal.Name && !form.MatchString(base) {
			t.Errorf("%s is no name with the UTC time", base)
		}
	}
	if want := "live_transactions-20250301T104112.345Z.csv"; filepath.Base(files[0]) != want {
		t.Errorf("the first rotated file is %s, want %s", filepath.Base(files[0]), want)
	}
	if j.Bytes() != int64(bytes) {
		t.Errorf("Bytes is %d, want %d", j.Bytes(), bytes)
	}
	mustClose(t, j)
	j, got := mustOpen(t, dir, opts)
	sameRows(t, "replay over all files", got, rowsOf(0, 20))
	if j.Bytes() != int64(bytes) {
		t.Errorf("Bytes is %d after a restart, want %d", j.Bytes(), bytes)
	}
}

// Two rotations within a millisecond get names of their own, in order.
func TestRotationsAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	opts := options(faultfs.New())
	opts.RotateBytes = 1
	opts.Now = clock(time.Date(2025, 3, 1, 10, 11, 12, 999.9e6, time.UTC))
	j, _ := mustOpen(t, dir, opts)
	for i := range 6 {
		mustAppend(t, j, rowsOf(i, i+1))
	}
	files := rotated(t, dir)
	if len(files) != 5 { // a file of nothing but the header is not rotated
		t.Fatalf("the rotated files are %q, want 5", files)
	}
	if !slices.IsSorted(files) {
		t.Errorf("the names do not sort: %q", files)
	}
	sameRows(t, "replay", closed(t, dir, j), rowsOf(0, 6))
}

// A crash between the rename of the old file and the making of the new one leaves
// none under the path, and Open makes it.
func TestCrashWhileRotating(t *testing.T) {
	for calls := 0; ; calls++ {
		dir := t.TempDir()
		fs := faultfs.New()
		opts := options(fs)
		opts.RotateBytes = 300
		j, _ := mustOpen(t, dir, opts)
		mustAppend(t, j, rowsOf(0, 3))
		fs.CrashAfter(calls)
		err := j.Append(records(rowsOf(3, 6)))
		_ = j.Close()
		again, rows := mustOpen(t, dir, options(nil))
		if err == nil {
			sameRows(t, "after the crash", rows, rowsOf(0, 6))
			return
		}
		if !errors.Is(err, faultfs.ErrCrashed) {
			t.Fatal(err)
		}
		sameRows(t, "after the crash", rows[:3], rowsOf(0, 3))
		if len(rows) == 3 {
			mustAppend(t, again, rowsOf(3, 6))
		}
		sameRows(t, "in the end", closed(t, dir, again), rowsOf(0, 6))
	}
}

// Only the newest file may end in the middle of a record: nobody writes to the
// others any more, so it is no crash that did it.
func TestOlderFileThatIsTorn(t *testing.T) {
	older := "live_transactions-20250301T101112.000Z.csv"
	for name, file := range map[string]string{
		"a torn record":    string(contents(rowsOf(0, 3))) + "torn",
		"zeros":            string(contents(rowsOf(0, 3))) + "\x00\x00",
		"half a header":    "Invoice",
		"a foreign header": "a,b\r\n",
	} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, older), []byte(file))
		_, _, err := open(dir, options(nil))
		if err == nil || !strings.Contains(err.Error(), older) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if string(readFile(t, filepath.Join(dir, older))) != file {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// Other files beside the journal's are none of its business.
func TestOtherFilesBeside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"live_transactions.csv.bak", "live_transactions-old.txt", "notes.csv", "live_transactions.csv.tmp"} {
		writeFile(t, filepath.Join(dir, name), []byte("not ours"))
	}
	j, rows := mustOpen(t, dir, options(nil))
	sameRows(t, "replay", rows, nil)
	mustAppend(t, j, rowsOf(0, 1))
	if _, err := os.Stat(filepath.Join(dir, "live_transactions.csv.tmp")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a header that a crash left half made is still there")
	}
}
