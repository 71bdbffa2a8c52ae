// Package totals adds up what was sold, in whole numbers, and shows the sums to
// Prometheus.
package totals

import (
	"strings"
	"sync"

	"tillstream/internal/sale"
	"tillstream/internal/store"
	"tillstream/internal/telemetry"
)

// Amounts are the sums of a set of lines.
type Amounts struct {
	Sales          sale.Micros // money that came in
	Refunds        sale.Micros // money that went back, as a positive amount
	ItemsSold      int64
	ItemsReturned  int64
	SaleInvoices   int64
	ReturnInvoices int64
}

// Net is sales less refunds.
func (a Amounts) Net() sale.Micros { return a.Sales - a.Refunds }

// Invoices counts both kinds.
func (a Amounts) Invoices() int64 { return a.SaleInvoices + a.ReturnInvoices }

// add adds the line. Its amount's sign says which way the money went, its type
// which way the goods did.
func (a *Amounts) add(line *sale.Line, newInvoice bool) {
	if line.USD >= 0 {
		a.Sales += line.USD
	} else {
		a.Refunds -= line.USD
	}
	if line.Type == sale.Returned {
		a.ItemsReturned += line.Quantity
		if newInvoice {
			a.ReturnInvoices++
		}
	} else {
		a.ItemsSold += line.Quantity
		if newInvoice {
			a.SaleInvoices++
		}
	}
}

func (a *Amounts) addAll(b Amounts) {
	a.Sales += b.Sales
	a.Refunds += b.Refunds
	a.ItemsSold += b.ItemsSold
	a.ItemsReturned += b.ItemsReturned
	a.SaleInvoices += b.SaleInvoices
	a.ReturnInvoices += b.ReturnInvoices
}

// place is where lines are sold.
type place struct{ country, store string }

// Totals are the sums of all lines that are on disk. Its methods are safe for
// concurrent use.
type Totals struct {
	mu         sync.Mutex
	lines      int64
	stores     map[*store.Store]*Amounts // the same sums as places, found quicker
	places     map[place]*Amounts
	foreign    int // places that are not in the reference data
	categories *sums[sale.Micros]
	payments   *sums[sale.Micros]
	discounts  *sums[sale.Micros]
	employees  *sums[sale.Micros]
	products   *sums[int64]
}

// New returns zero totals that know the stores, the categories and the usual
// payment methods, so that their series exist at 0 from the first scrape.
func New(stores *store.Directory) *Totals {
	t := &Totals{
		stores:     make(map[*store.Store]*Amounts),
		places:     make(map[place]*Amounts),
		categories: newSums[sale.Micros](telemetry.CategorySalesUSD.Values, sale.Categories...),
		payments:   newSums[sale.Micros](telemetry.PaymentSalesUSD.Values-1, "Cash", "Credit Card"),
		discounts:  newSums[sale.Micros](telemetry.DiscountSalesUSD.Values-1, "0"),
		employees:  newSums[sale.Micros](maxEmployees),
		products:   newSums[int64](maxProducts),
	}
	t.discounts.canonical = discountOf
	for _, s := range stores.All() {
		a := &Amounts{}
		t.stores[s], t.places[place{s.Country, s.ID}] = a, a
	}
	return t
}

// Entry is a line to add.
type Entry struct {
	Line       *sale.Line
	NewInvoice bool // the first line of its invoice
}

// Add adds the lines. All of them become visible at once.
func (t *Totals) Add(entries []Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		t.add(e.Line, e.NewInvoice)
	}
}

func (t *Totals) add(line *sale.Line, newInvoice bool) {
	t.lines++
	t.at(line).add(line, newInvoice)
	if line.Type == sale.Sold {
		*t.products.of(line.Row[sale.ProductID]) += line.Quantity
	}
	if line.USD <= 0 {
		return // the sums below are of sales only
	}
	*t.categories.of(line.Category) += line.USD
	*t.payments.of(line.Row[sale.PaymentMethod]) += line.USD
	*t.discounts.of(line.Row[sale.Discount]) += line.USD
	*t.employees.of(line.Row[sale.EmployeeID]) += line.USD
}

// at returns the amounts of the place where the line was sold.
func (t *Totals) at(line *sale.Line) *Amounts {
	if a, ok := t.stores[line.Store]; ok {
		return a
	}
	p := place{line.Country, line.Row[sale.StoreID]}
	if a, ok := t.places[p]; ok {
		return a
	}
	if len(p.store) > telemetry.MaxLabel || t.foreign >= telemetry.OtherStores {
		p.store = telemetry.Other
		if a, ok := t.places[p]; ok {
			return a
		}
	} else {
		t.foreign++
	}
	p = place{strings.Clone(p.country), strings.Clone(p.store)} // not the memory of a whole message
	a := &Amounts{}
	t.places[p] = a
	return a
}

// Lines is how many lines were added.
func (t *Totals) Lines() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lines
}

// Snapshot is the sums at one moment.
type Snapshot struct {
	Lines     int64
	All       Amounts
	Countries map[string]Amounts // by ISO code
}

// Snapshot returns the sums so far.
func (t *Totals) Snapshot() Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Snapshot{Lines: t.lines, Countries: make(map[string]Amounts)}
	for p, a := range t.places {
		s.All.addAll(*a)
		c := s.Countries[p.country]
		c.addAll(*a)
		s.Countries[p.country] = c
	}
	return s
}
