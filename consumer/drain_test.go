package consumer

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tillstream/internal/sale"
)

func checkAmounts(t testing.TB, s Summary, rows []sale.Row) {
	t.Helper()
	if want := recount(rows); s.Amounts != want {
		t.Errorf("the amounts are\n%+v, want\n%+v", s.Amounts, want)
	}
	if s.CSVRows != int64(len(rows)) {
		t.Errorf("csv_rows is %d, want %d", s.CSVRows, len(rows))
	}
}

// checkMetrics says that the business counters are the CSV's totals.
func checkMetrics(t testing.TB, cfg Config, s Summary) {
	t.Helper()
	for name, want := range map[string]float64{
		"written_lines_total":  float64(s.CSVRows),
		"items_sold_total":     float64(s.ItemsSold),
		"items_returned_total": float64(s.ItemsReturned),
		"invoices_total":       float64(s.Invoices),
	} {
		if got := metric(t, cfg, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	mustNotDiffer(t, "sales_usd_total", cents(micros(metric(t, cfg, "sales_usd_total"))), s.SalesUSD)
	mustNotDiffer(t, "refunds_usd_total", cents(micros(metric(t, cfg, "refunds_usd_total"))), s.RefundsUSD)
}

func TestDrain(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 4)
	rows := saleRows(0, 5000)
	kafka.send(t, recordsOf(t, rows, 4)...)
	cfg := configFor(t, kafka)
	s := drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), rows)
	checkAmounts(t, s, rows)
	checkMetrics(t, cfg, s)
	if s.Consumed != 5000 || s.Written != 5000 || s.Duplicates+s.Conflicts+s.Rejected+s.DeadLetters != 0 {
		t.Errorf("the summary is %+v", s)
	}
	countries := map[string][]sale.Row{}
	for _, row := range rows {
		code := row[sale.InvoiceID][4:6]
		if code == "UK" {
			code = "GB"
		}
		countries[code] = append(countries[code], row)
	}
	for code, its := range countries {
		if want := recount(its); s.Countries[code] != want {
			t.Errorf("%s has %+v, want %+v", code, s.Countries[code], want)
		}
	}
	mustNotDiffer(t, "committed", kafka.committed(t, 4), kafka.ends(topic))
	if n := metric(t, cfg, "consumed_messages_total"); n != 5000 {
		t.Errorf("consumed_messages_total is %v", n)
	}
	if n := metric(t, cfg, "line_latency_seconds"); n != 5000 {
		t.Errorf("line_latency_seconds has %v observations", n)
	}
}

func TestEmptyTopicDrainsAtOnce(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 4)
	began := time.Now()
	s := drain(t, configFor(t, kafka))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if s.Consumed != 0 || s.NetUSD != "0.00" {
		t.Errorf("the summary is %+v", s)
	}
}

// One partition of several may hold nothing.
func TestDrainWithEmptyPartitions(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 4)
	rows := saleRows(0, 30)
	records := recordsOf(t, rows, 4)
	for _, r := range records {
		r.Partition = 2
	}
	kafka.send(t, records...)
	cfg := configFor(t, kafka)
	drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), rows)
}

// The first one wins: the same line again is dropped and counted, the same
// identity with other content is a dead letter too. Where and when they come makes
// no difference: in one batch, in another partition, after a restart.
func TestDuplicatesAndConflicts(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 2)
	rows := saleRows(0, 300)
	kafka.send(t, recordsOf(t, rows, 2)...)
	resent := saleRows(0, 50) // stamped anew
	for i := range resent {
		resent[i][sale.Date] = "2025-03-02 00:00:00"
	}
	other := saleRows(50, 80)
	for i := range other {
		other[i][sale.LineTotal] = "1.00"
	}
	later := append(recordsOf(t, resent, 2), recordsOf(t, other, 2)...)
	later[60].Headers = []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-1-2-01")}}
	kafka.send(t, later...)
	cfg := configFor(t, kafka)
	s := drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), rows)
	checkAmounts(t, s, rows)
	if s.Consumed != 380 || s.Duplicates != 50 || s.Conflicts != 30 || s.Rejected != 0 || s.DeadLetters != 30 {
		t.Errorf("the summary is %+v", s)
	}
	letters := kafka.letters(t)
	if len(letters) != 30 {
		t.Fatalf("%d dead letters, want 30", len(letters))
	}
	for _, l := range letters {
		if reason := headerOf(l, "dead-letter-reason"); reason != "conflict" {
			t.Errorf("the reason is %q", reason)
		}
	}

	// The same once more, to a new process.
	for _, r := range later {
		kafka.send(t, &kgo.Record{Topic: topic, Partition: 1 - r.Partition, Key: r.Key, Value: r.Value})
	}
	cfg = again(cfg)
	s = drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), rows)
	checkAmounts(t, s, rows)
	checkMetrics(t, cfg, s)
	if s.Consumed != 80 || s.Written != 0 || s.Duplicates != 50 || s.Conflicts != 30 {
		t.Errorf("the second summary is %+v", s)
	}
	if n := metric(t, cfg, "duplicate_lines_total"); n != 50 {
		t.Errorf("duplicate_lines_total is %v", n)
	}
	if n := metric(t, cfg, "conflicting_lines_total"); n != 30 {
		t.Errorf("conflicting_lines_total is %v", n)
	}
}
