package sale

import (
	"strconv"
	"testing"
)

// The key is the invoice and the line's number, however it is written, and
// nothing else.
func TestIdentityKey(t *testing.T) {
	want := mustRead(t, &good)
	for column := range Column(NumColumns) {
		line := mustRead(t, changed(column))
		if same := line.Identity.Key == want.Identity.Key; same != (column != InvoiceID && column != LineNumber) {
			t.Errorf("another %v: the same key is %v", column, same)
		}
		if same := line.Invoice == want.Invoice; same != (column != InvoiceID) {
			t.Errorf("another %v: the same invoice is %v", column, same)
		}
	}
	for _, number := range []string{"02", "2.0", "2."} {
		if line := mustRead(t, with(LineNumber, number)); line.Identity.Key != want.Identity.Key {
			t.Errorf("line %s is another line than 2", number)
		}
	}
}

// The content is every column but Date, which a till stamps anew when it resends.
func TestIdentityContent(t *testing.T) {
	want := mustRead(t, &good).Identity.Content
	for column := range Column(NumColumns) {
		if same := mustRead(t, changed(column)).Identity.Content == want; same != (column == Date) {
			t.Errorf("another %v: the same content is %v", column, same)
		}
	}
	for name, row := range map[string]*Row{
		"no date":                   with(Date, ""),
		"a symbol that was missing": with(CurrencySymbol, ""),
	} {
		if mustRead(t, row).Identity.Content != want {
			t.Errorf("%s: the content is another", name)
		}
	}
}

// Text that moves to a neighbouring column is other content, and digits that
// move from the invoice to the number are another line.
func TestIdentityKeepsColumnsApart(t *testing.T) {
	if mustRead(t, with(Size, "MB", Color, "LACK")).Identity.Content == mustRead(t, with(Size, "M", Color, "BLACK")).Identity.Content {
		t.Error("columns run together in the content")
	}
	if mustRead(t, with(InvoiceID, "INV-DE-011-1", LineNumber, "23")).Identity.Key == mustRead(t, with(InvoiceID, "INV-DE-011-12", LineNumber, "3")).Identity.Key {
		t.Error("invoice and number run together in the key")
	}
}

// Keys are spread well: a hundred thousand lines have as many.
func TestIdentityKeysOfManyLines(t *testing.T) {
	seen := make(map[uint64]bool)
	for i := range 25_000 {
		for number := 1; number <= 4; number++ {
			id, ok := identify(with(InvoiceID, "INV-DE-011-"+strconv.Itoa(i)), number)
			if !ok || seen[id.Key] {
				t.Fatalf("line %d of invoice %d: %v", number, i, id)
			}
			seen[id.Key] = true
		}
	}
}

// changed returns the good row with another value in the column that Read takes.
func changed(column Column) *Row {
	value := map[Column]string{LineNumber: "3", Quantity: "2", Date: "2025-03-15 15:42:07", LineTotal: "28.94", StoreID: "12",
		Currency: "USD", TransactionType: "Return"}[column]
	if value == "" {
		value = good[column] + "x"
	}
	return with(column, value)
}
