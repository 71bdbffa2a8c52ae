package e2e

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// generated makes a transactions CSV with the program's own generator.
func generated(t *testing.T, lines int) string {
	t.Helper()
	dir := t.TempDir()
	ok(t, "generate", "--lines", strconv.Itoa(lines), "--seed", "7", "--out", dir)
	return filepath.Join(dir, "transactions.csv")
}

// cashierStream makes a file with the quirks of the published cashier stream: no
// Currency Symbol, Date and Time empty, each row ended by a comma and CR LF.
func cashierStream(t *testing.T, lines int) string {
	t.Helper()
	f, err := os.Open(generated(t, lines))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	date, symbol := slices.Index(records[0], "Date"), slices.Index(records[0], "Currency Symbol")
	var b strings.Builder
	for i, r := range records {
		var fields []string
		for column, field := range r {
			switch {
			case column == symbol:
				continue
			case column == date && i == 0:
				fields = append(fields, "Date", "Time")
			case column == date:
				fields = append(fields, "", "")
			default:
				fields = append(fields, field)
			}
		}
		b.WriteString(strings.Join(fields, ",") + ",\r\n")
	}
	return write(t, "stream.csv", b.String())
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
