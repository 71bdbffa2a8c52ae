//go:build observability && kafka

package e2e

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// usual is the tills' pace, lines a second: many enough that ten seconds, which
// stand for five minutes, do not vary much by chance.
const usual = 400

// One run with a real Kafka, Prometheus, Alertmanager and Jaeger and the project's
// own files: a drop in revenue is told and taken back, one sale is one trace, a
// consumer that is down is told instead of the revenue that is missing because of
// it, and after all of it the counters' increase is the CSV's total.
func TestObservability(t *testing.T) {
	s := starting(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the webhook got %+v", s.hook.received())
		}
	})
	c := s.consumes()
	within(t, time.Minute, "Prometheus has seen the stores at 0", func() bool {
		n, ok := s.value(t, "count(tillstream_sales_usd_total == 0)")
		return ok && n >= 35
	})
	began := time.Now().Add(-time.Minute) // before the first sample
	p := s.produces(generated(t, 20_000), usual)
	s.liveEtl()
	within(t, 8*time.Minute, "there is a baseline, of which the first minutes are no large part", func() bool {
		share, ok := s.value(t, "all:tillstream_sales_usd:low5m / all:tillstream_sales_usd:expected5m and on () tillstream:pipeline_steady1h:bool == 1")
		return ok && share > 0.3
	})
	if n := s.hook.count("", "revenue", "firing"); n > 0 {
		t.Errorf("there were %d alerts about revenue in the first hour", n)
	}

	t.Run("one sale is one trace", func(t *testing.T) { oneTrace(t, s) })

	t.Run("an exemplar leads to a trace", func(t *testing.T) { latencyLeads(t, s) })
	t.Run("each panel finds something", func(t *testing.T) { panelsFind(t, s) })

	t.Run("revenue drops and comes back", func(t *testing.T) {
		s.setRate(t, usual/10)
		within(t, time.Minute, "RevenueDropped reaches the webhook", func() bool { return s.hook.count("RevenueDropped", "", "firing") > 0 })
		for _, a := range s.hook.received() {
			if a.Labels["alertname"] == "RevenueDropped" && (!strings.HasSuffix(a.Annotations["runbook_url"], "#revenuedropped") ||
				!strings.Contains(a.Annotations["dashboard_url"], "/d/tillstream-live") || !strings.Contains(a.Annotations["description"], "USD")) {
				t.Errorf("the alert says %v", a.Annotations)
			}
		}
		alertLeads(t, s, "RevenueDropped", "tillstream-live")
		within(t, 30*time.Second, "the mail arrives", func() bool {
			return s.mail.holds("Subject: [critical] Sales in all open countries", "USD came in within 5 minutes", "#revenuedropped")
		})
		s.setRate(t, usual)
		within(t, time.Minute, "its end reaches the webhook", func() bool { return s.hook.count("RevenueDropped", "", "resolved") > 0 })
		within(t, 4*time.Minute, "no alert about revenue is left", func() bool { return len(s.heard(t, "revenue")) == 0 })
	})

	t.Run("the consumer is killed", func(t *testing.T) {
		before := s.hook.count("", "revenue", "firing")
		// It was not there at the very start either.
		down, up := s.hook.count("ConsumerDown", "", "firing"), s.hook.count("ConsumerDown", "", "resolved")
		kill(t, c)
		within(t, time.Minute, "ConsumerDown reaches the webhook", func() bool { return s.hook.count("ConsumerDown", "", "firing") > down })
		// The rules do not judge revenue meanwhile. Should an alert about it come all
		// the same, Alertmanager keeps it silent.
		s.post(t, `[{"labels":{"alertname":"NoTransactions","area":"revenue","severity":"critical"}}]`)
		within(t, 10*time.Second, "Alertmanager has it", func() bool { return slices.Contains(s.inhibited(t, "revenue"), "NoTransactions") })
		quiet(t, s, 15*time.Minute/faster)
		s.post(t, `[{"labels":{"alertname":"NoTransactions","area":"revenue","severity":"critical"},"startsAt":"2026-01-01T00:00:00Z","endsAt":"2026-01-01T00:00:01Z"}]`)
		c = s.consumes()
		within(t, time.Minute, "its end reaches the webhook", func() bool { return s.hook.count("ConsumerDown", "", "resolved") > up })
		quiet(t, s, 30*time.Minute/faster)
		if after := s.hook.count("", "revenue", "firing"); after != before {
			t.Errorf("%d alerts about revenue reached the webhook: %+v", after-before, s.hook.received())
		}
	})

	t.Run("killed and restarted under load", func(t *testing.T) {
		for range 3 {
			lines, _ := s.value(t, "tillstream_written_lines_total")
			kill(t, c)
			c = s.consumes()
			within(t, time.Minute, "it writes again", func() bool {
				now, ok := s.value(t, "tillstream_written_lines_total")
				return ok && now > lines+2*usual
			})
		}
		quiet(t, s, 10*time.Minute/faster)
		p.signal(t, syscall.SIGTERM)
		sent := decode[produced](t, p.wait(t).stdout)
		within(t, time.Minute, "Prometheus has seen the last line", func() bool {
			lines, ok := s.value(t, "tillstream_written_lines_total")
			return ok && int64(lines) == sent.Lines
		})
		sameMoney(t, s, began)
	})
}

func kill(t *testing.T, p *process) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.ended
}

// quiet checks for a while that nobody hears of missing revenue.
func quiet(t *testing.T, s *stack, length time.Duration) {
	t.Helper()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for end := time.Now().Add(length); time.Now().Before(end); <-ticker.C {
		if names := s.heard(t, "revenue"); len(names) > 0 {
			t.Fatalf("the revenue alerts %v are heard", names)
		}
	}
}

// sameMoney compares the counters' increase over the whole run with a recount of
// the CSV. Asked for at the moment of the last sample, increase() has nothing to
// extrapolate: a counter that begins at 0 cannot have been below.
func sameMoney(t *testing.T, s *stack, began time.Time) {
	t.Helper()
	at, ok := s.value(t, "timestamp(tillstream_written_lines_total)")
	if !ok {
		t.Fatal("there is no last sample")
	}
	length := int(at) - int(began.Unix())
	counted := recount(t, filepath.Join(s.out, "live_transactions.csv"), true)
	for country, want := range counted.countries {
		for metric, text := range map[string]string{"tillstream_sales_usd_total": want.SalesUSD, "tillstream_refunds_usd_total": want.RefundsUSD} {
			exact, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			found := s.query(t, fmt.Sprintf("sum(increase(%s{country=%q}[%ds]))", metric, country, length), at)
			if len(found) != 1 {
				t.Fatalf("%s of %s: %d results", metric, country, len(found))
			}
			const cent = 0.01
			if got := found[0].number(t); math.Abs(got-exact) > cent {
				t.Errorf("%s of %s: the increase is %v, the CSV holds %s", metric, country, got, text)
			}
		}
	}
	t.Logf("%d lines, %s USD of sales, %s of refunds", counted.rows, counted.all.SalesUSD, counted.all.RefundsUSD)
}

// oneTrace finds a sale's trace in Jaeger: sent by the one service, processed by
// the other as its child, on disk before the trace ends.
func oneTrace(t *testing.T, s *stack) {
	var said string
	within(t, time.Minute, "a trace goes from the till to the disk", func() bool {
		for _, tr := range s.traces(t, "tillstream-consumer") {
			found := map[string]span{}
			for _, sp := range tr.Spans {
				found[sp.OperationName] = sp
			}
			process, ok := found["process sales"]
			if !ok {
				continue
			}
			send, ok := tr.parent(process)
			_, synced := found["fsync"]
			if !ok || !synced || send.OperationName != "send sales" {
				said = fmt.Sprintf("%+v", tr)
				continue
			}
			if tr.service(send) != "tillstream-producer" || tr.service(process) != "tillstream-consumer" {
				t.Fatalf("the services are %q and %q", tr.service(send), tr.service(process))
			}
			const long = int64(time.Minute / time.Microsecond)
			if process.StartTime < send.StartTime || send.Duration <= 0 || process.Duration <= 0 || send.Duration > long || process.Duration > long {
				t.Fatalf("the times make no sense: sent %d for %d µs, processed %d for %d µs", send.StartTime, send.Duration, process.StartTime, process.Duration)
			}
			for name, sp := range found {
				if parent, ok := tr.parent(sp); name != "send sales" && !ok {
					t.Fatalf("%s has no parent in %+v", name, tr)
				} else if ok && sp.StartTime < parent.StartTime {
					t.Fatalf("%s begins before its parent %s in %+v", name, parent.OperationName, tr)
				}
			}
			return true
		}
		return false
	})
	if t.Failed() {
		t.Log(said)
	}
}
