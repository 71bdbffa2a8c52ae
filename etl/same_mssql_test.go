//go:build mssql

package etl

import (
	"os"
	"strconv"
	"testing"

	"tillstream/internal/databasetest"
	"tillstream/internal/generator"
)

// sameLines is how many lines of sale TestServerHoldsWhatSQLiteHolds takes.
const sameLines = "SAME_LINES"

// The same files give the same rows on a server and on SQLite, in every table of the
// warehouse.
func TestServerHoldsWhatSQLiteHolds(t *testing.T) {
	lines, dir := int64(5000), t.TempDir()
	if text := os.Getenv(sameLines); text != "" {
		var err error
		if lines, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatalf("%s is %q", sameLines, text)
		}
	}
	if _, err := generator.Generate(t.Context(), dir, generator.Config{Lines: lines, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	fill := func(source, warehouse string) string {
		l := &lab{TB: t}
		l.cfg = Config{Source: source, Warehouse: warehouse, Effective: crashEffective}
		if _, err := Init(t.Context(), l.cfg, Logins{}); err != nil {
			t.Fatal(err)
		}
		if s, err := Import(t.Context(), l.cfg, dir); err != nil || s.Rejected != 0 {
			t.Fatalf("%+v, %v", s, err)
		}
		if s, err := Load(t.Context(), l.cfg, LoadOptions{}); err != nil || s.Rejected != 0 {
			t.Fatalf("%+v, %v", s, err)
		}
		if s, err := Verify(t.Context(), l.cfg, VerifyOptions{}); err != nil || s.Differences != 0 {
			t.Fatalf("%+v, %v", s, err)
		}
		l.dw = openDatabase(t, warehouse)
		return l.content()
	}
	want := fill(databasetest.SQLite(t, "source"), databasetest.SQLite(t, "warehouse"))
	if got := fill(databasetest.Databases(t)); got != want {
		t.Errorf("the server's warehouse differs from SQLite's: %s", firstDifference(got, want))
	}
	t.Logf("%d lines, %d bytes of content", lines, len(want))
}
