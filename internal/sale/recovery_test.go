package sale

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checkRecovery holds a line that Read took to what recovery relies on: its CSV
// record is whole, and reading that gives the same line, whatever the clock says
// by then.
func checkRecovery(t *testing.T, line *Line) {
	t.Helper()
	record := AppendRecord(nil, &line.Row)
	var row Row
	if n, status := ScanRecord(record, &row); n != len(record) || status != Whole || row != line.Row {
		t.Fatalf("%q is scanned as %q (%d of %d bytes, status %d)", record, row, n, len(record), status)
	}
	var again Line
	if err := reader.Read(&row, time.Time{}, &again); err != nil {
		t.Fatalf("%q was taken, but cannot be read back: %v", record, err)
	}
	if again != *line {
		t.Fatalf("%q is read back as\n%+v, was\n%+v", record, again, *line)
	}
}

func TestRecovery(t *testing.T) {
	for _, row := range []*Row{
		with(), with(Date, ""), with(Date, "2025-03-14"), with(Date, "2024-12-28T09:56:00.000+02:00"), with(Date, "0001-01-01"),
		with(CurrencySymbol, ""), with(TransactionType, "", LineTotal, "-5"), with(TransactionType, "return"), with(LineNumber, "02"),
		with(Quantity, "2.0"), with(LineTotal, "+.5"), with(StoreID, "99"), with(StoreID, "99", InvoiceID, "INV-UK-1", Date, ""),
		with(Color, "\r\n\",\n"), with(PaymentMethod, " "), with(SKU, strings.Repeat(`"`, MaxText)), with(InvoiceTotal, "\r"),
		with(InvoiceID, "\ufeff"), with(InvoiceID, ""+" INV-1 "), with(StoreID, "1\n"+"2", InvoiceID, "INV-CN-1"),
	} {
		line := mustRead(t, row)
		checkRecovery(t, &line)
	}
}

// FuzzRead wants each line that is taken to be sound, and recoverable.
func FuzzRead(f *testing.F) {
	seed := func(row *Row, at int64) { f.Add(strings.Join(row[:], "|"), at) }
	seed(&good, 0)
	seed(with(Date, "", Currency, "USD", LineTotal, "-1000000000", StoreID, "99"), 1_700_000_000_000)
	seed(with(Date, "2024-12-28T09:56:00.000+02:00", TransactionType, "", CurrencySymbol, "", Color, "a\"b,\r\n"), -1)
	f.Fuzz(func(t *testing.T, text string, recordedMilli int64) {
		var row Row
		for i, part := range strings.SplitN(text, "|", NumColumns) {
			row[i] = part
		}
		before := row
		var line Line
		err := reader.Read(&row, time.UnixMilli(recordedMilli), &line)
		if row != before {
			t.Fatalf("Read changed the row to %q", row)
		}
		if reasonOf(t, err) != "" {
			return
		}
		if line.USD > maxUSD || line.USD < -maxUSD || line.Quantity < 1 || line.Number < 1 || len(line.Country) != 2 {
			t.Fatalf("%q is %+v", row, line)
		}
		for i, text := range line.Row {
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") || len(text) > MaxText {
				t.Fatalf("%s is %q", Columns[i], text)
			}
			if column := Column(i); text != row[i] && column != Date && column != CurrencySymbol {
				t.Fatalf("%v was %q, is %q", column, row[i], text)
			}
		}
		if written, err := time.Parse(time.DateTime, line.Row[Date]); err != nil || !written.Equal(line.At) {
			t.Fatalf("Date is %q, the line of %v", line.Row[Date], line.At)
		}
		checkRecovery(t, &line)
		message, err := AppendMessage(nil, &line.Row)
		if err != nil {
			t.Fatal(err)
		}
		if err := NewDecoder().Decode(message, &row); err != nil || row != line.Row {
			t.Fatalf("%s is decoded as %q, %v", message, row, err)
		}
	})
}
