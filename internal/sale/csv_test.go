package sale

import (
	"bytes"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"
)

// awkward are rows that tempt a CSV writer and reader to disagree.
func awkward() []*Row {
	rows := []*Row{{}, with(), with(InvoiceTotal, ""), with(InvoiceID, "")}
	for _, text := range []string{`"`, `""`, `"""`, `a"b`, `"a"`, ",", ",,", "\r", "\n", "\r\n", "\n\r", "a\r", "a\nb", "a\r\nb\r\n",
		" ", " a", "a ", "\t", "é€红😀", "\ufeff", "\ufeffa", `\.`, `"` + "\r\n" + `",` + "\r", "'", "=1+1", "\x7f", "\u2028"} {
		rows = append(rows, with(InvoiceID, text), with(Color, text), with(InvoiceTotal, text), with(Color, text, Date, text))
	}
	return rows
}

func TestHeader(t *testing.T) {
	want := "Invoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Discount,Line Total,Store ID,Employee ID," +
		"Currency,Currency Symbol,SKU,Transaction Type,Payment Method,Invoice Total\r\n"
	if got := string(AppendHeader(nil)); got != want {
		t.Errorf("got %q", got)
	}
}

// A field is quoted where RFC 4180 says so, where a reader that ends records at a
// bare CR (Python's does) would else see two, and where spaces might be trimmed.
func TestQuotes(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "a b": "a b", "a'b": "a'b", "€": "€", "\t": "\t",
		`a"b`: `"a""b"`, `"`: `""""`, "a,b": `"a,b"`, "a\nb": "\"a\nb\"", "a\rb": "\"a\rb\"", "\r": "\"\r\"", " a": `" a"`, "a ": `"a "`, " ": `" "`,
	} {
		if got := string(AppendRecord(nil, &Row{InvoiceID: text})); got != want+strings.Repeat(",", NumColumns-1)+"\r\n" {
			t.Errorf("%q is written %q, want %q first", text, got, want)
		}
	}
}

func TestColumnNamed(t *testing.T) {
	for i, name := range Columns {
		if c, ok := ColumnNamed(name); !ok || c != Column(i) || c.String() != name {
			t.Errorf("%s is %v, %v", name, c, ok)
		}
	}
	for _, name := range []string{"", "Time", "line", "Line ", "Invoice", "\ufeffInvoice ID"} {
		if c, ok := ColumnNamed(name); ok {
			t.Errorf("%q is %v", name, c)
		}
	}
}

// What is scanned is what was appended, and other readers see the same.
func TestRecordRoundTrip(t *testing.T) {
	for _, row := range awkward() {
		checkRecord(t, row)
	}
}

func checkRecord(t *testing.T, row *Row) {
	t.Helper()
	record := AppendRecord(nil, row)
	var got Row
	if n, status := ScanRecord(record, &got); n != len(record) || status != Whole || got != *row {
		t.Fatalf("%q came back as %q (%d of %d bytes, status %d)", *row, got, n, len(record), status)
	}
	fields, err := csv.NewReader(bytes.NewReader(record)).Read()
	if err != nil {
		t.Fatalf("encoding/csv on %q: %v", record, err)
	}
	for i, text := range row {
		// encoding/csv makes each CR LF within quotes an LF.
		if want := strings.ReplaceAll(text, "\r\n", "\n"); i >= len(fields) || fields[i] != want {
			t.Fatalf("encoding/csv reads %q from %q, want %q", fields, record, *row)
		}
	}
}

// The CSV may have been through another program, as long as it is a CSV.
func TestScanTakesWhatEncodingCSVWrites(t *testing.T) {
	for _, crlf := range []bool{false, true} {
		for _, row := range awkward() {
			var file bytes.Buffer
			w := csv.NewWriter(&file)
			w.UseCRLF = crlf
			if err := w.Write(row[:]); err != nil {
				t.Fatal(err)
			}
			if w.Flush(); w.Error() != nil {
				t.Fatal(w.Error())
			}
			want := *row
			for i, text := range want {
				if crlf { // its Writer drops each CR and writes CR LF for each LF
					want[i] = strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n")
				}
			}
			var got Row
			if n, status := ScanRecord(file.Bytes(), &got); n != file.Len() || status != Whole || got != want {
				t.Fatalf("UseCRLF %v: %q came back as %q (%d of %d bytes, status %d)", crlf, file.Bytes(), got, n, file.Len(), status)
			}
		}
	}
}

// A crash can end the file at any byte. Whatever is left is seen to be torn: it
// is no record, neither a shorter one nor a broken one.
func TestScanOfARecordCutAtEveryByte(t *testing.T) {
	for _, row := range awkward() {
		whole := AppendRecord(nil, row)
		for n := range len(whole) {
			var got Row
			if taken, status := ScanRecord(whole[:n:n], &got); taken != 0 || status != Torn {
				t.Fatalf("%q: %d bytes, status %d, %q", whole[:n], taken, status, got)
			}
		}
	}
}

func TestScanOfRecordsInARow(t *testing.T) {
	rows := awkward()
	var file []byte
	for _, row := range rows {
		file = AppendRecord(file, row)
	}
	for i, want := range rows {
		var got Row
		n, status := ScanRecord(file, &got)
		if status != Whole || got != *want {
			t.Fatalf("record %d: %q, want %q (status %d)", i, got, *want, status)
		}
		file = file[n:]
	}
	if len(file) != 0 {
		t.Errorf("%q is left", file)
	}
}

func TestScanOfWhatIsNoRecord(t *testing.T) {
	fields := func(n int, last string) string { return strings.Repeat("a,", n-1) + last }
	for name, c := range map[string]struct {
		data string
		want ScanStatus
	}{
		"nothing":                    {"", Torn},
		"an empty line":              {"\n", Broken},
		"an empty line with CR":      {"\r\n", Broken},
		"18 fields":                  {fields(18, "a\r\n"), Broken},
		"20 fields":                  {fields(20, "a\r\n"), Broken},
		"19 fields, then a comma":    {fields(19, "a,\r\n"), Broken},
		"one field":                  {"a\n", Broken},
		"a NUL":                      {fields(19, "\x00\r\n"), Broken},
		"a NUL within quotes":        {fields(19, "\"\x00\"\r\n"), Broken},
		"a block of NULs":            {strings.Repeat("\x00", 512), Broken},
		"a quote within a field":     {fields(19, "a\"b\r\n"), Broken},
		"text after a quoted field":  {fields(19, "\"a\"b\r\n"), Broken},
		"space after a quoted field": {"\"a\" ," + fields(18, "a\r\n"), Broken},
		"CR alone after the last":    {fields(19, "\"a\"\rb\n"), Broken},
		"a line break in the middle": {fields(10, "a\r\n") + fields(10, "a\r\n"), Broken},
		"no line break":              {fields(19, "a"), Torn},
		"an open quote":              {fields(19, "\"a\r\n"), Torn},
	} {
		t.Run(name, func(t *testing.T) {
			var row Row
			if n, status := ScanRecord([]byte(c.data), &row); n != 0 || status != c.want {
				t.Errorf("%d bytes, status %d, want %d", n, status, c.want)
			}
		})
	}
}

func FuzzRecordRoundTrip(f *testing.F) {
	f.Add(strings.Join(good[:], "|"))
	f.Add("\"|,|\r|\n|\r\n| a|b ||é\"\"|\xff")
	f.Fuzz(func(t *testing.T, text string) {
		var row Row
		for i, part := range strings.SplitN(strings.ReplaceAll(text, "\x00", ""), "|", NumColumns) {
			row[i] = part
		}
		checkRecord(t, &row)
	})
}

// FuzzScanRecord holds ScanRecord against encoding/csv, and wants what it read to
// be written and read again the same.
func FuzzScanRecord(f *testing.F) {
	for _, row := range awkward() {
		f.Add(AppendRecord(nil, row))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		var row Row
		n, status := ScanRecord(data, &row)
		if !bytes.Equal(before, data) {
			t.Fatal("the data was changed")
		}
		if status != Whole {
			if n != 0 {
				t.Fatalf("status %d takes %d bytes", status, n)
			}
			return
		}
		if n < NumColumns || data[n-1] != '\n' {
			t.Fatalf("a record of %d bytes that does not end its line: %q", n, data[:n])
		}
		checkRecord(t, &row)
		in := csv.NewReader(bytes.NewReader(data[:n]))
		in.FieldsPerRecord = -1
		fields, err := in.Read()
		if err != nil || len(fields) != NumColumns {
			t.Fatalf("encoding/csv reads %q, %v", fields, err)
		}
		want := make([]string, NumColumns)
		for i, text := range row {
			want[i] = strings.ReplaceAll(text, "\r\n", "\n")
		}
		if !slices.Equal(fields, want) {
			t.Fatalf("got %q, encoding/csv reads %q", want, fields)
		}
		if _, err := in.Read(); err != io.EOF {
			t.Fatalf("encoding/csv finds more: %v", err)
		}
		if _, status := ScanRecord(data[:n-1:n-1], new(Row)); status != Torn {
			t.Fatalf("without its line end it has the status %d", status)
		}
	})
}
