package producer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"tillstream/internal/sale"
)

func readAll(t testing.TB, src Source) []sale.Row {
	t.Helper()
	var rows []sale.Row
	for {
		var row sale.Row
		ok, err := src.Next(&row)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		rows = append(rows, row)
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// cashierStream is a text of the shape of the original project's last10k.csv:
// CRLF, a Time column, no Currency Symbol, Date and Time empty, and each row ends
// in a comma.
func cashierStream(rows []sale.Row) string {
	var b strings.Builder
	b.WriteString("Invoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Time,Discount,Line Total,Store ID,Employee ID,Currency,SKU,Transaction Type,Payment Method,Invoice Total,\r\n")
	for _, r := range rows {
		for column, text := range r {
			switch sale.Column(column) {
			case sale.Date:
				b.WriteString(",,")
			case sale.CurrencySymbol:
			default:
				b.WriteString(text + ",")
			}
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

func TestCashierStream(t *testing.T) {
	want := someRows(5000)
	path := writeFile(t, cashierStream(want))
	for i := range want {
		want[i][sale.Date] = ""
		want[i][sale.CurrencySymbol] = sale.SymbolOf(want[i][sale.Currency])
	}
	_, cluster := startKafka(t)
	cfg := configFor(cluster, nil)
	cfg.Open = func() (Source, error) { return OpenCSV(path) }
	if s := run(t, newProducer(t, cfg)); s.Lines != 5000 {
		t.Errorf("summary %+v", s)
	}
	checkLines(t, published(t, cluster), want)
}

func TestCSVForms(t *testing.T) {
	row := func(pairs ...string) sale.Row {
		var r sale.Row
		for i := 0; i < len(pairs); i += 2 {
			column, ok := sale.ColumnNamed(pairs[i])
			if !ok {
				t.Fatal(pairs[i])
			}
			r[column] = pairs[i+1]
		}
		return r
	}
	for name, test := range map[string]struct {
		text string
		want []sale.Row
	}{
		"header only":               {"Line,Invoice ID\n", nil},
		"header without line end":   {"Invoice ID", nil},
		"order, spaces, no newline": {"Line, Invoice ID \n1,A", []sale.Row{row("Invoice ID", "A", "Line", "1")}},
		"BOM":                       {"\ufeffInvoice ID,Line\r\nA,1\r\n", []sale.Row{row("Invoice ID", "A", "Line", "1")}},
		"BOM and quotes":            {"\ufeff\"Invoice ID\",Line\nA,1\n", []sale.Row{row("Invoice ID", "A", "Line", "1")}},
		"other columns":             {"Note,Invoice ID,,Line\nx,A,y,1\n", []sale.Row{row("Invoice ID", "A", "Line", "1")}},
		"short and long rows":       {"Invoice ID,Line,Size\nA\nB,2,M,x,y\n\nC,3,L\n", []sale.Row{row("Invoice ID", "A"), row("Invoice ID", "B", "Line", "2", "Size", "M"), row("Invoice ID", "C", "Line", "3", "Size", "L")}},
		"quotes":                    {"Invoice ID,Color\r\n\"A\",\"a \"\"b\"\", c\"\r\n\"B\",\"x\ny\"\r\n", []sale.Row{row("Invoice ID", "A", "Color", `a "b", c`), row("Invoice ID", "B", "Color", "x\ny")}},
		"time joins date":           {"Invoice ID,Time,Date\nA,15:42:00,2023-01-01\n", []sale.Row{row("Invoice ID", "A", "Date", "2023-01-01 15:42:00")}},
		"time of a full date":       {"Invoice ID,Time,Date\nA,15:42:00,2023-01-01T01:02:03\n", []sale.Row{row("Invoice ID", "A", "Date", "2023-01-01T01:02:03")}},
		"time alone":                {"Invoice ID,Time,Date\nA,15:42:00,\n", []sale.Row{row("Invoice ID", "A")}},
		"currency is left alone":    {"Invoice ID,Currency\nA,EUR\n", []sale.Row{row("Invoice ID", "A", "Currency", "EUR")}},
	} {
		t.Run(name, func(t *testing.T) {
			src, err := OpenCSV(writeFile(t, test.text))
			if err != nil {
				t.Fatal(err)
			}
			got := readAll(t, src)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("row %d is %q, want %q", i, got[i], test.want[i])
				}
			}
		})
	}
}

func TestBadInput(t *testing.T) {
	long := "Invoice ID,Color\n" + strings.Repeat("INV-US-002-1,Grün\n", 30_000)
	for name, test := range map[string]struct {
		text string
		line int
		want string
	}{
		"empty":             {"", 0, "it is empty; give a CSV"},
		"BOM only":          {"\ufeff", 0, "it is empty; give a CSV"},
		"no invoice":        {"Line,Size\n1,M\n", 1, `no column "Invoice ID", at line 1; the first line must name`},
		"semicolons":        {"Invoice ID;Line\nA;1\n", 1, `separated by ";"`},
		"column twice":      {"Invoice ID,Line,Line\n", 1, `names "Line" twice`},
		"latin 1":           {"Invoice ID,Color\nA,x\nB,Gr\xfcn\n", 3, "not UTF-8, at line 3; convert it, if it comes from Windows: iconv -f WINDOWS-1252 -t UTF-8"},
		"late latin 1":      {long + "B,Gr\xfcn\n", 30_002, "not UTF-8"},
		"cut rune":          {"Invoice ID\nGr\xc3", 2, "not UTF-8"},
		"UTF-16 LE":         {"\xff\xfeI\x00n\x00", 0, "UTF-16"},
		"UTF-16 BE":         {"\xfe\xff\x00I\x00n", 0, "UTF-16"},
		"NUL":               {"Invoice ID\nA\nB\x00\n", 3, "NUL byte, at line 3"},
		"gzip":              {"\x1f\x8b\x08\x00", 0, "gunzip"},
		"Excel":             {"PK\x03\x04abc", 0, "Excel"},
		"open quote":        {"Invoice ID,Color\nA,x\n\"B,y\nC,z\n", 3, "a quote is broken, at line 3"},
		"quote in a field":  {"Invoice ID,Color\nA,1\"2\n", 2, "a quote is broken, at line 2"},
		"text after quote":  {"Invoice ID,Color\nA,x\nB,\"1\"2\n", 3, "a quote is broken, at line 3"},
		"late broken quote": {long + "B,\"x\n", 30_002, "a quote is broken, at line 30002"},
		"quote in header":   {"Invoice \"ID\n", 1, "a quote is broken, at line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, test.text)
			_, err := OpenCSV(path)
			checkSourceError(t, err, path, test.line, test.want)

			// Through a pipe it is found when its turn comes.
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				defer write.Close()
				_, _ = io.WriteString(write, test.text) // the reader may stop early
			}()
			src, err := openCSV("-", read)
			var row sale.Row
			for ok := true; err == nil && ok; {
				ok, err = src.Next(&row)
			}
			checkSourceError(t, err, "-", test.line, strings.SplitN(test.want, ";", 2)[0])
			read.Close() // what was not read is not needed
		})
	}

	dir := t.TempDir()
	_, err := OpenCSV(dir)
	checkSourceError(t, err, dir, 0, "it is a directory; name a CSV file in it")
	missing := filepath.Join(dir, "missing.csv")
	_, err = OpenCSV(missing)
	checkSourceError(t, err, missing, 0, "there is no such file; check the path")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	// The test may run as root, whom no permission stops.
	err = openError("secret.csv", &fs.PathError{Op: "open", Path: "secret.csv", Err: syscall.EACCES})
	checkSourceError(t, err, "secret.csv", 0, "it may not be read by this user; check its permissions")
	err = openError("disk.csv", &fs.PathError{Op: "read", Path: "disk.csv", Err: syscall.EIO})
	checkSourceError(t, err, "disk.csv", 0, "input/output error; check the path and the disk")
}

func checkSourceError(t *testing.T, err error, file string, line int, want string) {
	t.Helper()
	var source *SourceError
	if !errors.As(err, &source) {
		t.Fatalf("error %v is no SourceError", err)
	}
	text := err.Error()
	if source.File != file || source.Line != line || source.Hint == "" || !strings.HasPrefix(text, "reading "+file+": ") ||
		!strings.Contains(text, want) || strings.Contains(text, "\n") {
		t.Errorf("error %q (line %d), want %q in it and line %d", text, source.Line, want, line)
	}
}

// Each round begins at the first row again.
func TestRoundsReopenTheFile(t *testing.T) {
	path := writeFile(t, "Invoice ID,Line\nA,1\n")
	for range 2 {
		src, err := OpenCSV(path)
		if err != nil {
			t.Fatal(err)
		}
		if rows := readAll(t, src); len(rows) != 1 || rows[0][sale.InvoiceID] != "A" {
			t.Errorf("rows %q", rows)
		}
	}
}

// The check up front and encoding/csv must accept the same texts: what the check
// lets pass would fail after half the file was sent, what it refuses could have
// been read.
func FuzzCheckAgreesWithReader(f *testing.F) {
	for _, seed := range []string{"a,b\n\"c\",\"d\"\"e\"\r\n", "\"", "a\"b", "\"a\"b", "\"a\"\r\n\"b\"\r", "\"a\"\r", "\ufeff\"a\"", "\n\n\"x\ny\"\n,\"\"", "\"\r\n\"", "a\r\"b\"", "\"a\"\"", "ä,\"\xff", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkMagic("", []byte(text)) != nil {
			return
		}
		want := utf8.ValidString(text) && !strings.Contains(text, "\x00")
		in := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, utf8BOM)))
		in.FieldsPerRecord = -1
		_, err := in.ReadAll()
		want = want && err == nil
		for _, block := range []int{8, 9, 1000} { // a rune may be cut anywhere
			if got := checkBlocks("", strings.NewReader(text), make([]byte, block)); (got == nil) != want {
				t.Fatalf("%q: check says %v, encoding/csv %v", text, got, err)
			}
		}
		if strings.Contains(text, "\x00") {
			return // the quotes are not looked at then
		}
		// Blocks may be cut anywhere.
		var whole, byByte quoteChecker
		body := []byte(strings.TrimPrefix(text, utf8BOM))
		ok := whole.check(body, 1) && whole.end()
		okByByte, line := true, 1
		for i := 0; i < len(body) && okByByte; i++ {
			okByByte = byByte.check(body[i:i+1], line)
			line += bytes.Count(body[i:i+1], newline)
		}
		okByByte = okByByte && byByte.end()
		if ok != okByByte || !ok && whole.began != byByte.began {
			t.Fatalf("%q: whole %v at %d, byte by byte %v at %d", body, ok, whole.began, okByByte, byByte.began)
		}
	})
}

// FuzzCSV feeds anything: no panic, and nothing is sent that is not UTF-8.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"Invoice ID,Line\nA,1\n", cashierStream(someRows(3)), "\ufeff\"Invoice ID\",Time,Date\n\"x\"\"\ny\",1,2", "Invoice ID\n\xff", "Invoice ID\r\n\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		src, err := newCSVReader("fuzz", strings.NewReader(string(text)))
		if err != nil {
			if strings.Contains(err.Error(), "\n") && !strings.Contains(strconv.Quote(string(text)), `\n`) {
				t.Fatalf("error of many lines: %q", err)
			}
			return
		}
		var row sale.Row
		for {
			ok, err := src.Next(&row)
			if err != nil || !ok {
				return
			}
			for _, field := range row {
				if !utf8.ValidString(field) {
					t.Fatalf("%q was sent", field)
				}
			}
			if _, err := sale.AppendMessage(nil, &row); err != nil {
				t.Fatal(err)
			}
		}
	})
}
