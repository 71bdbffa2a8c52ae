package etl

import (
	"path/filepath"
	"testing"
)

func TestInitOnce(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Source: "sqlite:" + filepath.Join(dir, "s.db"), Warehouse: "sqlite:" + filepath.Join(dir, "w.db")}
	s, err := Init(t.Context(), cfg, Logins{})
	t.Log(s, err)
	if err != nil {
		t.Fatal(err)
	}
	s, err = Init(t.Context(), cfg, Logins{})
	t.Log(s, err)
}
