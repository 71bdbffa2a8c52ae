package journal_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"tillstream/internal/faultfs"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// Replay reads a megabyte at a time. Whatever byte of a record the boundary falls
// on, the record is shown whole.
func TestRecordsAcrossReads(t *testing.T) {
	const readSize = 1 << 20
	long := rowOf(0)
	for column := range long {
		long[column] = strings.Repeat(`ab"`, sale.MaxText/3)
	}
	short := rowOf(1)
	record, step := records([]sale.Row{short}), 13
	for shift := 0; shift < len(record); shift += step {
		dir := t.TempDir()
		file := contents(nil)
		var want []sale.Row
		// Fill up to the boundary so that the record straddles it by shift bytes.
		for len(file) < readSize-shift-30_000 {
			file, want = sale.AppendRecord(file, &long), append(want, long)
		}
		var filler sale.Row
		for missing := readSize - shift - len(file); missing > 0; missing = readSize - shift - len(file) {
			filler = sale.Row{}
			filler[sale.Color] = strings.Repeat("f", min(missing-sale.NumColumns-1, 4000))
			if rest := missing - len(records([]sale.Row{filler})); rest > 0 && rest < 100 {
				filler[sale.Color] = filler[sale.Color][:len(filler[sale.Color])-100]
			}
			file, want = sale.AppendRecord(file, &filler), append(want, filler)
		}
		if len(file) != readSize-shift {
			t.Fatalf("the filler ends at %d, want %d", len(file), readSize-shift)
		}
		for range 3 {
			file, want = append(file, record...), append(want, short)
		}
		writeFile(t, path(dir), append(file, record[:shift]...))
		_, rows := mustOpen(t, dir, options(faultfs.New()))
		sameRows(t, "replay", rows, want)
		if got := readFile(t, path(dir)); !bytes.Equal(got, file) {
			t.Fatalf("with a shift of %d the file was cut to %d bytes, want %d", shift, len(got), len(file))
		}
	}
}

// A big file is read in memory that does not grow with it.
func TestReplayMemory(t *testing.T) {
	dir := t.TempDir()
	j, _ := mustOpen(t, dir, options(faultfs.New()))
	batch := records(rowsOf(0, 4000))
	const batches = 48
	for range batches {
		if err := j.Append(batch); err != nil {
			t.Fatal(err)
		}
	}
	size := j.Bytes()
	mustClose(t, j)
	j, err := journal.Open(dir, options(faultfs.New()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	err = j.Replay(func(*sale.Row) error {
		if n++; n%20_000 == 0 {
			runtime.ReadMemStats(&after)
			if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 12<<20 && held > size/4 {
				t.Errorf("after %d rows %d bytes are held, for a file of %d", n, held, size)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 4000*batches {
		t.Errorf("%d rows were shown, want %d", n, 4000*batches)
	}
}

// A quote that is opened and never closed makes one field of all the rest. The
// records in it are seen all the same.
func TestUnfinishedQuoteInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	file := string(contents(rowsOf(0, 3))) + `"` + string(records(plainRows(8000)))
	writeFile(t, path(dir), []byte(file))
	_, _, err := open(dir, options(faultfs.New()))
	if err == nil || !strings.Contains(err.Error(), "record 5") {
		t.Fatalf("the error is %v", err)
	}
	if string(readFile(t, path(dir))) != file {
		t.Error("the file was changed")
	}
}

func plainRows(n int) []sale.Row {
	rows := make([]sale.Row, n)
	for i := range rows {
		for column := range rows[i] {
			rows[i][column] = "plain text"
		}
	}
	return rows
}
