package totals

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"tillstream/internal/sale"
	"tillstream/internal/telemetry"
)

var (
	salesDesc    = telemetry.SalesUSD.Desc()
	refundsDesc  = telemetry.RefundsUSD.Desc()
	soldDesc     = telemetry.ItemsSold.Desc()
	returnedDesc = telemetry.ItemsReturned.Desc()
	invoicesDesc = telemetry.Invoices.Desc()
	categoryDesc = telemetry.CategorySalesUSD.Desc()
	paymentDesc  = telemetry.PaymentSalesUSD.Desc()
	discountDesc = telemetry.DiscountSalesUSD.Desc()
	employeeDesc = telemetry.EmployeeSalesUSD.Desc()
	productDesc  = telemetry.ProductItemsSold.Desc()
)

// Describe implements prometheus.Collector.
func (t *Totals) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{salesDesc, refundsDesc, soldDesc, returnedDesc, invoicesDesc,
		categoryDesc, paymentDesc, discountDesc, employeeDesc, productDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. All values are of one moment.
func (t *Totals) Collect(ch chan<- prometheus.Metric) {
	// Not while they are locked: whoever takes metrics out of the channel may ask
	// for Lines first, and the channel has an end.
	for _, metric := range t.metrics() {
		ch <- metric
	}
}

// metrics returns the totals as they are now.
func (t *Totals) metrics() (all []prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		all = append(all, prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...))
	}
	gauge := func(d *prometheus.Desc, value float64, label string) {
		all = append(all, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, label))
	}
	for p, a := range t.places {
		counter(salesDesc, a.Sales.Float(), p.country, p.store)
		counter(refundsDesc, a.Refunds.Float(), p.country, p.store)
		counter(soldDesc, float64(a.ItemsSold), p.country, p.store)
		counter(returnedDesc, float64(a.ItemsReturned), p.country, p.store)
		counter(invoicesDesc, float64(a.SaleInvoices), p.country, p.store, sale.Sold.String())
		counter(invoicesDesc, float64(a.ReturnInvoices), p.country, p.store, sale.Returned.String())
	}
	for _, by := range []struct {
		desc *prometheus.Desc
		sums *sums[sale.Micros]
	}{{categoryDesc, t.categories}, {paymentDesc, t.payments}, {discountDesc, t.discounts}} {
		for _, n := range by.sums.inOrder {
			counter(by.desc, n.sum.Float(), n.name)
		}
	}
	for _, n := range highest(t.employees) {
		gauge(employeeDesc, n.sum.Float(), n.name)
	}
	for _, n := range highest(t.products) {
		gauge(productDesc, float64(n.sum), n.name)
	}
	return all
}

// highest returns the telemetry.Top highest sums above zero, the highest first, the
// bounded rest left out. It is one pass: a scrape must not sort all products while
// the writer waits.
func highest[N ~int64](s *sums[N]) []*named[N] {
	best := make([]*named[N], 0, telemetry.Top+1)
	for _, n := range s.inOrder {
		if n.sum <= 0 || len(best) == telemetry.Top && !above(n, best[telemetry.Top-1]) || n.name == telemetry.Other || n.name == telemetry.Unknown {
			continue
		}
		at := len(best)
		for at > 0 && above(n, best[at-1]) {
			at--
		}
		best = slices.Insert(best, at, n)
		best = best[:min(len(best), telemetry.Top)]
	}
	return best
}

// above is the order of the shown: by sum, and among equal ones by name.
func above[N ~int64](a, b *named[N]) bool { return a.sum > b.sum || a.sum == b.sum && a.name < b.name }
