package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tillstream/internal/faultfs"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

func TestAppendThenReplay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "live")
	j, rows := mustOpen(t, dir, options(nil))
	sameRows(t, "a new file", rows, nil)
	mustAppend(t, j, rowsOf(0, 20))
	mustAppend(t, j, rowsOf(20, 21))
	mustAppend(t, j, rowsOf(21, 50))
	want := contents(rowsOf(0, 50))
	if got := readFile(t, path(dir)); string(got) != string(want) {
		t.Errorf("the file holds %q, want %q", got, want)
	}
	if j.Bytes() != int64(len(want)) {
		t.Errorf("Bytes is %d, want %d", j.Bytes(), len(want))
	}
	if n := len(parse(t, want)); n != 50 {
		t.Errorf("encoding/csv reads %d records, want 50", n)
	}
	mustClose(t, j)

	j, rows = mustOpen(t, dir, options(nil))
	sameRows(t, "opened again", rows, rowsOf(0, 50))
	mustAppend(t, j, rowsOf(50, 60))
	mustClose(t, j)
	_, rows = mustOpen(t, dir, options(nil))
	sameRows(t, "opened once more", rows, rowsOf(0, 60))
}

// A crash between any two calls of creating the file leaves no file or one with a
// whole header, never a part of it.
func TestHeaderAppearsWhole(t *testing.T) {
	for calls := 0; ; calls++ {
		dir := t.TempDir()
		fs := faultfs.New()
		fs.CrashAfter(calls)
		j, err := journal.Open(dir, options(fs))
		if data, readErr := os.ReadFile(path(dir)); readErr == nil {
			if string(data) != string(contents(nil)) {
				t.Errorf("a crash after %d calls leaves %q", calls, data)
			}
		} else if !errors.Is(readErr, os.ErrNotExist) {
			t.Fatal(readErr)
		}
		if err == nil {
			_ = j.Close() // where the process died just before, it says so
		} else if !errors.Is(err, faultfs.ErrCrashed) {
			t.Errorf("a crash after %d calls: %v", calls, err)
		}
		again, rows := mustOpen(t, dir, options(nil))
		sameRows(t, "after the crash", rows, nil)
		mustAppend(t, again, rowsOf(0, 3))
		parse(t, readFile(t, path(dir)))
		if err == nil {
			return // all calls got through
		}
	}
}

func TestHeaders(t *testing.T) {
	header := string(sale.AppendHeader(nil))
	names := strings.TrimSuffix(header, "\r\n")
	two := string(records(rowsOf(0, 2)))
	for _, c := range []struct {
		name, file string
		rows       int
		rewritten  bool // the header is written anew
	}{
		{"empty file", "", 0, true},
		{"header only", header, 0, false},
		{"rows", header + two, 2, false},
		{"LF after the header", names + "\n" + two, 2, false},
		{"byte order mark", "\ufeff" + header + two, 2, false},
		{"byte order mark and LF", "\ufeff" + names + "\n" + two, 2, false},
		{"half a header", header[:20], 0, true},
		{"header without its line end", names, 0, true},
		{"header with half its line end", names + "\r", 0, true},
		{"one byte", "I", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, path(dir), []byte(c.file))
			j, rows := mustOpen(t, dir, options(nil))
			sameRows(t, "replay", rows, rowsOf(0, c.rows))
			mustAppend(t, j, rowsOf(2, 4))
			want := c.file
			if c.rewritten {
				want = header
			}
			if got := string(readFile(t, path(dir))); got != want+string(records(rowsOf(2, 4))) {
				t.Errorf("the file holds %q", got)
			}
		})
	}
}

// What is not ours is refused, and stays as it is.
func TestForeignFiles(t *testing.T) {
	header := string(sale.AppendHeader(nil))
	older := strings.Replace(header, ",Invoice Total", "", 1)
	for name, file := range map[string]string{
		"another program's":         "a,b,c\r\n1,2,3\r\n",
		"an older version's":        older + "1,2,3\r\n",
		"a newer version's":         strings.Replace(header, "\r\n", ",Cashier\r\n", 1),
		"columns in another order":  strings.Replace(header, "Invoice ID,Line", "Line,Invoice ID", 1),
		"rows without a header":     string(records(rowsOf(0, 2))),
		"text":                      "hello",
		"zeros":                     strings.Repeat("\x00", 100),
		"a longer line than memory": strings.Repeat("x", 3<<20),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, path(dir), []byte(file))
			_, _, err := open(dir, options(nil))
			if err == nil {
				t.Fatal("it was taken for ours")
			}
			for _, want := range []string{path(dir), "header", "move it away"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if len(err.Error()) > 500 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
			if got := readFile(t, path(dir)); string(got) != file {
				t.Errorf("the file was changed")
			}
		})
	}
}

func TestDirectoryInPlaceOfTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(path(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	_, _, err := open(dir, options(nil))
	if !errors.Is(err, syscall.EISDIR) || !strings.Contains(err.Error(), path(dir)) {
		t.Errorf("the error is %v", err)
	}
}

func TestFileInPlaceOfTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	writeFile(t, dir, nil)
	_, _, err := open(dir, options(nil))
	if !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error is %v", err)
	}
}

// The tests may run as root, whom no permission stops, so the refusal is made.
func TestNoPermission(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.Open, faultfs.MkdirAll, faultfs.ReadDir, faultfs.Rename} {
		for _, cause := range []error{syscall.EACCES, syscall.EROFS} {
			dir := t.TempDir()
			fs := faultfs.New()
			fs.Add(faultfs.Fault{Op: op, Err: cause})
			_, _, err := open(dir, options(fs))
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v at %s: the error is %v", cause, op, err)
			}
			fs.Heal()
			j, _ := mustOpen(t, dir, options(fs)) // the lock was let go
			mustAppend(t, j, rowsOf(0, 1))
		}
	}
}

// A visit that fails ends the replay with the record's place, and changes nothing.
func TestVisitFails(t *testing.T) {
	dir := t.TempDir()
	file := append(contents(rowsOf(0, 5)), "torn"...)
	writeFile(t, path(dir), file)
	j, err := journal.Open(dir, options(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	cause, n := errors.New("cannot be used"), 0
	err = j.Replay(func(*sale.Row) error {
		if n++; n == 3 {
			return cause
		}
		return nil
	})
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), path(dir)+", record 4") {
		t.Errorf("the error is %v", err)
	}
	if n != 3 {
		t.Errorf("%d rows were visited, want 3", n)
	}
	if string(readFile(t, path(dir))) != string(file) {
		t.Error("the file was changed")
	}
}
