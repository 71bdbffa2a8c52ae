package generator

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tillstream/internal/sale"
)

// generate writes a data set to a new directory.
func generate(t *testing.T, cfg Config) (string, Summary) {
	t.Helper()
	dir := t.TempDir()
	sum, err := Generate(context.Background(), dir, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return dir, sum
}

// records reads a file as CSV: the header and the rows.
func records(t *testing.T, dir, name string) ([]string, [][]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return all[0], all[1:]
}

// each calls f with every line of a stream.
func each(t testing.TB, cfg Config, f func(row *sale.Row)) {
	t.Helper()
	lines, err := NewTransactions(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var row sale.Row
	for lines.Next(&row) {
		f(&row)
	}
}

// cents reads an amount, independently of how it is written.
func cents(t testing.TB, text string) int64 {
	t.Helper()
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(fraction) > 2 || strings.HasSuffix(text, ".") || strings.Contains(text, ".") && strings.HasSuffix(text, "0") {
		t.Fatalf("amount %q: not spelled as published", text)
	}
	n, err := strconv.ParseInt(whole+(fraction + "00")[:2], 10, 64)
	if err != nil {
		t.Fatalf("amount %q: %v", text, err)
	}
	if negative {
		return -n
	}
	return n
}
