package etl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tillstream/internal/database"
	"tillstream/internal/databasetest"
	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// till is the consumer's directory.
type till struct {
	*lab
	dir  string
	next int
}

func newTill(l *lab) *till { return &till{lab: l, dir: l.TempDir()} }

func (t *till) path() string { return filepath.Join(t.dir, journal.Name) }

// append writes records to the newest file, with its header where there is none.
func (t *till) append(rows ...sale.Row) {
	t.Helper()
	var data []byte
	if _, err := os.Stat(t.path()); errors.Is(err, os.ErrNotExist) {
		data = sale.AppendHeader(nil)
	}
	for i := range rows {
		data = sale.AppendRecord(data, &rows[i])
	}
	t.write(data)
}

func (t *till) write(data []byte) {
	t.Helper()
	f, err := os.OpenFile(t.path(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lines are the next so many invoices.
func (t *till) lines(n int) (rows []sale.Row) {
	for range n {
		t.next++
		rows = append(rows, with(map[sale.Column]string{sale.InvoiceID: fmt.Sprintf("INV-US-001-%08d", t.next)}))
	}
	return rows
}

func (t *till) rotate(at string) {
	t.Helper()
	if err := os.Rename(t.path(), filepath.Join(t.dir, "live_transactions-"+at+".csv")); err != nil {
		t.Fatal(err)
	}
}

func (t *till) drain() Summary {
	t.Helper()
	summary, err := NewLive(t.cfg, LiveOptions{Dirs: []string{t.dir}, Drain: true}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

// invoices checks that the facts are the invoices 1 to n, each once.
func (t *till) invoices(n int) {
	t.Helper()
	got := t.query("SELECT invoice_id FROM dw.fact_sales")
	for i := range max(n, len(got)) {
		want := fmt.Sprintf("INV-US-001-%08d", i+1)
		if i >= len(got) || i >= n || got[i] != want {
			t.Fatalf("there are %d facts, and number %d is not invoice %s", len(got), i+1, want)
		}
	}
}

func TestLive(t *testing.T) {
	l := newTill(newLab(t))
	l.append(l.lines(3)...)
	got := l.drain()
	if got.Read != 3 || got.Inserted != 3 || got.NetUSD != "300.00" {
		t.Errorf("got %+v", got)
	}
	l.invoices(3)
	l.same("SELECT origin, country, usd_micros FROM dw.fact_sales WHERE invoice_id LIKE '%1'", "live|US|100000000")
	if again := l.drain(); again.Read != 0 {
		t.Errorf("nothing is new: %+v", again)
	}
	l.append(l.lines(2)...)
	if again := l.drain(); again.Read != 2 || again.Inserted != 2 {
		t.Errorf("two lines are new: %+v", again)
	}
	l.same("SELECT sale_lines, sale_invoices, sales_usd_micros FROM dw.agg_day", "5|5|500000000")
}

// A line that was rejected because its rate was missing comes with Full, once there
// is one; what the warehouse has already is left as it is.
func TestLiveFull(t *testing.T) {
	l := newTill(newLab(t))
	rows := l.lines(3)
	rows[1][sale.Currency], rows[1][sale.CurrencySymbol] = "AUD", ""
	l.append(rows[:2]...)
	l.rotate("20250301T000000Z")
	l.append(rows[2:]...)
	if got := l.drain(); got.Inserted != 2 || got.Rejected != 1 {
		t.Fatalf("got %+v", got)
	}
	before := l.content()
	l.cfg.Rates = testRates(t, "Date,Currency,Units Per USD\n2023-01-01,USD,1\n2023-01-01,AUD,1.6\n")
	if got := l.drain(); got.Read != 0 || l.content() != before {
		t.Errorf("nothing is new: %+v", got)
	}
	full := func() Summary {
		got, err := NewLive(l.cfg, LiveOptions{Dirs: []string{l.dir}, Full: true, Drain: true}).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := full(); got.Read != 3 || got.Inserted != 1 || got.Duplicates != 2 || got.Rejected != 0 {
		t.Errorf("with the rate: %+v", got)
	}
	l.invoices(3)
	l.same("SELECT currency, usd_micros FROM dw.fact_sales WHERE invoice_id LIKE '%2'", "AUD|62500000")
	after := l.content()
	if got := full(); got.Inserted != 0 || l.content() != after {
		t.Errorf("once more it changes nothing: %+v", got)
	}
	if got := l.drain(); got.Read != 0 {
		t.Errorf("and then nothing is new: %+v", got)
	}
}

// A record that is being written is waited for, byte by byte.
func TestLiveWaitsForWholeRecords(t *testing.T) {
	l := newTill(newLab(t))
	row := l.lines(1)[0]
	row[sale.Color] = "RED, \"dark\"\nred"
	data := sale.AppendRecord(sale.AppendHeader(nil), &row)
	step := max(1, len(data)/23)
	for begin := 0; begin < len(data); begin += step {
		l.write(data[begin:min(begin+step, len(data))])
		l.drain()
		want := "0"
		if begin+step >= len(data) {
			want = "1"
		}
		l.same("SELECT COUNT(*) FROM dw.fact_sales", want)
	}
	l.same("SELECT color FROM dw.fact_sales", row[sale.Color])
}

// Files that were rotated before the first start, while nobody looked, and between
// two looks.
func TestLiveRotation(t *testing.T) {
	l := newTill(newLab(t))
	l.append(l.lines(2)...)
	l.rotate("20240305T100000.000Z")
	l.append(l.lines(2)...)
	l.drain()
	l.invoices(4)
	l.append(l.lines(1)...)
	l.rotate("20240305T110000.000Z")
	l.append(l.lines(1)...)
	l.rotate("20240305T120000.000Z")
	l.append(l.lines(1)...)
	if got := l.drain(); got.Read != 3 || got.Inserted != 3 {
		t.Errorf("got %+v", got)
	}
	l.invoices(7)
	l.rotate("20240305T130000.000Z") // and the new file is not there yet
	if got := l.drain(); got.Read != 0 {
		t.Errorf("a new name is no new line: %+v", got)
	}
}

// A power cut takes the file's end away, and other lines take its place; a copy of
// the file is none of these.
func TestLiveFileCutBack(t *testing.T) {
	l := newTill(newLab(t))
	l.append(l.lines(10)...)
	l.drain()
	whole, err := os.ReadFile(l.path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "live_transactions-copy.csv"), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	l.append(l.lines(1)...)
	if got := l.drain(); got.Read != 1 {
		t.Errorf("a copy is read: %+v", got)
	}
	cut := len(whole) - 250
	for whole[cut-1] != '\n' {
		cut--
	}
	for _, longer := range []bool{false, true} {
		if err := os.Truncate(l.path(), int64(cut)); err != nil {
			t.Fatal(err)
		}
		if longer {
			l.append(l.lines(20)...)
		} else {
			l.append(l.lines(1)...)
		}
		l.drain()
		l.invoices(l.next)
	}
}

// What comes through the stream gives way to what the source says, and never the
// other way round.
func TestLiveAndLoad(t *testing.T) {
	l := newTill(newLab(t))
	l.reference()
	stamped := with(map[sale.Column]string{sale.Date: "2024-03-07 09:00:00"})
	second := with(map[sale.Column]string{sale.LineNumber: "2"})
	l.append(stamped, second)
	l.drain()
	l.sell(with(nil), with(map[sale.Column]string{sale.LineNumber: "3"}))
	if got := l.load(); got.Updated != 1+4 { // the line, and the members that it asked for
		t.Errorf("got %+v", got)
	}
	want := []string{"1|batch|2024-03-05 10:30:00|1", "2|live|2024-03-05 10:30:00|0", "3|batch|2024-03-05 10:30:00|0"}
	const facts = "SELECT line_number, origin, sold_at, opens_invoice FROM dw.fact_sales"
	l.same(facts, want...)
	l.append(with(map[sale.Column]string{sale.LineNumber: "3", sale.Color: "BLUE"}), stamped,
		with(map[sale.Column]string{sale.LineNumber: "2", sale.Date: "2024-03-08 09:00:00"}))
	if got := l.drain(); got.Read != 3 || got.Inserted+got.Updated+got.Rejected != 0 || got.Duplicates != 3 {
		t.Errorf("got %+v", got)
	}
	l.same(facts, want...)
	l.same("SELECT SUM(sale_lines), SUM(sales_usd_micros) FROM dw.agg_day", "3|300000000")
}

// Two lines of one identity, in one batch and in two; a rate that is missing here.
func TestLiveRejects(t *testing.T) {
	l := newTill(newLab(t))
	red, blue := with(nil), with(map[sale.Column]string{sale.Color: "BLUE"})
	l.append(red, blue, with(map[sale.Column]string{sale.LineNumber: "2", sale.Currency: "CHF"}))
	if got := l.drain(); got.Inserted != 1 || got.Rejected != 2 {
		t.Errorf("got %+v", got)
	}
	l.append(with(map[sale.Column]string{sale.Color: "GREEN"}), with(map[sale.Column]string{sale.LineNumber: "3"}))
	if got := l.drain(); got.Inserted != 1 || got.Rejected != 1 {
		t.Errorf("got %+v", got)
	}
	l.same("SELECT line_number, color, opens_invoice FROM dw.fact_sales", "1|RED|1", "3|RED|0")
	l.same("SELECT step, source, business_key, reason FROM dw.etl_reject", "live|live_transactions.csv|INV-US-001-00000001 1|conflict",
		"live|live_transactions.csv|INV-US-001-00000001 1|conflict", "live|live_transactions.csv|INV-US-001-00000001 2|unknown_currency")
}

func TestLiveErrors(t *testing.T) {
	l := newTill(newLab(t))
	l.write([]byte("Invoice,Line\r\n1,2\r\n"))
	if _, err := NewLive(l.cfg, LiveOptions{Dirs: []string{l.dir}, Drain: true}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), l.path()) {
		t.Errorf("got %v", err)
	}
	missing := filepath.Join(l.dir, "missing")
	if _, err := NewLive(l.cfg, LiveOptions{Dirs: []string{missing}, Drain: true}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v", err)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after five minutes it is still not so that %s", what)
		}
	}
}

// It follows the files while they grow and turn, waits for what is away, and ends in
// good order.
func TestLiveFollows(t *testing.T) {
	l := newTill(newLab(t))
	if err := os.Remove(l.dir); err != nil {
		t.Fatal(err)
	}
	live := NewLive(l.cfg, LiveOptions{Dirs: []string{l.dir}, Poll: 10 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var summary Summary
	ended := make(chan error, 1)
	go func() {
		var err error
		summary, err = live.Run(ctx)
		ended <- err
	}()
	eventually(t, "the missing directory is told", func() bool { err := live.Ready(); return err != nil && strings.Contains(err.Error(), l.dir) })
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	facts := func(n int) func() bool {
		return func() bool { return l.query("SELECT COUNT(*) FROM dw.fact_sales")[0] == fmt.Sprint(n) }
	}
	for i := range 5 {
		l.append(l.lines(7)...)
		if i%2 == 1 {
			l.rotate(fmt.Sprintf("20240305T10000%d.000Z", i))
		}
	}
	eventually(t, "all lines are there", facts(35))
	if err := live.Ready(); err != nil {
		t.Error(err)
	}
	l.write([]byte("\x00\x00\x00")) // as a power cut leaves them
	eventually(t, "what cannot be read is told", func() bool { return live.Ready() != nil })
	whole, err := os.ReadFile(l.path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(l.path(), int64(len(whole)-3)); err != nil { // as the consumer does when it starts
		t.Fatal(err)
	}
	l.append(l.lines(5)...)
	eventually(t, "the lines after it are there", facts(40))
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if summary.Inserted != 40 || summary.NetUSD != "4000.00" {
		t.Errorf("got %+v", summary)
	}
	l.invoices(40)
}

// A stream without a pause leaves something to read after each part; how long lines
// take, and up to when all is there, is known all the same.
func TestLiveWithoutAPause(t *testing.T) {
	l := newTill(newLab(t))
	registry, round := prometheus.NewRegistry(), 0
	cfg := l.cfg
	cfg.Registerer = registry
	cfg.Progress = func(string, int64, int64) { // after each part
		if round++; round < 4 {
			l.append(l.lines(1)...)
		}
	}
	l.append(l.lines(1)...)
	live := NewLive(cfg, LiveOptions{Dirs: []string{l.dir}, Drain: true})
	if _, err := live.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tillstream_etl_live_latency_seconds" {
			// Nothing is known of the first, which may have been there for long.
			if n := f.GetMetric()[0].GetHistogram().GetSampleCount(); round != 4 || n != 3 {
				t.Errorf("after %d parts the latency of %d lines is known", round, n)
			}
			return
		}
	}
	t.Error("there is no latency")
}

// How fresh the warehouse is does not wait for the end of a run that has none.
func TestLiveIsFreshWhileItRuns(t *testing.T) {
	l := newTill(newLab(t))
	s := l.follow()
	l.append(l.lines(1)...)
	s.flowing(1)
	l.same("SELECT status FROM dw.etl_run WHERE step = 'live'", "running")
	l.same("SELECT COUNT(*) FROM report.etl_freshness WHERE step = 'live' AND last_success_at IS NOT NULL", "1")
	s.end()
}

// stream is Live under way.
type stream struct {
	*till
	live     *Live
	registry *prometheus.Registry
	log      *strings.Builder // read it after it has ended
	ended    chan error
}

// follow starts Live, with the configuration as it is.
func (t *till) follow() *stream {
	t.Helper()
	s := &stream{till: t, registry: prometheus.NewRegistry(), log: new(strings.Builder), ended: make(chan error, 1)}
	cfg := t.cfg
	cfg.Registerer = s.registry
	cfg.Log = slog.New(slog.NewTextHandler(s.log, nil))
	s.live = NewLive(cfg, LiveOptions{Dirs: []string{t.dir}, Poll: 10 * time.Millisecond})
	go func() {
		_, err := s.live.Run(t.Context())
		s.ended <- err
	}()
	return s
}

// troubled waits until it says what is wrong, flowing until nothing is.
func (s *stream) troubled(text string) {
	s.Helper()
	eventually(s, "the trouble is told: "+text, func() bool {
		err := s.live.Ready()
		return err != nil && !errors.Is(err, errStarting) && strings.Contains(err.Error(), text)
	})
	if got := gauge(s, s.registry, "tillstream_etl_live_up"); got != 0 {
		s.Errorf("up is %v", got)
	}
}

func (s *stream) flowing(facts int) {
	s.Helper()
	var trouble error
	defer func() {
		if s.Failed() {
			s.Logf("the last trouble: %v", trouble)
		}
	}()
	eventually(s, fmt.Sprintf("%d lines are there", facts), func() bool {
		trouble = s.live.Ready()
		return trouble == nil && s.query("SELECT COUNT(*) FROM dw.fact_sales")[0] == fmt.Sprint(facts)
	})
	if got := gauge(s, s.registry, "tillstream_etl_live_up"); got != 1 {
		s.Errorf("up is %v", got)
	}
}

// end lets it come to its end. It is one run, and has told so many troubles: each once
// when it began, and once when it was over.
func (s *stream) end() (troubles int) {
	s.Helper()
	s.live.Finish()
	if err := <-s.ended; err != nil {
		s.Error(err)
	}
	troubles = strings.Count(s.log.String(), "no lines reach the warehouse")
	if over := strings.Count(s.log.String(), "lines reach the warehouse again"); over != troubles {
		s.Errorf("%d troubles have begun and %d are over:\n%s", troubles, over, s.log)
	}
	s.same("SELECT status, rows_read, rows_inserted FROM dw.etl_run WHERE step = 'live'", fmt.Sprintf("done|%d|%[1]d", s.next))
	s.invoices(s.next)
	// What was tried in vain does not count.
	if got := counter(s, s.registry, "tillstream_etl_rows_total", stepLive, outcomeInserted); got != float64(s.next) {
		s.Errorf("%v rows are counted, want %d", got, s.next)
	}
	return troubles
}

// tries waits for so many tries in vain. Each opens and closes the run, which changes
// its row; a database of its own that nobody can reach has no row to change.
func (s *stream) tries(n int) {
	s.Helper()
	seen := make(map[string]bool)
	eventually(s, fmt.Sprintf("it has tried %d times", n), func() bool {
		for _, row := range s.query("SELECT status, finished_at FROM dw.etl_run WHERE step = 'live' AND status = 'failed'") {
			seen[row] = true
		}
		return len(seen) >= n
	})
}

// A table that is away: every try gets as far as the run's record, and fails. Nothing
// is lost or doubled, and however often it tries it is one run and one trouble.
func TestLiveTriesAgain(t *testing.T) {
	l := newTill(newLab(t))
	l.append(l.lines(3)...)
	away := func() { mustExec(t, l.dw, "ALTER TABLE dw.etl_watermark RENAME TO dw.etl_watermark_away") }
	back := func() { mustExec(t, l.dw, "ALTER TABLE dw.etl_watermark_away RENAME TO dw.etl_watermark") }
	if l.dw.Engine() == database.SQLServer {
		away = func() { mustExec(t, l.dw, "EXEC sp_rename 'dw.etl_watermark', 'etl_watermark_away', 'OBJECT'") }
		back = func() { mustExec(t, l.dw, "EXEC sp_rename 'dw.etl_watermark_away', 'etl_watermark', 'OBJECT'") }
	}
	away()
	s := l.follow()
	s.troubled("etl_watermark")
	s.tries(5)
	l.same("SELECT COUNT(*), MAX(rows_read) FROM dw.etl_run WHERE step = 'live'", "1|0")
	back()
	s.flowing(3)
	away()
	l.append(l.lines(4)...)
	s.troubled("etl_watermark")
	s.tries(3)
	l.same("SELECT COUNT(*), MAX(rows_read) FROM dw.etl_run WHERE step = 'live'", "1|3")
	back()
	s.flowing(7)
	if n := s.end(); n != 2 {
		t.Errorf("2 troubles are told as %d:\n%s", n, s.log)
	}
}

// A warehouse that is not there yet, or goes away: the server refuses, the file is
// missing. It leaves no row in the record of a warehouse that nobody reaches. A day's
// files wait for it meanwhile; nothing of them is lost or doubled, also where the
// source brings the same lines later.
func TestLiveWaitsForTheWarehouse(t *testing.T) {
	l := newTill(newLab(t))
	l.reference()
	var sold []sale.Row
	sell := func(n int) {
		rows := l.lines(n)
		l.append(rows...)
		sold = append(sold, rows...)
	}
	var away, back func()
	l.cfg.Warehouse, away, back = databasetest.Hide(t, l.cfg.Warehouse)
	away()
	s := l.follow()
	s.troubled("opening")
	for hour := range 24 {
		sell(10)
		l.rotate(fmt.Sprintf("20240305T%02d0000.000Z", hour))
	}
	sell(3)
	back()
	s.flowing(l.next)
	troubles := 1
	if l.serverEngine() { // a file that is open cannot go away
		away()
		sell(4)
		s.troubled("")
		back()
		s.flowing(l.next)
		troubles++
	}
	if n := s.end(); n != troubles {
		t.Errorf("%d troubles are told as %d:\n%s", troubles, n, s.log)
	}
	l.sell(sold...)
	if got := l.load(); got.Rejected != 0 {
		t.Errorf("got %+v", got)
	}
	l.invoices(l.next)
	l.same("SELECT origin, COUNT(*), SUM(usd_micros) FROM dw.fact_sales GROUP BY origin", fmt.Sprintf("batch|%d|%d", l.next, l.next*100_000_000))
	l.kinds(l.verified(VerifyOptions{CSV: []string{l.dir}}), map[string]int64{})
}

// A warehouse that somebody else writes to for long: the lines wait, which is told,
// and go on when it is their turn.
func TestLiveWaitsForItsTurn(t *testing.T) {
	defer func(was time.Duration) { busyAfter = was }(busyAfter)
	busyAfter = 200 * time.Millisecond
	l := newTill(newLab(t))
	s := l.follow()
	s.flowing(0)
	for range 2 {
		mustTransact(t, l.dw, func(ctx context.Context, tx *database.Tx) error {
			if err := lockFacts(ctx, tx); err != nil {
				return err
			}
			l.append(l.lines(5)...)
			s.troubled("busy")
			return nil
		})
		s.flowing(l.next)
	}
	if n := s.end(); n < 2 { // a slow server may be busy by itself
		t.Errorf("2 troubles are told as %d:\n%s", n, s.log)
	}
}

// gauge is the value of a metric without labels.
func gauge(t testing.TB, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	return metricOf(t, g, name).GetGauge().GetValue()
}

// counter is the value of a metric that has a label of this value.
func counter(t testing.TB, g prometheus.Gatherer, name string, labels ...string) float64 {
	t.Helper()
	return metricOf(t, g, name, labels...).GetCounter().GetValue()
}

// metricOf finds the metric whose labels have all these values.
func metricOf(t testing.TB, g prometheus.Gatherer, name string, labels ...string) *dto.Metric {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var values []string
			for _, pair := range metric.GetLabel() {
				values = append(values, pair.GetValue())
			}
			if !slices.ContainsFunc(labels, func(label string) bool { return !slices.Contains(values, label) }) {
				return metric
			}
		}
	}
	t.Fatalf("there is no metric %s of %q", name, labels)
	return nil
}
