package totals

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"tillstream/internal/fx"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

var reader = &sale.Reader{Stores: store.Default(), Rates: fx.Default()}

// read returns the line of a row that has what a line needs and the changes.
func read(t testing.TB, changes map[sale.Column]string) *sale.Line {
	t.Helper()
	row := sale.Row{sale.InvoiceID: "INV-DE-011-1", sale.LineNumber: "1", sale.StoreID: "11", sale.Quantity: "1", sale.LineTotal: "9.20",
		sale.Currency: "EUR", sale.SKU: "FESH1-M-RED", sale.Date: "2025-03-14", sale.PaymentMethod: "Cash", sale.Discount: "0",
		sale.EmployeeID: "24", sale.ProductID: "501"}
	for column, value := range changes {
		row[column] = value
	}
	line := new(sale.Line)
	if err := reader.Read(&row, time.Time{}, line); err != nil {
		t.Fatal(err)
	}
	return line
}

// randomLines are sales and returns in all stores and currencies.
func randomLines(t testing.TB, n int) []Entry {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	entries := make([]Entry, n)
	for i := range entries {
		kind, amount := pick("Sale", "Sale", "Sale", "Return"), strconv.Itoa(random.IntN(500))+"."+strconv.Itoa(random.IntN(1000))
		if kind == "Return" {
			amount = "-" + amount
		}
		entries[i] = Entry{NewInvoice: random.IntN(3) > 0, Line: read(t, map[sale.Column]string{
			sale.InvoiceID: "INV-" + pick("US", "UK", "CN") + "-1", sale.StoreID: strconv.Itoa(1 + random.IntN(37)),
			sale.Quantity: strconv.Itoa(1 + random.IntN(3)), sale.LineTotal: amount, sale.TransactionType: kind,
			sale.Currency: pick("USD", "EUR", "GBP", "CNY"), sale.SKU: pick("FE1", "MA1", "CH1", ""),
			sale.PaymentMethod: pick("Cash", "Credit Card", "Voucher"), sale.Discount: pick("0", "0.35", "0.5"),
			sale.EmployeeID: strconv.Itoa(random.IntN(40)), sale.ProductID: strconv.Itoa(random.IntN(400)),
		})}
	}
	return entries
}

// sample is one series as a scrape shows it.
type sample struct {
	labels map[string]string
	value  float64
}

// scrape gathers the totals as Prometheus does.
func scrape(t testing.TB, totals *Totals) map[string][]sample {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(totals); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	samples := make(map[string][]sample)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			s := sample{labels: make(map[string]string), value: m.GetCounter().GetValue()}
			if family.GetType() == dto.MetricType_GAUGE {
				s.value = m.GetGauge().GetValue()
			}
			for _, label := range m.GetLabel() {
				s.labels[label.GetName()] = label.GetValue()
			}
			samples[family.GetName()] = append(samples[family.GetName()], s)
		}
	}
	return samples
}
