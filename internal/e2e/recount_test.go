package e2e

import (
	"encoding/csv"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
)

// published are the 19 columns in published order, written out once more so that
// a mistake in the program's own list shows.
const published = "Invoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Discount,Line Total,Store ID," +
	"Employee ID,Currency,Currency Symbol,SKU,Transaction Type,Payment Method,Invoice Total"

// tally is a recount of a CSV by other means than the program's: encoding/csv and
// rational numbers.
type tally struct {
	rows      int64
	all       amounts
	countries map[string]amounts
}

// recount counts a CSV of lines, which must hold no identity twice. Where it is
// the program's own, its header must be exactly the published one.
func recount(t *testing.T, path string, own bool) tally {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	records, err := in.ReadAll() // an error where a row has another number of columns
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if own && strings.Join(records[0], ",") != published {
		t.Fatalf("%s: the header is %q", path, records[0])
	}
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	perUSD := map[string]string{"USD": "1", "EUR": "0.92", "CNY": "6.45", "GBP": "0.82"}
	type sums struct {
		sales, refunds, sold, returned big.Int
		invoices                       map[string]bool
	}
	countries := map[string]*sums{}
	seen := map[string]bool{}
	for _, r := range records[1:] {
		field := func(name string) string { return r[at[name]] }
		identity := field("Invoice ID") + "/" + field("Line")
		if seen[identity] {
			t.Fatalf("%s: %s is there twice", path, identity)
		}
		seen[identity] = true
		country := strings.Split(field("Invoice ID"), "-")[1]
		if country == "UK" {
			country = "GB"
		}
		if countries[country] == nil {
			countries[country] = &sums{invoices: map[string]bool{}}
		}
		c := countries[country]
		c.invoices[field("Invoice ID")] = true
		quantity, err := strconv.ParseInt(field("Quantity"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		value := micros(t, field("Line Total"), perUSD[field("Currency")])
		if field("Transaction Type") == "Return" {
			c.refunds.Sub(&c.refunds, value)
			c.returned.Add(&c.returned, big.NewInt(quantity))
		} else {
			c.sales.Add(&c.sales, value)
			c.sold.Add(&c.sold, big.NewInt(quantity))
		}
	}
	total := tally{rows: int64(len(records) - 1), countries: map[string]amounts{}}
	var sales, refunds big.Int
	for name, c := range countries {
		a := amounts{Invoices: int64(len(c.invoices)), ItemsSold: c.sold.Int64(), ItemsReturned: c.returned.Int64(),
			SalesUSD: cents(&c.sales), RefundsUSD: cents(&c.refunds), NetUSD: cents(new(big.Int).Sub(&c.sales, &c.refunds))}
		total.countries[name] = a
		total.all.Invoices += a.Invoices
		total.all.ItemsSold += a.ItemsSold
		total.all.ItemsReturned += a.ItemsReturned
		sales.Add(&sales, &c.sales)
		refunds.Add(&refunds, &c.refunds)
	}
	total.all.SalesUSD, total.all.RefundsUSD = cents(&sales), cents(&refunds)
	total.all.NetUSD = cents(new(big.Int).Sub(&sales, &refunds))
	return total
}

// micros is an amount in micro-USD, rounded half-even.
func micros(t *testing.T, amount, perUSD string) *big.Int {
	t.Helper()
	a, ok1 := new(big.Rat).SetString(amount)
	r, ok2 := new(big.Rat).SetString(perUSD)
	if !ok1 || !ok2 {
		t.Fatalf("no amount %q or rate %q", amount, perUSD)
	}
	return halfEven(a.Mul(a.Quo(a, r), big.NewRat(1_000_000, 1)))
}

// cents writes micro-USD as USD with two decimals, rounded half-even.
func cents(micros *big.Int) string {
	c := halfEven(new(big.Rat).SetFrac(micros, big.NewInt(10_000)))
	return new(big.Rat).SetFrac(c, big.NewInt(100)).FloatString(2)
}

func halfEven(x *big.Rat) *big.Int {
	twice := new(big.Int).Mul(x.Num(), big.NewInt(2))
	// floor((2n + d) / 2d) rounds half up; a tie goes down to the even one.
	n := new(big.Int).Add(twice, x.Denom())
	d := new(big.Int).Mul(x.Denom(), big.NewInt(2))
	q, rest := new(big.Int).DivMod(n, d, new(big.Int))
	if rest.Sign() == 0 && q.Bit(0) == 1 {
		q.Sub(q, big.NewInt(1))
	}
	return q
}

// same reports a difference between what the program says and what was counted.
func same(t *testing.T, got summary, want tally) {
	t.Helper()
	if got.CSVRows != want.rows {
		t.Errorf("rows: the summary says %d, counted %d", got.CSVRows, want.rows)
	}
	if got.amounts != want.all {
		t.Errorf("the summary says\n%+v, counted\n%+v", got.amounts, want.all)
	}
	for country, c := range want.countries {
		if got.Countries[country] != c {
			t.Errorf("%s: the summary says\n%+v, counted\n%+v", country, got.Countries[country], c)
		}
	}
}
