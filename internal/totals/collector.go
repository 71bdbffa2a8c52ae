package totals

import (
	"sort"

	"github.com/prometheus/client_golang/prometheus"

	"tillstream/internal/sale"
)

// top is how many employees and products are shown.
const top = 20

var (
	byStore = []string{"country", "store"}

	salesDesc = prometheus.NewDesc("tillstream_sales_usd_total",
		"Revenue of sale lines in USD, before refunds. Net revenue is this less tillstream_refunds_usd_total.", byStore, nil)
	refundsDesc = prometheus.NewDesc("tillstream_refunds_usd_total",
		"Money paid back for return lines in USD, as a positive amount.", byStore, nil)
	soldDesc = prometheus.NewDesc("tillstream_items_sold_total",
		"Items sold.", byStore, nil)
	returnedDesc = prometheus.NewDesc("tillstream_items_returned_total",
		"Items that customers brought back.", byStore, nil)
	invoicesDesc = prometheus.NewDesc("tillstream_invoices_total",
		"Invoices of which at least one line is on disk.", []string{"country", "store", "transaction_type"}, nil)
	categoryDesc = prometheus.NewDesc("tillstream_category_sales_usd_total",
		"Revenue of sale lines in USD by product category.", []string{"category"}, nil)
	paymentDesc = prometheus.NewDesc("tillstream_payment_sales_usd_total",
		"Revenue of sale lines in USD by payment method.", []string{"payment_method"}, nil)
	discountDesc = prometheus.NewDesc("tillstream_discount_sales_usd_total",
		"Revenue of sale lines in USD by discount, a share of 1 as the till wrote it.", []string{"discount"}, nil)
	employeeDesc = prometheus.NewDesc("tillstream_employee_sales_usd",
		"Revenue of sale lines in USD by employee ID, for the 20 who sold most so far.", []string{"employee"}, nil)
	productDesc = prometheus.NewDesc("tillstream_product_items_sold",
		"Items sold by product ID, for the 20 that sold most so far.", []string{"product"}, nil)
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
	t.mu.Lock()
	defer t.mu.Unlock()
	counter := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
	}
	gauge := func(d *prometheus.Desc, value float64, label string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, label)
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
		for name, n := range by.sums.byName {
			counter(by.desc, n.sum.Float(), name)
		}
	}
	for _, name := range highest(t.employees) {
		gauge(employeeDesc, t.employees.byName[name].sum.Float(), name)
	}
	for _, name := range highest(t.products) {
		gauge(productDesc, float64(t.products.byName[name].sum), name)
	}
}

// highest returns the names of the highest sums above zero, the bounded rest
// left out.
func highest[N ~int64](s *sums[N]) []string {
	names := make([]string, 0, len(s.byName))
	for name, n := range s.byName {
		if n.sum > 0 && name != Other && name != unknown {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := s.byName[names[i]].sum, s.byName[names[j]].sum
		return a > b || a == b && names[i] < names[j]
	})
	return names[:min(len(names), top)]
}
