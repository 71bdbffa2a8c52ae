// Package totals adds up what was sold, in whole numbers, and shows the sums to
// Prometheus.
package totals

import (
	"sync"

	"tillstream/internal/sale"
	"tillstream/internal/store"
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

// Bounds on what comes in from outside, so that no message can make the number
// of series or the memory grow without end. What is beyond goes to Other.
const (
	maxUnknownStores = 100
	maxPayments      = 20
	maxDiscounts     = 100
	maxEmployees     = 20_000
	maxProducts      = 100_000
	maxLabel         = 40 // bytes
	// Other is the label value of everything beyond a bound.
	Other = "other"
)

// place is where lines are sold.
type place struct{ country, store string }

// Totals are the sums of all lines that are on disk. Its methods are safe for
// concurrent use.
type Totals struct {
	mu         sync.Mutex
	lines      int64
	places     map[place]*Amounts
	unknown    int // places that are not in the reference data
	categories map[string]*sale.Micros
	payments   map[string]*sale.Micros
	discounts  map[string]*sale.Micros
	employees  map[string]*sale.Micros
	products   map[string]*int64
}

// New returns zero totals that know the stores, the categories and the usual
// payment methods, so that their series exist at 0 from the first scrape.
func New(stores *store.Directory) *Totals {
	t := &Totals{
		places:     make(map[place]*Amounts),
		categories: make(map[string]*sale.Micros),
		payments:   make(map[string]*sale.Micros),
		discounts:  make(map[string]*sale.Micros),
		employees:  make(map[string]*sale.Micros),
		products:   make(map[string]*int64),
	}
	for _, s := range stores.All() {
		t.places[place{s.Country, s.ID}] = &Amounts{}
	}
	for _, name := range sale.Categories {
		t.categories[name] = new(sale.Micros)
	}
	for _, name := range []string{"Cash", "Credit Card"} {
		t.payments[name] = new(sale.Micros)
	}
	t.discounts["0"] = new(sale.Micros)
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
	if products := bounded(t.products, line.Row[sale.ProductID], maxProducts); line.Type == sale.Sold {
		*products += line.Quantity
	}
	if line.USD <= 0 {
		return // the sums below are of sales only
	}
	*bounded(t.categories, line.Category, len(sale.Categories)) += line.USD
	*bounded(t.payments, line.Row[sale.PaymentMethod], maxPayments) += line.USD
	*bounded(t.discounts, line.Row[sale.Discount], maxDiscounts) += line.USD
	*bounded(t.employees, line.Row[sale.EmployeeID], maxEmployees) += line.USD
}

// at returns the amounts of the place where the line was sold.
func (t *Totals) at(line *sale.Line) *Amounts {
	p := place{line.Country, line.Row[sale.StoreID]}
	if a, ok := t.places[p]; ok {
		return a
	}
	if len(p.store) > maxLabel || t.unknown >= maxUnknownStores {
		p.store = Other
		if a, ok := t.places[p]; ok {
			return a
		}
	} else {
		t.unknown++
	}
	p = place{string([]byte(p.country)), string([]byte(p.store))} // not the memory of a whole message
	a := &Amounts{}
	t.places[p] = a
	return a
}

// bounded returns the sum for a name, of at most limit names.
func bounded[N any](sums map[string]*N, name string, limit int) *N {
	if n, ok := sums[name]; ok {
		return n
	}
	if len(name) > maxLabel || len(sums) >= limit {
		name = Other
		if n, ok := sums[name]; ok {
			return n
		}
	}
	n := new(N)
	sums[string([]byte(name))] = n // not the memory of a whole message
	return n
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
