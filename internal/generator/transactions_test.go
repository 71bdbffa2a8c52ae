package generator

import (
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"tillstream/internal/sale"
)

func TestIdentityIsUnique(t *testing.T) {
	seen := make(map[string]bool, 300_000)
	each(t, Config{Lines: 300_000, Seed: 2}, func(row *sale.Row) {
		id := row[sale.InvoiceID] + "/" + row[sale.LineNumber]
		if seen[id] {
			t.Fatalf("%s occurs twice", id)
		}
		seen[id] = true
	})
	if len(seen) != 300_000 {
		t.Errorf("%d lines, want 300000", len(seen))
	}
}

// Counters are per store and only ever rise, so they are unique however long the
// run; eight digits must be enough for 100 million lines at the busiest store.
func TestCounterHasRoom(t *testing.T) {
	lines, err := NewTransactions(Config{Seed: 9})
	if err != nil {
		t.Fatal(err)
	}
	for s := range stores {
		if room := 99_999_999 - int64(lines.counter[s]); room < int64(stores[s].weight)*100_000_000/100_000 {
			t.Errorf("store %d: room for %d invoices", s+1, room)
		}
	}
}

func TestLineAndInvoiceTotals(t *testing.T) {
	var id string
	var sum, total int64
	check := func() {
		if sum != total {
			t.Fatalf("%s: the lines sum to %d cents, Invoice Total says %d", id, sum, total)
		}
	}
	each(t, Config{Lines: 50_000, Seed: 4}, func(row *sale.Row) {
		if row[sale.InvoiceID] != id {
			check()
			id, sum, total = row[sale.InvoiceID], 0, cents(t, row[sale.InvoiceTotal])
		}
		if cents(t, row[sale.InvoiceTotal]) != total {
			t.Fatalf("%s: Invoice Total differs between its lines", id)
		}
		got := cents(t, row[sale.LineTotal])
		sum += got
		if (got < 0) != (row[sale.TransactionType] == "Return") || got == 0 {
			t.Fatalf("%s: %s of %s", id, row[sale.TransactionType], row[sale.LineTotal])
		}
		if row[sale.TransactionType] == "Return" {
			return // its Discount is not that of the sale, as published
		}
		quantity, _ := strconv.ParseInt(row[sale.Quantity], 10, 64)
		exact := cents(t, row[sale.UnitPrice]) * quantity * (100 - cents(t, row[sale.Discount]))
		if want := (exact + 50) / 100; got != want {
			t.Fatalf("%s: Line Total %s, want %d cents: %v", id, row[sale.LineTotal], want, *row)
		}
	})
	check()
}

func TestReturnsReferToEarlierSales(t *testing.T) {
	// What a return has in common with the sale's line.
	key := func(row *sale.Row) string {
		return strings.Join([]string{row[sale.InvoiceID][4:], row[sale.CustomerID], row[sale.ProductID], row[sale.Size],
			row[sale.Color], row[sale.UnitPrice], row[sale.SKU], row[sale.StoreID], row[sale.EmployeeID], row[sale.Currency],
			row[sale.Quantity], row[sale.PaymentMethod], strings.TrimPrefix(row[sale.LineTotal], "-")}, "|")
	}
	sold := map[string][]string{} // the dates of the lines with that key
	returns := 0
	each(t, Config{Lines: 200_000, Seed: 6}, func(row *sale.Row) {
		k := key(row)
		if row[sale.TransactionType] == "Sale" {
			if !strings.HasPrefix(row[sale.InvoiceID], "INV-") {
				t.Fatalf("a sale on %s", row[sale.InvoiceID])
			}
			sold[k] = append(sold[k], row[sale.Date])
			return
		}
		returns++
		if !strings.HasPrefix(row[sale.InvoiceID], "RET-") {
			t.Fatalf("a return on %s", row[sale.InvoiceID])
		}
		dates := sold[k]
		if len(dates) == 0 {
			t.Fatalf("nothing like it was sold, or not so often: %v", *row)
		}
		if dates[0] >= row[sale.Date] {
			t.Fatalf("sold %s, returned %s", dates[0], row[sale.Date])
		}
		sold[k] = dates[1:] // each piece comes back once
	})
	if returns < 5000 {
		t.Errorf("only %d returns", returns)
	}
}

func TestDatesRiseWithinOpeningHours(t *testing.T) {
	last := ""
	days := map[string]bool{}
	each(t, Config{Lines: 20_000, Seed: 1}, func(row *sale.Row) {
		date := row[sale.Date]
		if date < last {
			t.Fatalf("%s after %s", date, last)
		}
		last = date
		when, err := time.Parse(time.DateTime, date)
		if err != nil || when.Hour() < 9 || when.Hour() > 20 || when.Second() != 0 {
			t.Fatalf("date %q: %v", date, err)
		}
		days[date[:10]] = true
	})
	if len(days) != 731 || !days["2023-01-01"] || !days["2024-12-31"] {
		t.Errorf("sales on %d days up to %s, want every day of 2023 and 2024", len(days), last)
	}
}

func TestForeignKeysAndCampaigns(t *testing.T) {
	dir, _ := generate(t, Config{Lines: 50_000, Seed: 11})
	column := func(name string, key int, value ...int) map[string]string {
		_, rows := records(t, dir, name)
		m := map[string]string{}
		for _, r := range rows {
			var v []string
			for _, i := range value {
				v = append(v, r[i])
			}
			if _, twice := m[r[key]]; twice {
				t.Fatalf("%s: %s occurs twice", name, r[key])
			}
			m[r[key]] = strings.Join(v, ";")
		}
		return m
	}
	countryOfStore := column("stores.csv", 0, 1)
	storeOfEmployee := column("employees.csv", 0, 1)
	countryOfCustomer := column("customers.csv", 0, 5)
	product := column("products.csv", 0, 1, 2, 9, 10)
	_, campaignRows := records(t, dir, "discounts.csv")
	_, rows := records(t, dir, "transactions.csv")
	for _, r := range rows {
		row := sale.Row(r)
		country, ok := countryOfStore[row[sale.StoreID]]
		if !ok || storeOfEmployee[row[sale.EmployeeID]] != row[sale.StoreID] || countryOfCustomer[row[sale.CustomerID]] != country {
			t.Fatalf("store, employee or customer do not belong together: %v", r)
		}
		p := strings.Split(product[row[sale.ProductID]], ";")
		if len(p) != 4 {
			t.Fatalf("no such product: %v", r)
		}
		sizes := "|" + p[3] + "|"
		if p[0][:2] != map[string]string{"FE": "Fe", "MA": "Ma", "CH": "Ch"}[row[sale.SKU][:2]] ||
			p[2] != row[sale.Color] || !strings.Contains(sizes, "|"+row[sale.Size]+"|") ||
			row[sale.SKU][4:] != row[sale.ProductID]+"-"+row[sale.Size]+"-"+row[sale.Color] {
			t.Fatalf("product %v does not fit %v", p, r)
		}
		if row[sale.TransactionType] == "Return" {
			continue
		}
		want := "0"
		for _, c := range campaignRows {
			if day := row[sale.Date][:10]; c[0] <= day && day <= c[1] &&
				(c[4] == "" || c[4] == p[0] && c[5] == p[1]) && c[2] > want {
				want = c[2]
			}
		}
		if row[sale.Discount] != want {
			t.Fatalf("discount %s, the campaigns say %s: %v", row[sale.Discount], want, r)
		}
	}
}

// The shares of the real data: countries of the whole set by the lines that their
// revenue amounts to, the others of last10k.csv. (There 59 % have no colour, since what the
// spring campaign sells has one; with the campaign taken out, 65 %.)
func TestShape(t *testing.T) {
	const n = 300_000
	count := map[string]float64{}
	perInvoice := map[string]int{}
	sold, revenue := 0.0, map[string]float64{}
	months := map[string]float64{}
	each(t, Config{Lines: n, Seed: 12}, func(row *sale.Row) {
		count["country "+row[sale.InvoiceID][4:6]]++
		count[row[sale.TransactionType]]++
		count[row[sale.PaymentMethod]]++
		count["category "+row[sale.SKU][:2]]++
		if row[sale.Size] == "" {
			count["no size"]++
		}
		if row[sale.Color] == "" {
			count["no color"]++
		}
		if row[sale.TransactionType] == "Sale" {
			sold++
			perInvoice[row[sale.InvoiceID]]++
			count["quantity "+row[sale.Quantity]]++
		}
		c := float64(cents(t, row[sale.LineTotal]))
		revenue[row[sale.StoreID]] += c
		if row[sale.InvoiceID][4:6] == "CN" {
			months[row[sale.Date][5:7]] += c
			months["all"] += c
		}
	})
	for what, want := range map[string][2]float64{ // share, tolerance
		"country US": {0.264, 0.01}, "country CN": {0.244, 0.02}, "country DE": {0.116, 0.01}, "country FR": {0.101, 0.01},
		"country UK": {0.097, 0.01}, "country PT": {0.090, 0.01}, "country ES": {0.089, 0.01},
		"Return": {0.042, 0.006}, "Cash": {0.2, 0.01}, "quantity 2": {0.031, 0.004}, "quantity 3": {0.033, 0.004},
		"no size": {0.05, 0.02}, "no color": {0.65, 0.03}, "category FE": {0.44, 0.05}, "category CH": {0.18, 0.05},
	} {
		if got := count[what] / n; math.Abs(got-want[0]) > want[1] {
			t.Errorf("%s: share %.4f, want %.3f ± %.3f", what, got, want[0], want[1])
		}
	}
	lengths := map[int]float64{}
	for _, lines := range perInvoice {
		lengths[lines]++
	}
	for i, real := range []float64{5477, 690, 414, 59, 61, 77, 74} {
		if got := lengths[i+1] / float64(len(perInvoice)); math.Abs(got-real/6852) > 0.004 {
			t.Errorf("invoices of %d lines: %.4f, want %.4f", i+1, got, real/6852)
		}
	}
	// revenue_by_store.csv: 上海 132.2 M to 重庆 69.1 M, New York 21.2 M to Phoenix 9.07 M.
	if r := revenue["6"] / revenue["10"]; math.Abs(r-1.91) > 0.15 {
		t.Errorf("revenue of store 6 is %.2f times that of store 10, want 1.91", r)
	}
	if r := revenue["1"] / revenue["5"]; math.Abs(r-2.34) > 0.15 {
		t.Errorf("revenue of store 1 is %.2f times that of store 5, want 2.34", r)
	}
	// monthly_revenue_by_country.csv, 中国: December 17.6 % of the two years, February 4.0 %.
	for month, want := range map[string]float64{"12": 0.183, "02": 0.041, "09": 0.114} {
		if got := months[month] / months["all"]; math.Abs(got-want) > 0.015 {
			t.Errorf("China's revenue in month %s: %.3f of the whole, want %.3f", month, got, want)
		}
	}
}

func TestLive(t *testing.T) {
	seen := map[string]bool{}
	lines, err := NewTransactions(Config{Seed: 3, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	returns := 0
	var row sale.Row
	for i := range 100_000 {
		if !lines.Next(&row) {
			t.Fatalf("a stream without an end ended after %d lines", i)
		}
		if row[sale.Date] != "" {
			t.Fatalf("line %d has the date %q", i, row[sale.Date])
		}
		id := row[sale.InvoiceID] + "/" + row[sale.LineNumber]
		if seen[id] {
			t.Fatalf("%s occurs twice", id)
		}
		seen[id] = true
		if row[sale.TransactionType] == "Return" {
			returns++
		}
	}
	if returns < 3000 || returns > 5500 {
		t.Errorf("%d returns in 100000 lines", returns)
	}
	n := 0
	each(t, Config{Seed: 3, Live: true, Lines: 777}, func(*sale.Row) { n++ })
	if n != 777 {
		t.Errorf("%d lines, want 777", n)
	}
}

// A stream without an end keeps the published pace: 6.4 million lines in two years.
func TestEndlessPace(t *testing.T) {
	lines, err := NewTransactions(Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	var row sale.Row
	for range 100_000 {
		lines.Next(&row)
	}
	// January and February together make 8 % of the year's lines, 260,000.
	if date := row[sale.Date]; date < "2023-01-12" || date > "2023-02-10" {
		t.Errorf("100000 lines reached %s", date)
	}
}

func TestRowsStayValid(t *testing.T) {
	var kept []sale.Row
	var copies []string
	each(t, Config{Lines: 2000, Seed: 1}, func(row *sale.Row) {
		kept = append(kept, *row)
		copies = append(copies, strings.Clone(strings.Join(row[:], ",")))
	})
	for i, row := range kept {
		if strings.Join(row[:], ",") != copies[i] {
			t.Fatalf("row %d changed after it was handed out", i)
		}
	}
}

func TestMemoryDoesNotGrow(t *testing.T) {
	lines, err := NewTransactions(Config{Lines: 3_000_000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	heap := func(n int) uint64 {
		var row sale.Row
		for range n {
			lines.Next(&row)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	early := heap(200_000)
	late := heap(1_800_000)
	runtime.KeepAlive(lines)
	// The reservoir may still fill up: about 1.6 MB.
	if late > early+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", early, late)
	}
}

// BenchmarkNext is the cost of a line, BenchmarkGenerate of a line on disk with
// everything that belongs to it.
func BenchmarkNext(b *testing.B) {
	lines, err := NewTransactions(Config{Lines: maxLines, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	var row sale.Row
	b.ReportAllocs()
	for b.Loop() {
		lines.Next(&row)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkGenerate(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		if _, err := Generate(b.Context(), b.TempDir(), Config{Lines: n, Seed: 1}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "lines/s")
}
