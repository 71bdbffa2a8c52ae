//go:build mssql

package etl

import (
	"strings"
	"testing"
	"time"

	"tillstream/internal/databasetest"
	"tillstream/internal/generator"
)

// A server that vanishes in the middle of a step ends it, with one line that says
// what to look at. When it is back, the same again does the rest.
func TestServerVanishes(t *testing.T) {
	l, dir := newLab(t), t.TempDir()
	const lines = 20_000 // more than are on their way at one time
	if _, err := generator.Generate(t.Context(), dir, generator.Config{Lines: lines, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	cfg := l.cfg
	var sourceAway, sourceBack, warehouseAway, warehouseBack func()
	cfg.Source, sourceAway, sourceBack = databasetest.Hide(t, cfg.Source)
	cfg.Warehouse, warehouseAway, warehouseBack = databasetest.Hide(t, cfg.Warehouse)
	for _, step := range []struct {
		name, during string
		run          func(Config) error
	}{
		{"import", "transactions:", func(cfg Config) error { _, err := Import(t.Context(), cfg, dir); return err }},
		{"load", "loading transactions", func(cfg Config) error { _, err := Load(t.Context(), cfg, LoadOptions{}); return err }},
	} {
		t.Run(step.name, func(t *testing.T) {
			cfg, gone := cfg, false
			cfg.Progress = func(stage string, done, _ int64) {
				if !gone && done > 0 && strings.HasPrefix(stage, step.during) {
					gone = true
					sourceAway()
					warehouseAway()
				}
			}
			ended := make(chan error)
			go func() { ended <- step.run(cfg) }()
			select {
			case err := <-ended:
				if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "does the server run") {
					t.Errorf("the server vanished: %v", err)
				}
			case <-time.After(2 * time.Minute): // it takes a second
				t.Fatal("the server vanished, and nothing ends")
			}
			if !gone {
				t.Fatal("the server did not vanish")
			}
			sourceBack()
			warehouseBack()
			if err := step.run(cfg); err != nil {
				t.Fatal(err)
			}
		})
	}
	l.same("SELECT COUNT(*) FROM dw.fact_sales", "20000")
	l.kinds(l.verified(VerifyOptions{}), map[string]int64{})
}
