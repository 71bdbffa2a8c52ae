package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tillstream/internal/sale"
)

// readAll reads a file of so many bytes from an offset until nothing comes any more.
func readAll(t *testing.T, data []byte, offset int64) (ids []string, end int64, err error) {
	t.Helper()
	for {
		next, err := ReadFrom(bytes.NewReader(data), offset, func(row *sale.Row) error {
			ids = append(ids, row[sale.InvoiceID])
			return nil
		})
		if err != nil || next == offset {
			return ids, next, err
		}
		offset = next
	}
}

// Cut off at every byte, a file shows its whole records; and from there on the rest.
func TestReadFromAtEveryByte(t *testing.T) {
	data := sale.AppendHeader(nil)
	var want []string
	for i := range 3 {
		id := fmt.Sprintf("INV-%d", i)
		row := sale.Row{sale.InvoiceID: id, sale.Color: "a \"b\"\r\nc"}
		data = sale.AppendRecord(data, &row)
		want = append(want, id)
	}
	for length := range len(data) + 1 {
		got, end, err := readAll(t, data[:length], 0)
		if err != nil {
			t.Fatalf("%d bytes: %v", length, err)
		}
		rest, _, err := readAll(t, data, end)
		if err != nil {
			t.Fatalf("%d bytes, from %d on: %v", length, end, err)
		}
		if got = append(got, rest...); !slices.Equal(got, want) {
			t.Fatalf("%d bytes: got %q", length, got)
		}
	}
}

// Records go on over the end of what is read at once.
func TestReadFromLongFile(t *testing.T) {
	data, n := sale.AppendHeader(nil), 0
	for ; len(data) < 3*readSize; n++ {
		row := sale.Row{sale.InvoiceID: fmt.Sprint(n), sale.Color: strings.Repeat("x", n%200)}
		data = sale.AppendRecord(data, &row)
	}
	got, end, err := readAll(t, data, 0)
	if err != nil || end != int64(len(data)) || len(got) != n || got[n-1] != fmt.Sprint(n-1) {
		t.Errorf("%d of %d records up to byte %d of %d: %v", len(got), n, end, len(data), err)
	}
}

func TestReadFromBroken(t *testing.T) {
	good := sale.AppendRecord(sale.AppendHeader(nil), &sale.Row{sale.InvoiceID: "INV-1"})
	for name, data := range map[string][]byte{
		"another header": []byte("Invoice,Line\r\n1,2\r\n"),
		"zeros":          append(slices.Clone(good), 0, 0, 0),
		"a short record": append(slices.Clone(good), "INV-2,1\r\n"...),
		"no end":         append(slices.Clone(good), '"'),
	} {
		if name == "no end" {
			data = append(data, bytes.Repeat([]byte("x"), 2*readSize)...)
		}
		ids, _, err := readAll(t, data, 0)
		if !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if name != "another header" && len(ids) != 1 {
			t.Errorf("%s: the records before it are %q", name, ids)
		}
	}
	stop := errors.New("stop")
	if _, err := ReadFrom(bytes.NewReader(good), 0, func(*sale.Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("visit's error becomes %v", err)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"live_transactions-20240305T120000.000Z.csv", "live_transactions-20240305T110000.000Z.csv", Name + ".tmp", "other.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Files(dir)
	want := []string{filepath.Join(dir, "live_transactions-20240305T110000.000Z.csv"), filepath.Join(dir, "live_transactions-20240305T120000.000Z.csv"), filepath.Join(dir, Name)}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Files(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
