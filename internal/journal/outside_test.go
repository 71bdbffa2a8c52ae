package journal_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tillstream/internal/faultfs"
	"tillstream/internal/journal"
)

// directoryToHold tells the test binary to hold a directory as another process.
const directoryToHold = "TILLSTREAM_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(directoryToHold); dir != "" {
		hold(dir)
		return
	}
	os.Exit(m.Run())
}

// hold opens a journal until its standard input ends or it is killed.
func hold(dir string) {
	if _, err := journal.Open(dir, options(nil)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("open")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestLockedInTheSameProcess(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir, options(nil))
	_, _, err := open(dir, options(nil))
	if !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "--out") {
		t.Errorf("the error is %v", err)
	}
	mustAppend(t, j, rowsOf(0, 1))
	mustClose(t, j)
	_, rows := mustOpen(t, dir, options(nil))
	sameRows(t, "after the other one closed", rows, rowsOf(0, 1))
}

// The lock ends with the process that holds it, also with one that is killed.
func TestLockedByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), directoryToHold+"="+dir)
	input, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	output, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill() })
	if said, err := bufio.NewReader(output).ReadString('\n'); said != "open\n" {
		t.Fatalf("the other process says %q, %v", said, err)
	}
	if _, _, err := open(dir, options(nil)); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("the error is %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // it was killed, and says so
	mustOpen(t, dir, options(nil))
}

func TestFileMovedWhileRunning(t *testing.T) {
	for _, remove := range []bool{false, true} {
		dir := t.TempDir()
		j, _ := mustOpen(t, dir, options(nil))
		mustAppend(t, j, rowsOf(0, 3))
		bytes := j.Bytes()
		moved := filepath.Join(t.TempDir(), "moved.csv")
		if err := os.Rename(path(dir), moved); err != nil {
			t.Fatal(err)
		}
		if remove {
			if err := os.Remove(moved); err != nil {
				t.Fatal(err)
			}
		}
		mustAppend(t, j, rowsOf(3, 6))
		if got := readFile(t, path(dir)); string(got) != string(contents(rowsOf(3, 6))) {
			t.Errorf("the new file holds %q", got)
		}
		if !remove && string(readFile(t, moved)) != string(contents(rowsOf(0, 3))) {
			t.Error("the moved file was written to")
		}
		if want := bytes + int64(len(contents(rowsOf(3, 6)))); j.Bytes() != want {
			t.Errorf("Bytes is %d, want %d: a counter cannot fall", j.Bytes(), want)
		}
	}
}

// A file that is not the one we wrote is left alone, until a restart takes it for
// what it is.
func TestFileReplacedWhileRunning(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir, options(nil))
	mustAppend(t, j, rowsOf(0, 3))
	other := filepath.Join(t.TempDir(), "other.csv")
	writeFile(t, other, contents(rowsOf(50, 52)))
	if err := os.Rename(other, path(dir)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.Append(records(rowsOf(3, 6))); err == nil || !strings.Contains(err.Error(), path(dir)) || !strings.Contains(err.Error(), "restart") {
			t.Errorf("the error is %v", err)
		}
	}
	if string(readFile(t, path(dir))) != string(contents(rowsOf(50, 52))) {
		t.Error("the file was written to")
	}
	sameRows(t, "after a restart", closed(t, dir, j), rowsOf(50, 52))
}

// A file that somebody emptied, cut or wrote to while we run (`> file`, logrotate's
// copytruncate, an editor) is not written to: it would get a hole of zeros, or
// lose what was added.
func TestFileChangedWhileRunning(t *testing.T) {
	for name, change := range map[string]func(data []byte) []byte{
		"emptied": func([]byte) []byte { return nil },
		"cut":     func(data []byte) []byte { return data[:len(data)-10] },
		"longer":  func(data []byte) []byte { return append(data, records(rowsOf(70, 71))...) },
	} {
		for _, reopens := range []bool{false, true} {
			dir := t.TempDir()
			fs := faultfs.New()
			j, _ := mustOpen(t, dir, options(fs))
			mustAppend(t, j, rowsOf(0, 3))
			if reopens {
				if name == "longer" {
					continue // after an error that is what a write that half got through looks like
				}
				fs.Add(faultfs.Fault{Op: faultfs.Write, Times: 1, Err: errSomething})
				if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, errSomething) {
					t.Fatal(err)
				}
			}
			changed := change(readFile(t, path(dir)))
			writeFile(t, path(dir), changed)
			for range 2 {
				if err := j.Append(records(rowsOf(3, 6))); err == nil || !strings.Contains(err.Error(), "restart") {
					t.Errorf("%s: the error is %v", name, err)
				}
			}
			if string(readFile(t, path(dir))) != string(changed) {
				t.Errorf("%s: the file was written to", name)
			}
		}
	}
}

// The directory can go away, as when a volume is unmounted, and come back.
func TestDirectoryGoneWhileRunning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	j, _ := mustOpen(t, dir, options(nil))
	mustAppend(t, j, rowsOf(0, 3))
	aside := dir + "-aside"
	if err := os.Rename(dir, aside); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the error is %v", err)
		}
	}
	if err := os.Rename(aside, dir); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, j, rowsOf(3, 6))
	mustClose(t, j)
	sameRows(t, "in the end", all(t, dir), rowsOf(0, 6))
}

// A file that was moved away, and back before a new one could be made, still has
// its rows: it is not cut back to the header that the new one would have had.
func TestFileMovedAwayAndBack(t *testing.T) {
	dir := t.TempDir()
	fs := faultfs.New()
	j, _ := mustOpen(t, dir, options(fs))
	mustAppend(t, j, rowsOf(0, 3))
	aside := filepath.Join(t.TempDir(), "aside.csv")
	if err := os.Rename(path(dir), aside); err != nil {
		t.Fatal(err)
	}
	fs.Add(faultfs.Fault{Op: faultfs.Write, Times: 1, Err: errSomething})
	if err := j.Append(records(rowsOf(3, 6))); !errors.Is(err, errSomething) {
		t.Fatalf("the error is %v", err)
	}
	if err := os.Rename(aside, path(dir)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := j.Append(records(rowsOf(3, 6))); err == nil || !strings.Contains(err.Error(), "restart") {
			t.Errorf("the error is %v", err)
		}
	}
	sameRows(t, "after a restart", closed(t, dir, j), rowsOf(0, 3))
}
