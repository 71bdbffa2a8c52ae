package grafana

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"tillstream/internal/command"
	"tillstream/internal/embedded"
	"tillstream/internal/generator"
	"tillstream/internal/store"
)

// running is a command that runs in this process.
type running struct {
	listen      string
	stop        context.CancelFunc
	ended       chan error
	out, errors safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// runs starts a command, and returns when its HTTP side answers.
func runs(t *testing.T, args ...string) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{listen: l.Addr().String(), ended: make(chan error, 1)}
	l.Close()
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	app := command.App()
	app.Writer, app.ErrWriter = &r.out, &r.errors
	go func() {
		r.ended <- app.RunContext(ctx, append(append([]string{"tillstream"}, args...), "--listen", r.listen))
		close(r.ended)
	}()
	t.Cleanup(func() {
		r.stop()
		if err := <-r.ended; err != nil { // nil when finish has had it
			t.Errorf("%v: %v\n%s", args, err, r.errors.String())
		}
	})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		response, err := http.Get("http://" + r.listen + "/healthz")
		if err == nil {
			response.Body.Close()
			return r
		}
		select {
		case <-tick.C:
		case err := <-r.ended:
			t.Fatalf("%v: %v\n%s", args, err, r.errors.String())
		}
	}
}

// finish stops a command as a signal would, and reads its summary.
func (r *running) finish(t *testing.T, summary any) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Fatalf("%v\n%s", err, r.errors.String())
	}
	if err := json.Unmarshal([]byte(r.out.String()), summary); err != nil {
		t.Fatalf("%v: %s", err, r.out.String())
	}
}

// amounts are what a summary says was sold.
type amounts struct {
	NetUSD     string `json:"net_usd"`
	SalesUSD   string `json:"sales_usd"`
	RefundsUSD string `json:"refunds_usd"`
	ItemsSold  int64  `json:"items_sold"`
}

// stream is what the real producer, consumer and `etl live` have shown to a
// Prometheus: some minutes a week ago, and some just now.
type stream struct {
	*monitor
	today   time.Duration // how long the minutes of now are
	summary struct {      // the consumer's
		amounts
		Rejected, Duplicates int64
		Countries            map[string]amounts
	}
}

// week is long enough that "today" and "last week" are two.
const week = 7 * 24 * time.Hour

func streamed(t *testing.T) stream {
	t.Helper()
	dir := t.TempDir()
	if _, err := generator.Generate(t.Context(), dir, generator.Config{Lines: 3000, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	broker, err := embedded.Start(filepath.Join(dir, "kafka"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	kafka, out := "--brokers="+broker.Addresses()[0], filepath.Join(dir, "live")
	databases := []string{"--source-db=sqlite:" + filepath.Join(dir, "source.db"), "--warehouse=sqlite:" + filepath.Join(dir, "warehouse.db")}
	initialise := command.App()
	initialise.Writer, initialise.ErrWriter = io.Discard, io.Discard
	if err := initialise.RunContext(t.Context(), append([]string{"tillstream", "etl", "init"}, databases...)); err != nil {
		t.Fatal(err)
	}
	s := stream{monitor: newMonitor(t)}
	consume := runs(t, "consume", kafka, "--out="+out)
	live := runs(t, append([]string{"etl", "live", "--csv=" + out}, databases...)...)
	s.targets["consume"], s.targets["etl"] = consume.listen, live.listen

	began, sent := s.now, int64(0)
	sells := func(seed int) (length time.Duration) {
		start := s.now
		s.turn() // the counters before the first sale
		produce := runs(t, "produce", kafka, "--source="+filepath.Join(dir, "transactions.csv"), "--loop", "--renumber", "--rate=2000",
			"--duplicate-ratio=0.02", "--corrupt-ratio=0.05", "--seed="+strconv.Itoa(seed))
		s.targets["produce"] = produce.listen
		written, _ := s.value("sum(tillstream_written_lines_total)")
		s.until("it has sold for some minutes", func() bool {
			now, _ := s.value("sum(tillstream_written_lines_total)")
			return now > written+1500 && s.now.Sub(start) > 3*time.Minute
		})
		var summary struct{ Produced int64 }
		produce.finish(t, &summary)
		sent += summary.Produced
		s.until("all of it is settled", func() bool {
			settled, _ := s.value("sum(tillstream_consumed_messages_total)")
			return int64(settled) == sent
		})
		s.turn() // a page's metrics are not of one instant: the money may have been read before the last lines
		return s.now.Sub(start)
	}
	sells(1)
	s.now = began.Add(week)
	s.today = sells(2)
	consume.finish(t, &s.summary)
	return s
}

// until lets time pass until a condition is met, some scrapes a second.
func (s stream) until(what string, condition func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		s.turn()
		if condition() {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("not within a minute: %s", what)
		}
	}
}

// named are a panel's queries on a dashboard.
func named(t *testing.T, board, title string) (Dashboard, []Query) {
	t.Helper()
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			if d.UID == board && p.Title == title {
				return d, p.Targets
			}
		}
	}
	t.Fatalf("%s has no panel %q", board, title)
	return Dashboard{}, nil
}

// Every PromQL query of every dashboard finds something in what the real pipeline
// has shown, and the figures are those of the consumer's summary, whatever is chosen.
func TestPromQLShowsTheStream(t *testing.T) {
	s := streamed(t)
	t.Run("each query finds something", func(t *testing.T) {
		for _, d := range dashboards(t) {
			for _, p := range d.Panels {
				for _, q := range p.Targets {
					if q.Expr == "" {
						continue
					}
					began := time.Now()
					if found := s.panel(d, q, nil, s.today); len(found) == 0 {
						t.Errorf("%s: %s %s finds nothing\n%s", d.File, p.Title, q.RefID, q.Expr)
					}
					if took := time.Since(began); took > patience {
						t.Errorf("%s: %s %s takes %v", d.File, p.Title, q.RefID, took)
					}
				}
			}
		}
	})
	t.Run("numbers", func(t *testing.T) { streamNumbers(t, s) })
	t.Run("choices", func(t *testing.T) { streamChoices(t, s) })
}

func streamNumbers(t *testing.T, s stream) {
	all := s.today + week + time.Minute
	figure := func(title string, choice Choice, length time.Duration) float64 {
		d, queries := named(t, "tillstream-live", title)
		found := s.panel(d, queries[0], choice, length)
		if len(found) != 1 {
			t.Fatalf("%s: %d figures", title, len(found))
		}
		return found[0].Floats[0].F
	}
	same(t, "net revenue", figure("Net revenue today", nil, all), number(t, s.summary.NetUSD))
	same(t, "items", figure("Items sold", nil, all), float64(s.summary.ItemsSold))
	if s.summary.Rejected == 0 || s.summary.Duplicates == 0 {
		t.Errorf("nothing was rejected or sent twice: %+v", s.summary)
	}
	same(t, "refund rate", figure("Refund rate", nil, all)*100, number(t, s.summary.RefundsUSD)/number(t, s.summary.SalesUSD)*100)
	d, byCountry := named(t, "tillstream-live", "Net revenue by country")
	countries := labelled(s.panel(d, byCountry[0], nil, all), "country")
	if len(countries) != len(store.Countries()) {
		t.Errorf("the countries are %v", slices.Sorted(maps.Keys(countries)))
	}
	for country, net := range countries {
		same(t, "net revenue of "+country, net, number(t, s.summary.Countries[country].NetUSD))
		same(t, "net revenue with only "+country, figure("Net revenue today", Choice{"country": {country}}, all), net)
	}
	// Today begins where yesterday ended.
	if today := figure("Net revenue today", nil, s.today); today <= 0 || today >= number(t, s.summary.NetUSD) {
		t.Errorf("today brought %v of all %v", today, s.summary.NetUSD)
	} else {
		var sum float64
		for _, net := range labelled(s.panel(d, byCountry[0], nil, s.today), "country") {
			sum += net
		}
		same(t, "today, by country", sum, today)
	}
}

// Who chooses a country or a store sees it in each panel whose query names it, and
// no other one.
func streamChoices(t *testing.T, s stream) {
	show := func(found promql.Matrix) string {
		text := make([]string, len(found))
		for i, f := range found {
			text[i] = fmt.Sprint(f.Metric, f.Floats)
		}
		slices.Sort(text)
		return strings.Join(text, "\n")
	}
	stores := map[string]bool{}
	for _, series := range s.ask(`tillstream_sales_usd_total{country="DE"} > 0`, s.now, s.now) {
		stores[series.Metric.Get("store")] = true
	}
	one := slices.Sorted(maps.Keys(stores))[0]
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				for name, choice := range map[string]Choice{"country": {"country": {"DE"}}, "store": {"store": {one}}} {
					if q.Expr == "" {
						continue
					}
					everything, chosen := s.panel(d, q, nil, s.today), s.panel(d, q, choice, s.today)
					if changes, named := show(everything) != show(chosen), strings.Contains(q.Expr, "$"+name); changes != named {
						t.Errorf("%s: %s %s names the %s: %v, and changes with it: %v", d.File, p.Title, q.RefID, name, named, changes)
					}
					for _, found := range chosen {
						if c := found.Metric.Get("country"); strings.Contains(q.Expr, "$"+name) && c != "" && c != "DE" {
							t.Errorf("%s: %s %s shows %v with only the %s of Germany chosen", d.File, p.Title, q.RefID, found.Metric, name)
						}
						if of := found.Metric.Get("store"); of != "" && !stores[of] {
							t.Errorf("%s: %s %s shows %v with only the %s of Germany chosen", d.File, p.Title, q.RefID, found.Metric, name)
						}
					}
				}
			}
		}
	}
}
