package totals

import (
	"math/big"
	"reflect"
	"sync"
	"testing"

	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// exact are sums in rationals, of micro-USD.
type exact struct {
	sales, refunds big.Rat
	sold, returned int64
	invoices       [2]int64
}

func (e *exact) add(entry Entry) {
	usd := new(big.Rat).SetInt64(int64(entry.Line.USD))
	if usd.Sign() > 0 {
		e.sales.Add(&e.sales, usd)
	} else {
		e.refunds.Sub(&e.refunds, usd)
	}
	if entry.Line.Type == sale.Sold {
		e.sold += entry.Line.Quantity
	} else {
		e.returned += entry.Line.Quantity
	}
	if entry.NewInvoice {
		e.invoices[entry.Line.Type]++
	}
}

func (e *exact) check(t *testing.T, name string, got Amounts) {
	t.Helper()
	for what, pair := range map[string][2]*big.Rat{
		"sales":           {&e.sales, big.NewRat(int64(got.Sales), 1)},
		"refunds":         {&e.refunds, big.NewRat(int64(got.Refunds), 1)},
		"net":             {new(big.Rat).Sub(&e.sales, &e.refunds), big.NewRat(int64(got.Net()), 1)},
		"items sold":      {big.NewRat(e.sold, 1), big.NewRat(got.ItemsSold, 1)},
		"items returned":  {big.NewRat(e.returned, 1), big.NewRat(got.ItemsReturned, 1)},
		"sale invoices":   {big.NewRat(e.invoices[sale.Sold], 1), big.NewRat(got.SaleInvoices, 1)},
		"return invoices": {big.NewRat(e.invoices[sale.Returned], 1), big.NewRat(got.ReturnInvoices, 1)},
		"invoices":        {big.NewRat(e.invoices[0]+e.invoices[1], 1), big.NewRat(got.Invoices(), 1)},
	} {
		if pair[0].Cmp(pair[1]) != 0 {
			t.Errorf("%s, %s: %v, want %v", name, what, pair[1], pair[0])
		}
	}
}

// The totals are the sums of their lines, overall and by country.
func TestTotalsAreTheSumsOfTheirLines(t *testing.T) {
	entries := randomLines(t, 5_000)
	totals := New(store.Default())
	totals.Add(entries[:1])
	totals.Add(entries[1:])
	totals.Add(nil)

	var all exact
	countries := make(map[string]*exact)
	for _, e := range entries {
		all.add(e)
		if countries[e.Line.Country] == nil {
			countries[e.Line.Country] = new(exact)
		}
		countries[e.Line.Country].add(e)
	}
	got := totals.Snapshot()
	if got.Lines != 5_000 || totals.Lines() != 5_000 || len(got.Countries) != 7 {
		t.Errorf("%d lines in %d countries", got.Lines, len(got.Countries))
	}
	all.check(t, "all", got.All)
	for code, sums := range countries {
		sums.check(t, code, got.Countries[code])
	}
}

// The sums do not depend on how the lines come: this is why recovery, which reads
// them one by one, ends where the consumer was.
func TestTotalsDoNotDependOnBatches(t *testing.T) {
	entries := randomLines(t, 2_000)
	together, apart := New(store.Default()), New(store.Default())
	together.Add(entries)
	for i := range entries {
		apart.Add(entries[len(entries)-1-i:][:1])
	}
	if !reflect.DeepEqual(together.Snapshot(), apart.Snapshot()) {
		t.Errorf("together %+v, apart %+v", together.Snapshot(), apart.Snapshot())
	}
	if !reflect.DeepEqual(scrape(t, together), scrape(t, apart)) {
		t.Error("the metrics differ")
	}
}

// The amount's sign says which way the money went, the type which way the goods
// did, whatever the other says.
func TestMoneyAndGoodsGoTheirOwnWays(t *testing.T) {
	totals := New(store.Default())
	for _, c := range []struct{ kind, amount string }{{"Sale", "-0.92"}, {"Return", "9.2"}, {"Return", "0"}} {
		totals.Add([]Entry{{read(t, map[sale.Column]string{sale.TransactionType: c.kind, sale.LineTotal: c.amount, sale.Quantity: "2"}), true}})
	}
	want := Amounts{Sales: 10_000_000, Refunds: 1_000_000, ItemsSold: 2, ItemsReturned: 4, SaleInvoices: 1, ReturnInvoices: 2}
	if got := totals.Snapshot().All; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A batch shows as a whole: whoever looks meanwhile sees sales and items that
// belong together.
func TestConcurrency(t *testing.T) {
	line := read(t, map[sale.Column]string{sale.LineTotal: "0.92"}) // 1 USD, 1 item
	batch := []Entry{{line, true}, {line, false}, {line, false}}
	totals := New(store.Default())
	var adding, looking sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		adding.Go(func() {
			for range 500 {
				totals.Add(batch)
			}
		})
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s := totals.Snapshot()
				if s.Lines%3 != 0 || s.All.ItemsSold != s.Lines || int64(s.All.Sales) != s.Lines*1_000_000 || s.All.SaleInvoices != s.Lines/3 {
					t.Errorf("in between: %+v", s)
					return
				}
				if got := scrape(t, totals); len(got["tillstream_sales_usd_total"]) != 35 {
					t.Errorf("%d stores", len(got["tillstream_sales_usd_total"]))
					return
				}
			}
		})
	}
	adding.Wait()
	close(done)
	looking.Wait()
	if got := totals.Lines(); got != 6_000 {
		t.Errorf("%d lines", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	const size = 1000
	entries := randomLines(b, 20*size)
	totals := New(store.Default())
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		from := n % 20 * size
		totals.Add(entries[from : from+size])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/line")
}
