package e2e

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	_ "modernc.org/sqlite"
)

// history is the demo's summary of its warehouse.
type history struct {
	summary
	History struct {
		Lines     int64
		Invoices  int64
		NetUSD    string `json:"net_usd"`
		Countries []struct {
			Country string
			NetUSD  string `json:"net_usd"`
		}
	}
}

// sameHistory compares what the warehouse says with what the stream has counted.
func sameHistory(t *testing.T, got history) {
	t.Helper()
	if got.History.Lines != got.CSVRows || got.History.Invoices != got.Invoices || got.History.NetUSD != got.NetUSD {
		t.Errorf("the warehouse has %+v, the stream %d lines, %+v", got.History, got.CSVRows, got.amounts)
	}
	if len(got.History.Countries) != len(got.Countries) {
		t.Errorf("the warehouse has %d countries, the stream %d", len(got.History.Countries), len(got.Countries))
	}
}

// The warehouse and the stream agree to the cent, and so does verify.
func TestDemoFillsItsWarehouse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sameHistory(t, decode[history](t, ok(t, "demo", "--lines", "3000", "--rate", "0", "--dir", dir, "--listen", "").stdout))
	again := decode[history](t, ok(t, "demo", "--source", cashierStream(t, 2000), "--rate", "0", "--dir", dir, "--listen", "").stdout)
	sameHistory(t, again)
	if again.History.Lines != 5000 {
		t.Errorf("two runs in one directory have %d lines", again.History.Lines)
	}
	verify := []string{"etl", "verify", "--source-db", "sqlite:" + filepath.Join(dir, "source.db"), "--warehouse", "sqlite:" + filepath.Join(dir, "warehouse.db"), "--csv", dir}
	ok(t, verify...)
	// One amount that is wrong by a millionth ends it with 1.
	warehouse, err := sql.Open("sqlite", filepath.Join(dir, "warehouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer warehouse.Close()
	if _, err := warehouse.ExecContext(t.Context(), "UPDATE dw_fact_sales SET usd_micros = usd_micros + 1 WHERE rowid = (SELECT MIN(rowid) FROM dw_fact_sales)"); err != nil {
		t.Fatal(err)
	}
	o := run(t, verify...)
	found := decode[struct {
		Kinds map[string]int64
		Lines []struct{ Kind string }
	}](t, o.stdout)
	if o.code != 1 || found.Kinds["rate"] != 1 || len(found.Lines) != 1 {
		t.Errorf("exit code %d, found %+v\n%s", o.code, found, o.stderr)
	}
}

// Killed at random instants, stream and warehouse end up with the same.
func TestDemoKilledAnywhereFillsItsWarehouse(t *testing.T) {
	t.Parallel()
	source, dir := cashierStream(t, 6000), t.TempDir()
	args := []string{"demo", "--source", source, "--dir", dir, "--listen", ""}
	for i := range 4 {
		p := start(t, append(args, "--rate", "8000")...)
		before := size(filepath.Join(dir, "warehouse.db-wal"))
		p.eventually(t, "the warehouse was written to", func() bool {
			return size(filepath.Join(dir, "warehouse.db-wal")) > before+int64(i)*100_000 || len(p.stdout.String()) > 0
		})
		_ = p.cmd.Process.Kill() // or it has just ended by itself
		p.wait(t)
	}
	got := decode[history](t, ok(t, append(args, "--rate", "0")...).stdout)
	sameHistory(t, got)
	if got.History.Lines != 6000 {
		t.Errorf("the warehouse has %d of 6000 lines", got.History.Lines)
	}
}

// Live follows the consumer at 200 lines a second, over rotations, and a line is
// in the warehouse within 5 seconds.
func TestLiveKeepsUp(t *testing.T) {
	t.Parallel()
	dir, address := t.TempDir(), freeAddress(t)
	databases := []string{"--source-db", "sqlite:" + filepath.Join(t.TempDir(), "source.db"), "--warehouse", "sqlite:" + filepath.Join(t.TempDir(), "warehouse.db")}
	ok(t, append([]string{"etl", "init"}, databases...)...)
	live := start(t, append([]string{"etl", "live", "--csv", dir, "--listen", address}, databases...)...)
	live.eventually(t, "it is ready", func() bool { code, _ := get(t, "http://"+address+"/readyz"); return code == http.StatusOK })
	got := decode[history](t, ok(t, "demo", "--lines", "1000", "--rate", "200", "--dir", dir, "--listen", "").stdout)
	inserted := func() (n float64, page string) {
		_, page = get(t, "http://"+address+"/metrics")
		return metric(page, `tillstream_etl_rows_total\{outcome="inserted",step="live"\}`), page
	}
	live.eventually(t, "all lines are there", func() bool { n, _ := inserted(); return n == 1000 })
	_, page := inserted()
	all, quick := metric(page, `tillstream_etl_live_latency_seconds_count`), metric(page, `tillstream_etl_live_latency_seconds_bucket\{le="5(?:\.0)?"\}`)
	if all == 0 || quick < 0.95*all {
		t.Errorf("%v of %v lines took at most 5 s", quick, all)
	}
	if code, _ := get(t, "http://"+address+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d", code)
	}
	// What nobody has rotated is rotated by hand, and the next run goes on there.
	csv := filepath.Join(dir, "live_transactions.csv")
	if err := os.Rename(csv, filepath.Join(dir, "live_transactions-20240305T100000.000Z.csv")); err != nil {
		t.Fatal(err)
	}
	live.signal(t, syscall.SIGTERM)
	o := live.wait(t)
	summary := decode[struct {
		Inserted int64
		NetUSD   string `json:"net_usd"`
	}](t, o.stdout)
	if o.code != 0 || summary.Inserted != 1000 || summary.NetUSD != got.NetUSD {
		t.Errorf("exit code %d, %+v, while the stream has %s\n%s", o.code, summary, got.NetUSD, o.stderr)
	}
	again := decode[struct{ Read int64 }](t, ok(t, append([]string{"etl", "live", "--drain", "--csv", dir, "--listen", ""}, databases...)...).stdout)
	if again.Read != 0 {
		t.Errorf("%d lines are read again under the file's new name", again.Read)
	}
}

// metric is the value of the first sample whose name and labels match.
func metric(page, pattern string) float64 {
	m := regexp.MustCompile(`(?m)^` + pattern + ` (\S+)`).FindStringSubmatch(page)
	if m == nil {
		return 0
	}
	value, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return -1
	}
	return value
}
