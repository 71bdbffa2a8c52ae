package sale

import (
	"strings"
	"testing"
	"time"
)

func TestReadAGoodLine(t *testing.T) {
	line := mustRead(t, &good)
	if line.Row != good {
		t.Errorf("the text changed: %q", line.Row)
	}
	// 28.93 EUR ÷ 0.92 = 31.4456521…
	if line.Number != 2 || line.Type != Sold || line.Quantity != 1 || line.Amount.String() != "28.93" || line.USD != 31_445_652 ||
		!line.At.Equal(time.Date(2025, 3, 14, 15, 42, 7, 0, time.UTC)) || line.Country != "DE" || line.Store.City != "Berlin" ||
		line.Category != "Masculine" {
		t.Errorf("got %+v", line)
	}
}

// Each reason to reject a line is told with the value, for whoever reads the dead
// letter.
func TestReadRejects(t *testing.T) {
	for _, c := range []struct {
		column Column
		value  string
		want   Reason
	}{
		{InvoiceID, "", MissingColumn},
		{LineNumber, "", MissingColumn},
		{Quantity, "", MissingColumn},
		{LineTotal, "", MissingColumn},
		{StoreID, "", MissingColumn},
		{Currency, "", MissingColumn},

		{LineNumber, "0", BadLine},
		{LineNumber, "-1", BadLine},
		{LineNumber, "1.5", BadLine},
		{LineNumber, "one", BadLine},
		{LineNumber, "1000001", BadLine},
		{LineNumber, "4294967297", BadLine}, // 1 in 32 bits
		{LineNumber, "18446744073709551617", BadLine},

		{Quantity, "0", BadQuantity},
		{Quantity, "0.0", BadQuantity},
		{Quantity, "-1", BadQuantity},
		{Quantity, "+1", BadQuantity},
		{Quantity, "1.5", BadQuantity},
		{Quantity, "1.0.0", BadQuantity},
		{Quantity, ".0", BadQuantity},
		{Quantity, ".", BadQuantity},
		{Quantity, " 1", BadQuantity},
		{Quantity, "1e0", BadQuantity},
		{Quantity, "0x1", BadQuantity},
		{Quantity, "1_0", BadQuantity},
		{Quantity, "١", BadQuantity},
		{Quantity, "1000001", BadQuantity},
		{Quantity, "99999999999999999999999", BadQuantity},

		{LineTotal, "12345678901234567890", BadAmount}, // 20 digits
		{LineTotal, "0.00000000000000000001", BadAmount},
		{LineTotal, "1e3", BadAmount},
		{LineTotal, "1E-3", BadAmount},
		{LineTotal, " 5", BadAmount},
		{LineTotal, "5 ", BadAmount},
		{LineTotal, "1,5", BadAmount},
		{LineTotal, "1_000", BadAmount},
		{LineTotal, "€5", BadAmount},
		{LineTotal, "--5", BadAmount},
		{LineTotal, "5-", BadAmount},
		{LineTotal, "1.2.3", BadAmount},
		{LineTotal, ".", BadAmount},
		{LineTotal, "-", BadAmount},
		{LineTotal, "+", BadAmount},
		{LineTotal, "NaN", BadAmount},
		{LineTotal, "Infinity", BadAmount},
		{LineTotal, "-inf", BadAmount},
		{LineTotal, "0x10", BadAmount},
		{LineTotal, "٥", BadAmount},
		{LineTotal, "920000000.01", BadAmount}, // a billion EUR÷0.92 and a cent
		{LineTotal, "-920000000.01", BadAmount},
		{LineTotal, "9999999999999999999", BadAmount},

		{TransactionType, "Refund", BadType},
		{TransactionType, " Sale", BadType},
		{TransactionType, "S", BadType},

		{Date, "yesterday", BadDate},

		{Currency, "CHF", UnknownCurrency},
		{Currency, "eur", UnknownCurrency},
		{Currency, "EUR ", UnknownCurrency},
		{Currency, "€", UnknownCurrency},

		{Color, strings.Repeat("x", MaxText+1), BadText},
		{InvoiceID, strings.Repeat("é", MaxText/2+1), BadText},
		{Color, "a\x00b", BadText},
		{Color, "M\xfcnchen", BadText}, // as a CSV that another program saved may have it
		{InvoiceTotal, "\x00", BadText},
	} {
		err := reader.Read(with(c.column, c.value), recorded, new(Line))
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%v %q: got %q, want %q", c.column, c.value, got, c.want)
			continue
		}
		if c.want != BadText && (!strings.Contains(err.Error(), c.column.String()) || !strings.Contains(err.Error(), c.value)) {
			t.Errorf("%v %q: the message does not say so: %v", c.column, c.value, err)
		}
	}
}

// Columns that nothing is computed from may be missing.
func TestReadWithoutWhatIsNotNeeded(t *testing.T) {
	for _, c := range []Column{CustomerID, ProductID, Size, Color, UnitPrice, Date, Discount, EmployeeID, CurrencySymbol, SKU,
		TransactionType, PaymentMethod, InvoiceTotal} {
		line := mustRead(t, with(c, ""))
		if line.USD != 31_445_652 || line.Type != Sold {
			t.Errorf("without %v it is worth %v", c, line.USD)
		}
	}
	only := Row{InvoiceID: "INV-UK-017-1", LineNumber: "1", StoreID: "17", Quantity: "1", LineTotal: "8.2", Currency: "GBP"}
	line := mustRead(t, &only)
	if line.USD != 10_000_000 || line.Row[CurrencySymbol] != "£" || line.Row[Date] == "" || line.Category != "Other" {
		t.Errorf("got %+v", line)
	}
}

func TestReadTakesTextUpToMaxText(t *testing.T) {
	text := strings.Repeat("é", MaxText/2) + "x"
	if line := mustRead(t, with(Color, text)); line.Row[Color] != text {
		t.Errorf("got %q", line.Row[Color])
	}
}

// A client that counts in floats writes 2 as 2.0.
func TestReadWholeNumbers(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "1.0": 1, "1.": 1, "2.000": 2, "01": 1, "007": 7, "1000000": 1_000_000} {
		line := mustRead(t, with(LineNumber, text, Quantity, text))
		if line.Number != int(want) || line.Quantity != want {
			t.Errorf("%q is line %d, quantity %d", text, line.Number, line.Quantity)
		}
	}
}

func TestReadAmounts(t *testing.T) {
	for text, want := range map[string]Micros{
		"0":                     0,
		"-0":                    0,
		"0.00":                  0,
		"5":                     5_000_000,
		"+5":                    5_000_000,
		".5":                    500_000,
		"5.":                    5_000_000,
		"-5.50":                 -5_500_000,
		"007.10":                7_100_000,
		"10000000":              10_000_000_000_000, // the most that a line may be worth
		"-10000000":             -10_000_000_000_000,
		"10000000.0000005":      10_000_000_000_000, // half a millionth more, to even
		"0.0000005":             0,
		"0.0000015":             2,
		"-0.0000015":            -2,
		"0.000000500000000000":  0,
		"0.000000500000000001":  1,
		"999.9999999999999999":  1_000_000_000,
		"1234567890123456789e":  -1,
		"0.1234567890123456789": -1, // 20 digits: nothing is rounded unseen
		".1234567890123456789":  123_457,
		"10000000.00000050001":  -1,
	} {
		var line Line
		err := reader.Read(with(Currency, "USD", LineTotal, text), recorded, &line)
		if rejected := want == -1; rejected != (reasonOf(t, err) == BadAmount) || !rejected && line.USD != want {
			t.Errorf("%q is %d, %v, want %d", text, line.USD, err, want)
		}
	}
}

// The amount's sign decides which way the money went, the type which way the
// goods did.
func TestReadType(t *testing.T) {
	for _, c := range []struct {
		kind, invoice, amount string
		want                  Type
	}{
		{"Sale", "INV-DE-011-1", "5", Sold},
		{"Sale", "RET-DE-011-1", "-5", Sold},
		{"SALE", "INV-DE-011-1", "5", Sold},
		{"sale", "INV-DE-011-1", "-5", Sold},
		{"Return", "RET-DE-011-1", "-5", Returned},
		{"return", "INV-DE-011-1", "5", Returned},
		{"RETURN", "RET-DE-011-1", "0", Returned},
		{"", "RET-DE-011-1", "-5", Returned},
		{"", "RET-DE-011-1", "5", Returned},
		{"", "INV-DE-011-1", "-5", Returned},
		{"", "INV-DE-011-1", "5", Sold},
		{"", "INV-DE-011-1", "0", Sold},
	} {
		line := mustRead(t, with(TransactionType, c.kind, InvoiceID, c.invoice, LineTotal, c.amount))
		if line.Type != c.want || (line.USD < 0) != strings.HasPrefix(c.amount, "-") {
			t.Errorf("%+v is a %v of %v", c, line.Type, line.USD)
		}
	}
}

// The country is the store's, else the invoice number's, by its ISO code.
func TestReadCountry(t *testing.T) {
	for _, c := range []struct{ store, invoice, want string }{
		{"11", "INV-DE-011-1", "DE"},
		{"11", "INV-US-011-1", "DE"},
		{"11", "anything", "DE"},
		{"17", "INV-UK-017-1", "GB"},
		{"99", "INV-UK-099-1", "GB"},
		{"99", "RET-GB-099-1", "GB"},
		{"99", "RET-CN-099-1", "CN"},
		{"01", "INV-PT-001-1", "PT"},
	} {
		if line := mustRead(t, with(StoreID, c.store, InvoiceID, c.invoice)); line.Country != c.want {
			t.Errorf("store %s, invoice %s: %s", c.store, c.invoice, line.Country)
		}
	}
	for _, invoice := range []string{"INV-XX-099-1", "INV", "INV-", "INV-DE", "INV-de-099-1", "INV-DEU-099-1", "-", "x"} {
		if got := reasonOf(t, reader.Read(with(StoreID, "99", InvoiceID, invoice), recorded, new(Line))); got != UnknownCountry {
			t.Errorf("%s: %q", invoice, got)
		}
	}
}

func TestReadCategory(t *testing.T) {
	for sku, want := range map[string]string{"FESH1-M-RED": "Feminine", "MA": "Masculine", "CH1": "Children", "": "Other", "F": "Other", "fe1": "Other", "XX1": "Other"} {
		if line := mustRead(t, with(SKU, sku)); line.Category != want {
			t.Errorf("%q is %s", sku, line.Category)
		}
	}
}

// Read may be given the line's own row, and a line that served before.
func TestReadInPlace(t *testing.T) {
	row := with(Date, "2025-03-14", CurrencySymbol, "", StoreID, "99")
	want := mustRead(t, row)
	line := mustRead(t, with(Currency, "USD", TransactionType, "Return"))
	line.Row = *row
	if err := reader.Read(&line.Row, recorded, &line); err != nil || line != want {
		t.Errorf("got %+v, %v, want %+v", line, err, want)
	}
	if row[Date] != "2025-03-14" || row[CurrencySymbol] != "" {
		t.Errorf("the row that was read has changed: %q", *row)
	}
}
