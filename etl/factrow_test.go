package etl

import (
	"testing"

	"tillstream/internal/fx"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

func TestMicros(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": 1_000_000, "-0.07": -70_000, "19.990": 19_990_000, "0.000001": 1, "9223372036854.775807": 9223372036854775807,
		"0.0000005": 0, "0.0000015": 2, "x": 0, "": 0, "9223372036854.775808": 0} {
		got, ok := roundedMicros(text)
		if wantOK := text != "x" && text != "" && text != "9223372036854.775808"; got != want || ok != wantOK {
			t.Errorf("%q: %d, %v", text, got, ok)
		}
	}
}

func testReader() *sale.Reader { return &sale.Reader{Stores: store.Default(), Rates: fx.Default()} }

func factOf(t *testing.T, values map[sale.Column]string) (fact, *sale.Reject) {
	t.Helper()
	row := with(values)
	f, _, reason := judge(testReader(), &row)
	return f, reason
}

// What a till means is the same however its numbers are written; only what is stamped
// anew or worked out is in the hash's lower half.
func TestLineHash(t *testing.T) {
	plain, _ := factOf(t, nil)
	for name, c := range map[string]struct {
		values              map[sale.Column]string
		sameSaid, sameWhole bool
	}{
		"other writing":  {map[sale.Column]string{sale.UnitPrice: "50.00", sale.LineTotal: "100.0", sale.Quantity: "2.0", sale.CurrencySymbol: ""}, true, true},
		"another date":   {map[sale.Column]string{sale.Date: "2024-03-05 10:30:01"}, true, false},
		"another amount": {map[sale.Column]string{sale.LineTotal: "100.01"}, false, false},
		"another colour": {map[sale.Column]string{sale.Color: "BLUE"}, false, false},
		"another type":   {map[sale.Column]string{sale.TransactionType: "Return"}, false, false},
	} {
		f, _ := factOf(t, c.values)
		difference := plain.hash ^ f.hash
		if (difference == 0) != c.sameWhole || (difference&saidBits == 0) != c.sameSaid {
			t.Errorf("%s: the hashes are %x and %x", name, plain.hash, f.hash)
		}
	}
}

// The list price only informs: whatever it is, the line is loaded.
func TestListPrice(t *testing.T) {
	for name, c := range map[string]struct {
		values             map[sale.Column]string
		unitPrice, listUSD int64
	}{
		"a sale":        {nil, 50_000_000, 100_000_000},
		"a return":      {map[sale.Column]string{sale.TransactionType: "Return", sale.LineTotal: "-60"}, 50_000_000, -100_000_000},
		"for nothing":   {map[sale.Column]string{sale.LineTotal: "0"}, 50_000_000, 100_000_000},
		"no price":      {map[sale.Column]string{sale.UnitPrice: ""}, 0, 100_000_000},
		"no number":     {map[sale.Column]string{sale.UnitPrice: "?"}, 0, 100_000_000},
		"far too high":  {map[sale.Column]string{sale.UnitPrice: "9000000000000", sale.Quantity: "1000000"}, 0, 100_000_000},
		"out of range":  {map[sale.Column]string{sale.UnitPrice: "90000000"}, 90_000_000_000_000, 100_000_000},
		"own currency":  {map[sale.Column]string{sale.Currency: "EUR", sale.UnitPrice: "46", sale.LineTotal: "92"}, 46_000_000, 100_000_000},
		"a bad percent": {map[sale.Column]string{sale.Discount: "9999"}, 50_000_000, 100_000_000},
	} {
		f, reason := factOf(t, c.values)
		if reason != nil || f.unitPrice != c.unitPrice || f.listUSD != c.listUSD {
			t.Errorf("%s: %d, %d, %v", name, f.unitPrice, f.listUSD, reason)
		}
	}
}

func TestLineTotalIsNeverRounded(t *testing.T) {
	_, reason := factOf(t, map[sale.Column]string{sale.LineTotal: "0.0000001"})
	if reason == nil || reason.Reason != sale.BadAmount {
		t.Errorf("got %v", reason)
	}
	if f, reason := factOf(t, map[sale.Column]string{sale.LineTotal: "1.2345670000"}); reason != nil || f.lineTotal != 1_234_567 {
		t.Errorf("zeros at the end are no digits to lose: %d, %v", f.lineTotal, reason)
	}
}
