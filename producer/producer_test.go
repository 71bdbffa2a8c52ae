package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// checkLines checks that each row arrived once, as it was, and that the lines of
// an invoice are in one partition and in order.
func checkLines(t *testing.T, got []message, want []sale.Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	perKey := make(map[string][]message)
	for _, m := range got {
		perKey[m.key] = append(perKey[m.key], m)
	}
	for _, row := range want {
		queue := perKey[row[sale.InvoiceID]]
		if len(queue) == 0 {
			t.Fatalf("invoice %s, line %s is missing", row[sale.InvoiceID], row[sale.LineNumber])
		}
		m := queue[0]
		perKey[row[sale.InvoiceID]] = queue[1:]
		if len(m.row) != sale.NumColumns {
			t.Fatalf("%d keys in %s, want %d", len(m.row), m.value, sale.NumColumns)
		}
		for column, name := range sale.Columns {
			if m.row[name] != row[column] {
				t.Fatalf("%s of %s is %q, want %q", name, m.key, m.row[name], row[column])
			}
		}
		if m.partition != queue[len(queue)-1].partition {
			t.Fatalf("invoice %s is in partitions %d and %d", m.key, m.partition, queue[len(queue)-1].partition)
		}
	}
}

func TestEveryLineOnceAndInOrder(t *testing.T) {
	for _, compression := range []kafka.Compression{0, kafka.Lz4, kafka.Snappy, kafka.Zstd} {
		t.Run(compression.String(), func(t *testing.T) {
			_, cluster := startKafka(t)
			rows := someRows(20_000)
			registry := prometheus.NewPedanticRegistry()
			cfg := configFor(cluster, rows)
			cfg.Compression, cfg.Registerer = compression, registry
			p := newProducer(t, cfg)
			if p.Ready() == nil {
				t.Error("ready before it started")
			}
			s := run(t, p)
			if s.Produced != 20_000 || s.Lines != 20_000 || s.Rounds != 1 || s.Duplicates != 0 || s.Corrupted != 0 || s.LinesPerSecond <= 0 || s.Seconds <= 0 {
				t.Errorf("summary %+v", s)
			}
			for i := range rows {
				rows[i][sale.CurrencySymbol] = sale.SymbolOf(rows[i][sale.Currency])
			}
			checkLines(t, published(t, cluster), rows)
			if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP tillstream_produce_target_rate Lines a second that are to be produced; 0 = as fast as possible.
# TYPE tillstream_produce_target_rate gauge
tillstream_produce_target_rate 0
# HELP tillstream_produced_messages_total Messages that Kafka acknowledged: lines, duplicates and damaged ones.
# TYPE tillstream_produced_messages_total counter
tillstream_produced_messages_total 20000
`)); err != nil {
				t.Error(err)
			}
			if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
				t.Error(problems, err)
			}
		})
	}
}

// The partitions are those of the Java client: from murmur2 of its own tests
// (org.apache.kafka.common.utils.UtilsTest) modulo 4.
func TestPartitionsAsInJava(t *testing.T) {
	p := newPublisher(clusterAt(t, "127.0.0.1:1"), topic, 4, 0, nil, nil, nil)
	for key, murmur2 := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536} {
		if got, want := p.partitionOf(key).id, int(murmur2&0x7fffffff)%4; got != want {
			t.Errorf("key %q is in partition %d, want %d", key, got, want)
		}
	}
}

func TestTopicIsCreated(t *testing.T) {
	_, cluster := startKafka(t)
	cfg := configFor(cluster, someRows(10))
	cfg.Topic, cfg.Partitions = "brand-new", 3
	run(t, newProducer(t, cfg))
	meta, err := cluster.Client().Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"brand-new"}})
	if err != nil || len(meta.Topics) != 1 || len(meta.Topics[0].Partitions) != 3 {
		t.Errorf("topic %+v, error %v", meta, err)
	}
}

func TestLoopGivesNewNumbers(t *testing.T) {
	_, cluster := startKafka(t)
	rows := someRows(3)
	cfg := configFor(cluster, rows)
	cfg.Loop, cfg.Limit = true, 11
	p := newProducer(t, cfg)
	clock := []int64{1763866140, 1763866140, 1763866150}
	p.now = func() time.Time {
		now := clock[0]
		clock = clock[1:]
		return time.Unix(now, 999)
	}
	s := run(t, p)
	if s.Lines != 11 || s.Produced != 11 || s.Rounds != 4 {
		t.Errorf("summary %+v", s)
	}
	lines := make(map[string]int)
	for _, m := range published(t, cluster) {
		if m.row["Invoice ID"] != m.key {
			t.Errorf("key %s, Invoice ID %s", m.key, m.row["Invoice ID"])
		}
		lines[m.key]++
	}
	for id, n := range map[string]int{
		"INV-US-002-00000000": 3, "INV-US-002-176386614000000000": 3, "INV-US-002-1763866140a00000000": 3, "INV-US-002-176386615000000000": 2,
	} {
		if lines[id] != n {
			t.Errorf("%d lines of %s, want %d; all: %v", lines[id], id, n, lines)
		}
	}
}

// Where each run sells anew, the first round has new numbers as well, and other
// ones than any round of a run before.
func TestRenumberBeginsWithTheFirstRound(t *testing.T) {
	_, cluster := startKafka(t)
	second := int64(1763866140)
	for range 2 {
		cfg := configFor(cluster, someRows(3))
		cfg.Renumber, cfg.Loop, cfg.Limit = true, true, 6
		p := newProducer(t, cfg)
		p.now = func() time.Time { return time.Unix(second, 0) }
		run(t, p)
		second++
	}
	lines := make(map[string]int)
	for _, m := range published(t, cluster) {
		lines[m.key]++
	}
	for _, tag := range []string{"1763866140", "1763866140a", "1763866141", "1763866141a"} {
		if n := lines["INV-US-002-"+tag+"00000000"]; n != 3 {
			t.Errorf("round %s has %d lines, want 3; all: %v", tag, n, lines)
		}
	}
}

func TestRoundTags(t *testing.T) {
	var r rounds
	seen := make(map[string]bool)
	for second := range int64(3) {
		for range 1000 {
			tag := r.next(time.Unix(1000000000+second, 0))
			if seen[tag] {
				t.Fatalf("tag %s twice", tag)
			}
			seen[tag] = true
		}
	}
	before := r
	if tag := r.next(time.Unix(999999999, 0)); seen[tag] || r.second != before.second {
		t.Errorf("tag %s after the clock was set back", tag)
	}
	for id, want := range map[string]string{"": "", "INV-DE-013-00000007": "INV-DE-013-1700000007", "17": "1717", "X-": "X-17"} {
		if got := tagged(id, "17"); got != want {
			t.Errorf("%q becomes %q, want %q", id, got, want)
		}
	}
}

func TestLimitAndEmptySource(t *testing.T) {
	_, cluster := startKafka(t)
	cfg := configFor(cluster, someRows(100))
	cfg.Limit = 7
	if s := run(t, newProducer(t, cfg)); s.Lines != 7 || s.Produced != 7 {
		t.Errorf("with a limit: %+v", s)
	}
	cfg = configFor(cluster, nil)
	cfg.Loop = true
	if s := run(t, newProducer(t, cfg)); s.Lines != 0 || s.LinesPerSecond != 0 {
		t.Errorf("without lines: %+v", s)
	}
}

func TestStampNow(t *testing.T) {
	zone := func(name string) *time.Location {
		l, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	c := newClocks(store.Default())
	now := time.Date(2026, 7, 1, 20, 30, 59, 0, time.UTC)
	for _, test := range []struct{ store, invoice, zone string }{
		{"2", "INV-US-002-1", "America/Los_Angeles"},
		{"1", "INV-US-001-1", "America/New_York"},
		{"6", "INV-CN-006-1", "Asia/Shanghai"},
		{"999", "INV-UK-999-1", "Europe/London"}, // an unknown store: the invoice's country
		{"", "INV-PT-999-1", "Europe/Lisbon"},
		{"999", "nonsense", "UTC"},
	} {
		row := sale.Row{sale.StoreID: test.store, sale.InvoiceID: test.invoice}
		for range 2 { // the second is from the cache
			if got, want := c.stamp(&row, now), now.In(zone(test.zone)).Format(dateLayout); got != want {
				t.Errorf("store %q, invoice %s: %s, want %s", test.store, test.invoice, got, want)
			}
		}
		if got, want := c.stamp(&row, now.Add(time.Second)), now.Add(time.Second).In(zone(test.zone)).Format(dateLayout); got != want {
			t.Errorf("a second later: %s, want %s", got, want)
		}
	}

	_, cluster := startKafka(t)
	cfg := configFor(cluster, someRows(1))
	cfg.Stamp = StampNow
	before := time.Now().Truncate(time.Second)
	run(t, newProducer(t, cfg))
	m := published(t, cluster)[0]
	at, err := time.ParseInLocation(dateLayout, m.row["Date"], zone("America/Los_Angeles"))
	if err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("Date %q, error %v", m.row["Date"], err)
	}
	if m.at.Before(before) || m.at.After(time.Now()) {
		t.Errorf("the record's time is %v", m.at)
	}
}

func TestCancelInTheMiddleFlushes(t *testing.T) {
	before := runtime.NumGoroutine()
	fake, cluster := startKafka(t)
	rows := someRows(1000)
	cfg := configFor(cluster, rows)
	cfg.Loop = true
	p := newProducer(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var s Summary
	var err error
	done := make(chan struct{})
	go func() { s, err = p.Run(ctx); close(done) }()
	waitFor(t, "messages", func() bool { return p.Stats().Produced > 3000 })
	if p.Ready() != nil {
		t.Error(p.Ready())
	}
	cancel()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(len(published(t, cluster))); s.Lines != s.Produced || s.Produced != got {
		t.Errorf("%d lines, %d produced, %d in the topic", s.Lines, s.Produced, got)
	}
	if _, err := p.Run(t.Context()); err == nil {
		t.Error("it ran twice")
	}
	cluster.Close()
	fake.Close()
	waitFor(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before+1 })
}

func TestSourceFailsInTheMiddle(t *testing.T) {
	_, cluster := startKafka(t)
	cfg := configFor(cluster, nil)
	broken := errors.New("the disk is gone")
	cfg.Open = func() (Source, error) { return &sliceSource{rows: someRows(50), err: broken}, nil }
	s, err := newProducer(t, cfg).Run(t.Context())
	if !errors.Is(err, broken) || s.Lines != 50 || s.Produced != 50 {
		t.Errorf("%+v, error %v", s, err)
	}
	bad := someRows(2)
	bad[1][sale.Color] = "SCHW\xc4RZ"
	s, err = newProducer(t, configFor(cluster, bad)).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), `invoice "INV-US-002-00000000", line "2"`) || s.Produced != 1 {
		t.Errorf("%+v, error %v", s, err)
	}
}

// A pipe that nobody writes to must not keep the producer from ending.
func TestCancelWhileThePipeIsSilent(t *testing.T) {
	_, cluster := startKafka(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	if _, err := fmt.Fprint(write, "Invoice ID,Line\nINV-US-002-1,1\n"); err != nil {
		t.Fatal(err)
	}
	cfg := configFor(cluster, nil)
	cfg.Open = func() (Source, error) { return openCSV("pipe", read) }
	p := newProducer(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { _, err := p.Run(ctx); done <- err }()
	waitFor(t, "the line, at once", func() bool { return p.Stats().Produced == 1 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	cluster := clusterAt(t, "127.0.0.1:1")
	nan := 0.0
	nan /= nan
	for name, change := range map[string]func(*Config){
		"cluster":         func(c *Config) { c.Cluster = nil },
		"topic":           func(c *Config) { c.Topic = "" },
		"source":          func(c *Config) { c.Open = nil },
		"stores":          func(c *Config) { c.Stores = nil },
		"rate -1":         func(c *Config) { c.Rate = -1 },
		"rate NaN":        func(c *Config) { c.Rate = nan },
		"duplicate ratio": func(c *Config) { c.DuplicateRatio = 1.5 },
		"corrupt ratio":   func(c *Config) { c.CorruptRatio = nan },
		"limit":           func(c *Config) { c.Limit = -1 },
		"partitions":      func(c *Config) { c.Partitions = -1 },
		"time":            func(c *Config) { c.GiveUpAfter = -1 },
		"stamp":           func(c *Config) { c.Stamp = 7 },
	} {
		cfg := configFor(cluster, nil)
		change(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.Contains(err.Error(), strings.Fields(name)[0]) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	registry := prometheus.NewRegistry()
	cfg := configFor(cluster, nil)
	cfg.Registerer = registry
	newProducer(t, cfg)
	if _, err := New(cfg); err == nil {
		t.Error("the metrics were registered twice")
	}
}

func TestSummaryAsJSON(t *testing.T) {
	text, err := json.Marshal(Summary{Produced: 1, Lines: 2, Duplicates: 3, Corrupted: 4, Rounds: 5, Seconds: 6.5, LinesPerSecond: 7.5})
	if want := `{"produced":1,"lines":2,"duplicates":3,"corrupted":4,"rounds":5,"seconds":6.5,"lines_per_second":7.5}`; err != nil || string(text) != want {
		t.Errorf("%s, error %v", text, err)
	}
}
