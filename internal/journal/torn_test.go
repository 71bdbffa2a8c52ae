package journal_test

import (
	"strings"
	"testing"

	"tillstream/internal/faultfs"
	"tillstream/internal/sale"
)

// checkCut replays a file that begins with whole rows and ends in something else,
// which must be cut off, and appends to it.
func checkCut(t *testing.T, whole int, tail []byte) {
	t.Helper()
	dir := t.TempDir()
	good := contents(rowsOf(0, whole))
	writeFile(t, path(dir), append(good[:len(good):len(good)], tail...))
	j, rows := mustOpen(t, dir, options(faultfs.New()))
	sameRows(t, "replay", rows, rowsOf(0, whole))
	if got := readFile(t, path(dir)); string(got) != string(good) {
		t.Fatalf("with a tail of %q the file was not cut back to its last whole record, it ends in %q", tail, got[max(len(got)-100, 0):])
	}
	mustAppend(t, j, rowsOf(whole, whole+2))
	if got := readFile(t, path(dir)); string(got) != string(contents(rowsOf(0, whole+2))) {
		t.Fatalf("with a tail of %q the file is not well formed after an Append", tail)
	}
	mustClose(t, j)
}

// A crash can end a file at any byte of its last record.
func TestTornAtEveryByte(t *testing.T) {
	check := func(whole, variant int) {
		row := rowOf(whole)
		for column := range row {
			row[column] = nasty[(variant+column)%len(nasty)]
		}
		record := records([]sale.Row{row})
		for cut := range record {
			checkCut(t, whole, record[:cut])
		}
	}
	check(0, 0)
	for _, variant := range []int{2, 11} { // others come last in the record
		check(3, variant)
	}
}

// A crash can also tear a write of several records, each of which is whole up to
// there and counts.
func TestTornInTheMiddleOfABatch(t *testing.T) {
	const rows = 4
	all := contents(rowsOf(0, rows))
	ends := map[int]int{} // length of the file to whole records
	for n := range rows + 1 {
		ends[len(contents(rowsOf(0, n)))] = n
	}
	whole := 0
	for cut := len(contents(nil)); cut < len(all); cut++ {
		if n, ok := ends[cut]; ok {
			whole = n
		}
		dir := t.TempDir()
		writeFile(t, path(dir), all[:cut])
		j, got := mustOpen(t, dir, options(faultfs.New()))
		sameRows(t, "replay", got, rowsOf(0, whole))
		mustAppend(t, j, rowsOf(whole, rows))
		if string(readFile(t, path(dir))) != string(all) {
			t.Fatalf("cut at byte %d: the file is not whole again", cut)
		}
		mustClose(t, j)
	}
}

// A power cut leaves zeros where a block was not written yet. What follows them
// was not synced either.
func TestZeros(t *testing.T) {
	zeros := make([]byte, 5000)
	next := records(rowsOf(3, 6))
	for name, tail := range map[string][]byte{
		"one":                       {0},
		"many":                      zeros,
		"more than is read at once": make([]byte, 5<<20),
		"in a record":               append(next[:30:30], zeros...),
		"then records":              append(zeros[:len(zeros):len(zeros)], next...),
		"in a record, then records": append(append(next[:30:30], zeros...), next...),
		"at the end of a line":      append([]byte("x\x00\r\n"), next...),
	} {
		t.Run(name, func(t *testing.T) { checkCut(t, 3, tail) })
	}
}

// Whole records after something that is none mean that somebody changed the file.
// Cutting would lose them.
func TestDamageInTheMiddle(t *testing.T) {
	before, after := string(contents(rowsOf(0, 3))), string(records(rowsOf(4, 9)))
	row := rowOf(3)
	damaged := string(records([]sale.Row{row}))
	for name, middle := range map[string]string{
		"a field too few":      "1,2,3\r\n",
		"a field too many":     strings.TrimSuffix(damaged, "\r\n") + ",x\r\n",
		"an empty line":        "\r\n",
		"a comment":            "# checked by Ana\n",
		"a quote too many":     `x"` + damaged,
		"half a record":        damaged[:len(damaged)/2] + "\r\n",
		"a second file's head": "\ufeff" + string(contents(nil))[:40] + "\n",
	} {
		for _, ending := range []string{"", "torn,rec"} {
			t.Run(name+" "+ending, func(t *testing.T) {
				dir := t.TempDir()
				file := before + middle + after + ending
				writeFile(t, path(dir), []byte(file))
				_, _, err := open(dir, options(faultfs.New()))
				if err == nil {
					t.Fatal("the damage was not noticed")
				}
				for _, want := range []string{path(dir), "record 5", "mend"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("the error does not say %q: %v", want, err)
					}
				}
				if string(readFile(t, path(dir))) != file {
					t.Error("the file was changed")
				}
			})
		}
	}
}

// A field can hold what looks like a record. Where a crash tears such a field
// nothing can tell it from damage, and the file is left for a person to look at:
// refusing loses nothing.
func TestTornFieldThatHoldsARecord(t *testing.T) {
	inner := strings.Repeat(",", sale.NumColumns-1) + "\n"
	row := rowOf(3)
	row[sale.Color] = "x\n" + inner + "y"
	record := records([]sale.Row{row})
	good := contents(rowsOf(0, 3))
	for cut := range record {
		dir := t.TempDir()
		file := append(good[:len(good):len(good)], record[:cut]...)
		writeFile(t, path(dir), file)
		j, rows, err := open(dir, options(faultfs.New()))
		if err != nil {
			if string(readFile(t, path(dir))) != string(file) {
				t.Fatal("refused, but changed")
			}
			continue
		}
		sameRows(t, "replay", rows, rowsOf(0, 3))
		mustAppend(t, j, []sale.Row{row})
		if string(readFile(t, path(dir))) != string(good)+string(record) {
			t.Fatalf("cut at byte %d: the file is not whole again", cut)
		}
		mustClose(t, j)
	}
}

// Whatever follows whole records, Replay shows all of them, and never changes one
// of their bytes.
func FuzzTail(f *testing.F) {
	for _, tail := range []string{"", "x", "\x00\x00", "\r\n", `"`, `","`, ",,,,,,,,,,,,,,,,,,\r\n", "a,b\n,,,,,,,,,,,,,,,,,,\n"} {
		f.Add([]byte(tail))
	}
	f.Add(records(rowsOf(3, 5)))
	good := contents(rowsOf(0, 3))
	f.Fuzz(func(t *testing.T, tail []byte) {
		dir := t.TempDir()
		file := append(good[:len(good):len(good)], tail...)
		writeFile(t, path(dir), file)
		j, rows, err := open(dir, options(faultfs.New()))
		got := readFile(t, path(dir))
		if err != nil {
			if string(got) != string(file) {
				t.Fatalf("refused with %v, but changed", err)
			}
			return
		}
		if len(rows) < 3 {
			t.Fatalf("%d rows were shown, want at least 3", len(rows))
		}
		sameRows(t, "replay", rows[:3], rowsOf(0, 3))
		if !strings.HasPrefix(string(file), string(got)) || len(got) < len(good) {
			t.Fatalf("cut back to %d bytes of %d", len(got), len(file))
		}
		mustAppend(t, j, rowsOf(100, 101))
		mustClose(t, j)
		_, again := mustOpen(t, dir, options(faultfs.New()))
		sameRows(t, "opened again", again, append(rows, rowOf(100)))
	})
}
