package e2e

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestDemoIsRightToTheCent(t *testing.T) {
	t.Parallel()
	source, dir := cashierStream(t, 10_000), t.TempDir()
	got := decode[summary](t, ok(t, "demo", "--source", source, "--rate", "0", "--dir", dir, "--listen", "").stdout)
	want := recount(t, source, false)
	same(t, got, want)
	same(t, got, recount(t, filepath.Join(dir, "live_transactions.csv"), true))
	if got.Written != 10_000 || got.Duplicates+got.Conflicts+got.Rejected != 0 {
		t.Errorf("10,000 good lines became %+v", got)
	}
	metrics, err := os.ReadFile(filepath.Join(dir, "metrics.prom"))
	if err != nil {
		t.Fatal(err)
	}
	sameMetrics(t, string(metrics), want)
}

// sameMetrics compares the metrics' sums by country with what was counted.
func sameMetrics(t *testing.T, metrics string, want tally) {
	t.Helper()
	sums := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^tillstream_(\w+)\{country="(\w+)",store="\w+"[^}]*\} (\S+)$`).FindAllStringSubmatch(metrics, -1) {
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		sums[m[1]+" "+m[2]] += value
	}
	for country, c := range want.countries {
		for name, text := range map[string]string{
			"sales_usd_total": c.SalesUSD, "refunds_usd_total": c.RefundsUSD,
			"items_sold_total":     strconv.FormatInt(c.ItemsSold, 10),
			"items_returned_total": strconv.FormatInt(c.ItemsReturned, 10),
			"invoices_total":       strconv.FormatInt(c.Invoices, 10),
		} {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			if got := sums[name+" "+country]; math.Abs(got-value) > 0.00501 {
				t.Errorf("%s of %s: /metrics says %v, counted %v", name, country, got, value)
			}
		}
	}
}

func TestDemoGeneratesItsOwnSales(t *testing.T) {
	t.Parallel()
	got := decode[summary](t, ok(t, "demo", "--lines", "500", "--rate", "0", "--listen", "").stdout)
	same(t, got, recount(t, got.CSV, true))
	if got.Written != 500 {
		t.Errorf("wrote %d of 500 lines", got.Written)
	}
}

// Damaged and repeated messages change no total, and each is accounted for.
func TestDamageChangesNoTotal(t *testing.T) {
	t.Parallel()
	source := cashierStream(t, 5000)
	got := decode[summary](t, ok(t, "demo", "--source", source, "--rate", "0", "--dir", t.TempDir(), "--listen", "",
		"--duplicate-ratio", "0.05", "--corrupt-ratio", "0.01").stdout)
	same(t, got, recount(t, source, false))
	sent := decode[produced](t, string(got.Produced))
	if sent.Duplicates == 0 || sent.Corrupted == 0 {
		t.Fatalf("nothing was damaged: %+v", sent)
	}
	if got.Duplicates != sent.Duplicates || got.Rejected != sent.Corrupted || got.DeadLetters != sent.Corrupted || got.Conflicts != 0 {
		t.Errorf("sent %+v, consumed %+v", sent, got)
	}
}

// Killed at random instants and started again, it ends with the same totals and
// no row twice or torn.
func TestKilledAnywhereTheTotalsAreTheSame(t *testing.T) {
	t.Parallel()
	source, dir := cashierStream(t, 8000), t.TempDir()
	csv := filepath.Join(dir, "live_transactions.csv")
	args := []string{"demo", "--source", source, "--dir", dir, "--listen", ""}
	for range 5 {
		p := start(t, append(args, "--rate", "20000")...)
		more := rand.Int64N(300_000)
		before := size(csv)
		p.eventually(t, "more rows were written", func() bool { return size(csv) > before+more || len(p.stdout.String()) > 0 })
		_ = p.cmd.Process.Kill() // or it has just ended by itself
		p.wait(t)
		if before == size(csv) {
			break // all of it is there
		}
	}
	got := decode[summary](t, ok(t, append(args, "--rate", "0")...).stdout)
	same(t, got, recount(t, source, false))
	recount(t, csv, true)
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// The first SIGTERM ends it in good order, with the summary of what is on disk.
func TestTermEndsInGoodOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, "demo", "--source", cashierStream(t, 5000), "--dir", dir, "--listen", "", "--rate", "500")
	csv := filepath.Join(dir, "live_transactions.csv")
	p.eventually(t, "some rows were written", func() bool { return size(csv) > 20_000 })
	p.signal(t, syscall.SIGTERM)
	o := p.wait(t)
	if o.code != 0 {
		t.Fatalf("exit code %d\n%s", o.code, o.stderr)
	}
	got := decode[summary](t, o.stdout)
	same(t, got, recount(t, csv, true))
	if sent := decode[produced](t, string(got.Produced)); sent.Produced != got.Consumed {
		t.Errorf("%d messages were sent, but %d consumed", sent.Produced, got.Consumed)
	}
}

func TestRateIsKeptAndCanBeChanged(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	p := start(t, "demo", "--source", cashierStream(t, 500), "--dir", t.TempDir(), "--listen", address, "--rate", "0.5")
	p.eventually(t, "it is ready", func() bool { code, _ := get(t, "http://"+address+"/readyz"); return code == http.StatusOK })
	if code, body := get(t, "http://"+address+"/rate"); code != http.StatusOK || !strings.Contains(body, "0.5") {
		t.Errorf("GET /rate: %d %q", code, body)
	}
	put(t, "http://"+address+"/rate", "-1", http.StatusBadRequest)
	put(t, "http://"+address+"/rate", "200", http.StatusOK)
	began := time.Now()
	got := decode[summary](t, p.wait(t).stdout)
	if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
		t.Errorf("some 500 lines at 200 a second took %v", took)
	}
	if got.Written != 500 {
		t.Errorf("wrote %d of 500 lines", got.Written)
	}
}

func put(t *testing.T, url, body string, want int) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		t.Errorf("PUT %s %q: status %d, want %d", url, body, response.StatusCode, want)
	}
}

// What there is to look at while it runs.
func TestPagesOfARunningDemo(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	p := start(t, "demo", "--lines", "0", "--rate", "200", "--dir", t.TempDir(), "--listen", address)
	page := func(path string) string {
		_, body := get(t, "http://"+address+path)
		return body
	}
	p.eventually(t, "lines are written", func() bool { return strings.Contains(page("/transactions/latest?limit=1"), "Invoice ID") })
	metrics := page("/metrics")
	for id := 1; id <= 35; id++ {
		if !strings.Contains(metrics, `tillstream_sales_usd_total{country="`) || !strings.Contains(metrics, `store="`+strconv.Itoa(id)+`"`) {
			t.Errorf("/metrics has no series of store %d", id)
		}
	}
	var rows []map[string]string
	if err := json.Unmarshal([]byte(page("/transactions/latest?limit=3")), &rows); err != nil || len(rows) == 0 || len(rows[0]) != 19 {
		t.Errorf("/transactions/latest: %v %v", err, rows)
	}
	if code, body := get(t, "http://"+address+"/transactions/latest?limit=0"); code != http.StatusBadRequest {
		t.Errorf("limit=0: %d %s", code, body)
	}
	if code, _ := get(t, "http://"+address+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d", code)
	}
	p.signal(t, syscall.SIGTERM)
	if o := p.wait(t); o.code != 0 {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
}
