//go:build linux

package main

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// perUSD are hundredths of a unit per USD.
var perUSD = map[string]int64{"USD": 100, "EUR": 92, "CNY": 645, "GBP": 82}

// micros is an amount in micro-USD, rounded half-even once.
func micros(amount, currency string) (int64, error) {
	rate, ok := perUSD[currency]
	if !ok {
		return 0, fmt.Errorf("there is no rate of %q", currency)
	}
	const decimals = 6
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(amount, "-"), ".")
	if len(fraction) > decimals || len(whole)+decimals > 15 { // 100 times that fits
		return 0, fmt.Errorf("the amount %q is out of range", amount)
	}
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("the amount %q: %w", amount, err)
	}
	hundredfold := int64(n) * 100
	q, rest := hundredfold/rate, hundredfold%rate
	if 2*rest > rate || 2*rest == rate && q%2 == 1 {
		q++
	}
	if strings.HasPrefix(amount, "-") {
		q = -q
	}
	return q, nil
}

// place is a store of a country.
type place struct{ country, store string }

// sum is what one store sold.
type sum struct{ sales, refunds, sold, returned, invoices int64 }

// sums add up lines by store. Each line must be added once.
type sums struct {
	places   map[place]sum
	invoices map[digest]bool
	net      int64
	lines    int64
}

func newSums() *sums { return &sums{places: make(map[place]sum), invoices: make(map[digest]bool)} }

func (s *sums) add(row []string) error {
	field := func(name string) string { return row[column(name)] }
	parts := strings.Split(row[invoiceID], "-")
	if len(parts) < 3 {
		return fmt.Errorf("the invoice %q names no country", row[invoiceID])
	}
	at := place{parts[1], field("Store ID")}
	if at.country == "UK" {
		at.country = "GB"
	}
	value, err := micros(field("Line Total"), field("Currency"))
	if err != nil {
		return err
	}
	quantity, err := strconv.ParseInt(field("Quantity"), 10, 64)
	if err != nil {
		return err
	}
	sum := s.places[at]
	if field("Transaction Type") == "Return" {
		sum.refunds -= value
		sum.returned += quantity
	} else {
		sum.sales += value
		sum.sold += quantity
	}
	if id := digestOf(row[invoiceID]); !s.invoices[id] {
		s.invoices[id] = true
		sum.invoices++
	}
	s.places[at] = sum
	s.net += value
	s.lines++
	return nil
}

var sample = regexp.MustCompile(`(?m)^tillstream_(\w+)\{country="(\w+)",store="(\w+)"[^}]*\} (\S+)$`)

// sumsOfMetrics reads the same sums from what /metrics says. Its values are
// float64, in which micro-dollars of a store are exact once rounded.
func sumsOfMetrics(text string) (map[place]sum, error) {
	places := make(map[place]sum)
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(m[4], 64)
		if err != nil {
			return nil, err
		}
		at := place{m[2], m[3]}
		s := places[at]
		switch m[1] {
		case "sales_usd_total":
			s.sales += int64(math.Round(value * 1e6))
		case "refunds_usd_total":
			s.refunds += int64(math.Round(value * 1e6))
		case "items_sold_total":
			s.sold += int64(value)
		case "items_returned_total":
			s.returned += int64(value)
		case "invoices_total":
			s.invoices += int64(value)
		}
		places[at] = s
	}
	// Known stores are there from the first scrape on.
	maps.DeleteFunc(places, func(_ place, s sum) bool { return s == sum{} })
	return places, nil
}

// sameSums says in what two sums differ.
func sameSums(what string, got, want map[place]sum) error {
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, at := range slices.SortedFunc(maps.Keys(all), func(a, b place) int { return strings.Compare(a.country+a.store, b.country+b.store) }) {
		if got[at] != want[at] {
			return fmt.Errorf("store %s in %s: %s %+v, the source %+v (micro-USD)", at.store, at.country, what, got[at], want[at])
		}
	}
	return nil
}
