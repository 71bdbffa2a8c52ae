package consumer

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tillstream/internal/fx"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// saleRow makes the i-th line: three to an invoice, all countries and currencies,
// now and then a return. All lines differ.
func saleRow(i int) sale.Row {
	codes := []string{"US-002", "CN-006", "DE-013", "FR-025", "UK-018", "ES-030", "PT-033"}
	stores := []string{"2", "6", "13", "25", "18", "30", "33"}
	currencies := []string{"USD", "CNY", "EUR", "EUR", "GBP", "EUR", "EUR"}
	invoice := i / 3
	c := invoice % len(codes)
	prefix, kind, sign := "INV", "Sale", ""
	if invoice%5 == 4 {
		prefix, kind, sign = "RET", "Return", "-"
	}
	return sale.Row{
		sale.InvoiceID: fmt.Sprintf("%s-%s-%08d", prefix, codes[c], invoice), sale.LineNumber: fmt.Sprint(i%3 + 1),
		sale.CustomerID: "103340", sale.ProductID: fmt.Sprint(16000 + i%50), sale.Size: "M", sale.Color: "SCHWARZ, \"matt\"/中",
		sale.UnitPrice: "44.5", sale.Quantity: fmt.Sprint(i%4 + 1), sale.Date: "2025-03-01 10:11:12", sale.Discount: "0.3",
		sale.LineTotal: fmt.Sprintf("%s%d.%02d", sign, 10+i%97, i%100), sale.StoreID: stores[c], sale.EmployeeID: fmt.Sprint(20 + c),
		sale.Currency: currencies[c], sale.CurrencySymbol: sale.SymbolOf(currencies[c]), sale.SKU: "MASW16991-M-BLACK",
		sale.TransactionType: kind, sale.PaymentMethod: "Cash", sale.InvoiceTotal: "133.5",
	}
}

func saleRows(from, to int) (rows []sale.Row) {
	for i := from; i < to; i++ {
		rows = append(rows, saleRow(i))
	}
	return rows
}

// configFor is a configuration that consumes into a directory of its own.
func configFor(t testing.TB, c *cluster) Config {
	return Config{
		Cluster: c.way, Topic: topic, Partitions: 1, Group: groupName, DeadLetterTopic: letterTopic,
		Out: t.TempDir(), Stores: store.Default(), Rates: fx.Default(),
		Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
}

// again is the configuration of a later process with the same directory.
func again(cfg Config) Config {
	cfg.Registerer, cfg.FS = prometheus.NewRegistry(), nil
	return cfg
}

// running is a consumer whose Run is under way.
type running struct {
	*Consumer
	cancel  context.CancelFunc
	done    chan struct{}
	summary Summary
	err     error
}

func start(t testing.TB, cfg Config) *running {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return runningOf(t, c)
}

func runningOf(t testing.TB, c *Consumer) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Consumer: c, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.summary, r.err = c.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-r.done
	})
	return r
}

// wait returns the summary when the consumer has ended by itself.
func (r *running) wait(t testing.TB) Summary {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		t.Fatalf("the consumer does not end; ready: %v; summary: %+v", r.Ready(), r.Summary())
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.summary
}

// stop cancels and returns the summary.
func (r *running) stop(t testing.TB) Summary {
	t.Helper()
	r.cancel()
	return r.wait(t)
}

// drain runs a consumer to the end of the topic.
func drain(t testing.TB, cfg Config) Summary {
	t.Helper()
	cfg.Drain = true
	return start(t, cfg).wait(t)
}

// eventually polls a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// readCSV reads all rows of the directory with encoding/csv.
func readCSV(t testing.TB, dir string) (rows []sale.Row) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "live_transactions*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(bytes.NewReader(data))
		r.FieldsPerRecord = sale.NumColumns
		all, err := r.ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, record := range all[1:] {
			rows = append(rows, sale.Row(record))
		}
	}
	return rows
}

// sameSet says that rows hold each wanted row once and nothing else.
func sameSet(t testing.TB, got, want []sale.Row) {
	t.Helper()
	count := make(map[sale.Row]int)
	for _, row := range got {
		count[row]++
	}
	lost, twice := 0, 0
	for _, row := range want {
		switch n := count[row]; {
		case n == 0:
			lost++
		case n > 1:
			twice++
		}
		delete(count, row)
	}
	if lost+twice+len(count) > 0 {
		t.Fatalf("of %d rows %d are lost, %d there more than once, and %d rows are none of them", len(want), lost, twice, len(count))
	}
}

// recount adds rows up by means of its own: rationals, DESIGN's rates, and the
// rule of half to even.
func recount(rows []sale.Row) Amounts {
	rates := map[string]*big.Rat{"USD": big.NewRat(1, 1), "EUR": big.NewRat(92, 100), "CNY": big.NewRat(645, 100), "GBP": big.NewRat(82, 100)}
	var a Amounts
	sales, refunds, invoices := new(big.Int), new(big.Int), make(map[string]bool)
	for _, row := range rows {
		amount, ok := new(big.Rat).SetString(row[sale.LineTotal])
		if !ok {
			panic(row[sale.LineTotal])
		}
		micros := halfEven(amount.Mul(amount.Quo(amount, rates[row[sale.Currency]]), big.NewRat(1_000_000, 1)))
		if micros.Sign() >= 0 {
			sales.Add(sales, micros)
		} else {
			refunds.Sub(refunds, micros)
		}
		var quantity int64
		if _, err := fmt.Sscan(row[sale.Quantity], &quantity); err != nil {
			panic(err)
		}
		if row[sale.TransactionType] == "Return" {
			a.ItemsReturned += quantity
		} else {
			a.ItemsSold += quantity
		}
		invoices[row[sale.InvoiceID]] = true
	}
	a.Invoices = int64(len(invoices))
	a.SalesUSD, a.RefundsUSD, a.NetUSD = cents(sales), cents(refunds), cents(new(big.Int).Sub(sales, refunds))
	return a
}

func halfEven(r *big.Rat) *big.Int {
	half := big.NewRat(1, 2)
	floor := new(big.Int).Div(r.Num(), r.Denom()) // Euclidean: down, the divisor being above zero
	switch rest := new(big.Rat).Sub(r, new(big.Rat).SetInt(floor)).Cmp(half); {
	case rest > 0, rest == 0 && floor.Bit(0) == 1:
		floor.Add(floor, big.NewInt(1))
	}
	return floor
}

func cents(micros *big.Int) string {
	n := halfEven(new(big.Rat).SetFrac(micros, big.NewInt(10_000)))
	return new(big.Rat).SetFrac(n, big.NewInt(100)).FloatString(2)
}

// gather reads all metrics.
func gather(t testing.TB, cfg Config) []*dto.MetricFamily {
	t.Helper()
	registry, ok := cfg.Registerer.(prometheus.Gatherer)
	if !ok {
		t.Fatalf("%T cannot be read", cfg.Registerer)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// metric sums a metric's series, those with the label's value where one is given.
func metric(t testing.TB, cfg Config, name string, label ...string) (sum float64) {
	t.Helper()
	families := gather(t, cfg)
	for _, f := range families {
		if f.GetName() != "tillstream_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			matches := len(label) == 0
			for _, l := range m.GetLabel() {
				matches = matches || l.GetName() == label[0] && l.GetValue() == label[1]
			}
			if matches {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

// logBuffer is a log to look into while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// with returns the lines that hold all of the words.
func (l *logBuffer) with(words ...string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// micros is a float of USD as millionths.
func micros(usd float64) *big.Int {
	n, _ := new(big.Float).SetFloat64(usd*1e6 + 0.5).Int(nil)
	return n
}
