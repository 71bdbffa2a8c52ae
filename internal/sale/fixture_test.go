package sale

import (
	_ "embed"
	"testing"
)

// linesCSV is a small file as the consumer leaves it, made up by hand.
//
//go:embed testdata/lines.csv
var linesCSV []byte

// The sums of a whole file, by hand. Each Line Total ÷ its rate (USD 1, EUR 0.92,
// CNY 6.45, GBP 0.82), rounded half-even to 6 decimals:
//
//	  44.50 USD    44.500000
//	  60.67 USD    60.670000
//	  70.01 EUR    76.097826    76.09782608…
//	  29.98 EUR    32.586957    32.58695652…
//	1169.69 CNY   181.347287   181.34728682…
//	 -29.98 EUR   -32.586957
//	  25.00 GBP    30.487805    30.48780487…
//	 -12.50 GBP   -15.243902   -15.24390243…
//	   0.01 EUR     0.010870     0.01086956…
func TestSumsOfAFile(t *testing.T) {
	values := []Micros{44_500_000, 60_670_000, 76_097_826, 32_586_957, 181_347_287, -32_586_957, 30_487_805, -15_243_902, 10_870}
	data := linesCSV[len(AppendHeader(nil)):]
	var sales, refunds Micros
	var sold, returned int64
	for i := 0; len(data) > 0; i++ {
		var row Row
		n, status := ScanRecord(data, &row)
		if status != Whole {
			t.Fatalf("record %d has the status %d", i, status)
		}
		if again := string(AppendRecord(nil, &row)); again != string(data[:n]) {
			t.Errorf("record %d: %q becomes %q", i, data[:n], again)
		}
		data = data[n:]
		line := mustRead(t, &row)
		if i >= len(values) || line.USD != values[i] {
			t.Fatalf("record %d (%q) is worth %d", i, row, line.USD)
		}
		if line.USD < 0 {
			refunds -= line.USD
		} else {
			sales += line.USD
		}
		if line.Type == Returned {
			returned += line.Quantity
		} else {
			sold += line.Quantity
		}
	}
	if sales.String() != "425.70" || refunds.String() != "47.83" || (sales-refunds).String() != "377.87" || sold != 13 || returned != 3 {
		t.Errorf("sales %v, refunds %v, net %v, %d sold, %d returned", sales, refunds, sales-refunds, sold, returned)
	}
}
