package journal_test

import (
	"encoding/csv"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// nasty is what fields can hold that a CSV has to quote, or that takes several
// bytes.
var nasty = []string{"", "plain", "a,b", `say "hi"`, "two\r\nlines", "\n", "\r", `"`, `""`, ",", " padded ", "中国, “上海”", "España\n", "\r\n\r\n", "é"}

// rowOf makes the i-th row. All are different.
func rowOf(i int) sale.Row {
	var row sale.Row
	for column := range row {
		row[column] = nasty[(i+column)%len(nasty)]
	}
	row[sale.InvoiceID] = "INV-" + strconv.Itoa(i)
	return row
}

func rowsOf(from, to int) (rows []sale.Row) {
	for i := from; i < to; i++ {
		rows = append(rows, rowOf(i))
	}
	return rows
}

func records(rows []sale.Row) (data []byte) {
	for i := range rows {
		data = sale.AppendRecord(data, &rows[i])
	}
	return data
}

// contents is a whole file of the rows.
func contents(rows []sale.Row) []byte { return append(sale.AppendHeader(nil), records(rows)...) }

var quiet = slog.New(slog.DiscardHandler)

func options(fs journal.FS) journal.Options { return journal.Options{FS: fs, Log: quiet} }

// open opens and replays.
func open(dir string, opts journal.Options) (*journal.Journal, []sale.Row, error) {
	j, err := journal.Open(dir, opts)
	if err != nil {
		return nil, nil, err
	}
	rows, err := replay(j)
	if err != nil {
		return nil, nil, errors.Join(err, j.Close())
	}
	return j, rows, nil
}

// replay returns what is visited, copied.
func replay(j *journal.Journal) (rows []sale.Row, err error) {
	err = j.Replay(func(row *sale.Row) error {
		var copied sale.Row
		for column, text := range row {
			copied[column] = strings.Clone(text)
		}
		rows = append(rows, copied)
		return nil
	})
	return rows, err
}

func mustOpen(t testing.TB, dir string, opts journal.Options) (*journal.Journal, []sale.Row) {
	t.Helper()
	j, rows, err := open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, rows
}

func mustAppend(t testing.TB, j *journal.Journal, rows []sale.Row) {
	t.Helper()
	if err := j.Append(records(rows)); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, j *journal.Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func path(dir string) string { return filepath.Join(dir, journal.Name) }

func writeFile(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sameRows(t testing.TB, what string, got, want []sale.Row) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %d rows, want %d\ngot  %.300q\nwant %.300q", what, len(got), len(want), got, want)
	}
}

// parse reads a file as anyone else would, with encoding/csv, which must find the
// header and whole records only. It reads CR LF inside a field as LF, so that is
// what its result has.
func parse(t testing.TB, data []byte) [][]string {
	t.Helper()
	if len(data) > 0 && data[len(data)-1] != '\n' {
		t.Fatalf("the file ends in the middle of a line: ...%q", data[max(len(data)-80, 0):])
	}
	r := csv.NewReader(strings.NewReader(string(data)))
	r.FieldsPerRecord = sale.NumColumns
	all, err := r.ReadAll()
	if err != nil {
		t.Fatalf("encoding/csv cannot read the file: %v", err)
	}
	if len(all) == 0 || !slices.Equal(all[0], sale.Columns[:]) {
		t.Fatalf("the file has no header")
	}
	return all[1:]
}

// clock is a time that tests set.
func clock(at time.Time) func() time.Time { return func() time.Time { return at } }

// insist appends until it works, as the consumer does.
func insist(t testing.TB, j *journal.Journal, rows []sale.Row) {
	t.Helper()
	var err error
	for range 20 {
		if err = j.Append(records(rows)); err == nil {
			return
		}
	}
	t.Fatalf("Append does not recover: %v", err)
}

// hasNoHalf fails when the file holds anything but the header and whole records.
func hasNoHalf(t testing.TB, dir string) {
	t.Helper()
	data, err := os.ReadFile(path(dir))
	if errors.Is(err, os.ErrNotExist) {
		return // in the middle of a rotation
	}
	if err != nil {
		t.Fatal(err)
	}
	parse(t, data)
}
