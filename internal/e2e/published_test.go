//go:build published

package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// The published cashier stream, last10k.csv of the Global Fashion Retail Sales data
// set, and what it is known to amount to. The file is not part of the project:
// TILLSTREAM_PUBLISHED names the directory that holds it.
func TestPublishedStream(t *testing.T) {
	dir := os.Getenv("TILLSTREAM_PUBLISHED")
	if dir == "" {
		t.Fatal("TILLSTREAM_PUBLISHED does not name the directory of the published data; leave the build tag out where there is none")
	}
	source, out := filepath.Join(dir, "last10k.csv"), t.TempDir()
	got := decode[summary](t, ok(t, "demo", "--source", source, "--rate", "0", "--dir", out, "--listen", "").stdout)
	want := tally{
		rows: 10_000,
		all:  amounts{7096, 10567, 424, "484289.01", "21068.49", "463220.51"},
		countries: map[string]amounts{
			"US": {2008, 2990, 119, "140096.45", "5653.41", "134443.04"},
			"CN": {1529, 2291, 95, "124575.12", "5997.58", "118577.54"},
			"DE": {881, 1338, 46, "59085.90", "1929.49", "57156.41"},
			"FR": {860, 1293, 43, "56410.41", "2100.23", "54310.18"},
			"ES": {677, 969, 34, "40815.21", "1495.48", "39319.73"},
			"PT": {641, 964, 45, "40798.93", "2354.99", "38443.95"},
			"GB": {500, 722, 42, "22506.98", "1537.32", "20969.66"},
		},
	}
	same(t, got, want)
	same(t, got, recount(t, filepath.Join(out, "live_transactions.csv"), true))
	metrics, err := os.ReadFile(filepath.Join(out, "metrics.prom"))
	if err != nil {
		t.Fatal(err)
	}
	sameMetrics(t, string(metrics), want)
}
