package etl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// files is a directory with the six files of data/sample, of each at most so many
// rows, for a test to change.
type files struct {
	testing.TB
	dir string
}

func newFiles(t testing.TB, rows int) *files {
	t.Helper()
	f := &files{TB: t, dir: t.TempDir()}
	for _, table := range importTables {
		text, err := os.ReadFile(filepath.Join("..", "data", "sample", table.file))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\n")
		f.write(table.file, strings.Join(lines[:min(rows+1, len(lines))], ""))
	}
	return f
}

func (f *files) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f *files) read(name string) string {
	f.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.Fatal(err)
	}
	return string(text)
}

// replace changes the first place in a file that reads old.
func (f *files) replace(name, old, new string) {
	f.Helper()
	text := f.read(name)
	if !strings.Contains(text, old) {
		f.Fatalf("%s does not hold %q", name, old)
	}
	f.write(name, strings.Replace(text, old, new, 1))
}

// lines replaces the transactions by rows.
func (f *files) lines(rows ...sale.Row) {
	f.Helper()
	text := sale.AppendHeader(nil)
	for i := range rows {
		text = sale.AppendRecord(text, &rows[i])
	}
	f.write("transactions.csv", string(text))
}

// importFiles imports files, which must succeed.
func (l *lab) importFiles(f *files) ImportSummary {
	l.Helper()
	s, err := Import(l.Context(), l.cfg, f.dir)
	if err != nil {
		l.Fatal(err)
	}
	return s
}

// sourceContent is all that the source holds, row versions aside.
func (l *lab) sourceContent() string {
	l.Helper()
	var b strings.Builder
	for _, table := range importTables {
		var names []string
		for i := range table.columns {
			if !table.columns[i].staged {
				names = append(names, database.QuoteName(table.columns[i].name))
			}
		}
		b.WriteString(strings.Join(queryText(l, l.source, "SELECT "+strings.Join(names, ", ")+" FROM "+table.name), "\n") + "\n--\n")
	}
	for _, query := range []string{"SELECT [Product ID], [Size] FROM dbo.product_size", "SELECT [Size] FROM dbo.sizes",
		"SELECT [Category], [Sub Category] FROM dbo.category_subcategory"} {
		b.WriteString(strings.Join(queryText(l, l.source, query), "\n") + "\n--\n")
	}
	return b.String()
}

// decimals are what SQL Server writes with all six places: 7.500000.
var decimals = regexp.MustCompile(`\.[0-9]{6}\b`)

// sourceSame compares what a query of the source returns with what is wanted.
func (l *lab) sourceSame(query string, want ...string) {
	l.Helper()
	got := queryText(l, l.source, query)
	for i := range got {
		got[i] = decimals.ReplaceAllStringFunc(got[i], func(places string) string { return strings.TrimRight(strings.TrimRight(places, "0"), ".") })
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		l.Errorf("%s\n got:\n  %s\n want:\n  %s", query, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// What the files say is in the tables, and importing it again changes nothing.
func TestImport(t *testing.T) {
	l, f := newLab(t), newFiles(t, 300)
	s := l.importFiles(f)
	if s.Read != 35+300+300+150+68+300 || s.Inserted != s.Read || s.Updated+s.Duplicates+s.Rejected != 0 {
		t.Errorf("got %+v", s)
	}
	l.sourceSame("SELECT COUNT(*) FROM dbo.transactions", "300")
	l.sourceSame("SELECT [Store Name], [City], [Number of Employees] FROM dbo.stores WHERE [Store ID] = '2'", "Store Los Angeles|Los Angeles|11")
	l.sourceSame("SELECT [Date Of Birth], [Job Title] FROM dbo.customers WHERE [Customer ID] = '2'", "1997-07-07|Designer, interior")
	l.sourceSame("SELECT [Size] FROM dbo.product_size WHERE [Product ID] = '1'", "L", "M", "S", "XL")
	l.sourceSame("SELECT COUNT(*) FROM dbo.category_subcategory WHERE [Category] = 'Feminine'", "11")
	before := l.sourceContent()
	again := l.importFiles(f)
	if again.Read != s.Read || again.Inserted+again.Updated+again.Duplicates+again.Rejected != 0 || again.NetUSD != s.NetUSD {
		t.Errorf("again: %+v", again)
	}
	if l.sourceContent() != before {
		t.Error("importing again changes the source")
	}
	if loaded := l.load(); loaded.NetUSD != s.NetUSD || loaded.Rejected != 0 {
		t.Errorf("import says %s, load %+v", s.NetUSD, loaded)
	}
	l.same("SELECT step, status, rows_read, rows_inserted FROM dw.etl_run WHERE step = 'import'",
		fmt.Sprintf("import|done|%d|%[1]d", s.Read), fmt.Sprintf("import|done|%d|0", s.Read))
}

// A row that has changed is updated, a new one inserted, and none of the others
// touched: they keep their row versions.
func TestImportUpdates(t *testing.T) {
	l, f := newLab(t), newFiles(t, 50)
	l.importFiles(f)
	l.load()
	f.replace("stores.csv", "Store Los Angeles", "Store Los Angeles West")
	f.replace("customers.csv", "1997-07-07", "")                                                                                   // to NULL
	f.replace("products.csv", "YELLOW,S|M|L|XL", "YELLOW,XS|M|L|XL")                                                               // staged only
	f.replace("discounts.csv", "New year, warm wardrobe: 40% off winter layers", "New year, warm wardrobe: 40% off Winter layers") // case only
	text := f.read("transactions.csv")
	lines := strings.SplitAfter(text, "\n")
	lines[2] = strings.Replace(lines[2], ",Sale,", ",sale,", 1)
	f.write("transactions.csv", strings.Join(lines, "")+"INV-US-001-99999999,1,1,1,M,,10,1,2024-03-01 10:00:00,0,10,1,1,USD,$,FECO1-M-,Sale,Cash,10\n")
	s := l.importFiles(f)
	if s.Inserted != 1 || s.Updated != 4 {
		t.Errorf("got %+v", s)
	}
	l.sourceSame("SELECT [Size] FROM dbo.product_size WHERE [Product ID] = '1'", "L", "M", "XL", "XS")
	l.sourceSame("SELECT COUNT(*) FROM dbo.customers WHERE [Date Of Birth] IS NULL", "1")
	source := openSource(t, l)
	if n, err := source.count(t.Context(), versions{after: mark(t, l), upTo: newest(t, source)}); n != 2 || err != nil {
		t.Errorf("%d lines have a new version, %v; want 2", n, err)
	}
	// What is in the table but not in the file counts too.
	f.lines(with(map[sale.Column]string{sale.InvoiceID: "INV-US-001-99999999", sale.LineTotal: "11"}))
	net, err := sourceNet(t.Context(), l.cfg.withDefaults(), l.source)
	if err != nil {
		t.Fatal(err)
	}
	if s := l.importFiles(f); s.NetUSD != (net + 1_000_000).String() {
		t.Errorf("the source holds %s, and 1.00 more now; the summary says %s", net, s.NetUSD)
	}
}

func openSource(t *testing.T, l *lab) *sourceTable {
	t.Helper()
	table, err := openTable(t.Context(), l.source, "dbo.transactions", sale.Columns[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func newest(t *testing.T, table *sourceTable) int64 {
	t.Helper()
	n, err := table.newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mark is the highest row version of the lines that were loaded.
func mark(t *testing.T, l *lab) (version int64) {
	t.Helper()
	table := openSource(t, l)
	err := table.scan(t.Context(), versions{upTo: newest(t, table)}, func(v int64, values []string) error {
		if values[sale.InvoiceID] != "INV-US-001-99999999" && values[sale.TransactionType] != "sale" {
			version = max(version, v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// A key that comes twice in a file: the first row wins, in an empty table and in
// one that has rows.
func TestImportOfKeysThatComeTwice(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("again=%v", again), func(t *testing.T) {
			l, f := newLab(t), newFiles(t, 3)
			f.lines(with(nil), with(map[sale.Column]string{sale.LineNumber: "2"}), with(nil),
				with(map[sale.Column]string{sale.LineTotal: "99"}), with(map[sale.Column]string{sale.LineNumber: "2", sale.Date: ""}),
				with(map[sale.Column]string{sale.LineTotal: "100.00"})) // the same amount
			f.replace("stores.csv", "\n3,", "\n2,")
			s := l.importFiles(f)
			if again {
				s = l.importFiles(f)
			}
			for _, table := range s.Tables {
				want := TableSummary{Table: table.Table, Read: 3, Inserted: 3, Rows: 3}
				switch table.Table {
				case "transactions":
					want.Read, want.Inserted, want.Rows, want.Duplicates, want.Rejected = 6, 2, 2, 2, 2
				case "stores":
					want.Inserted, want.Rows, want.Rejected = 2, 2, 1
				}
				if again {
					want.Inserted = 0
				}
				table.Seconds = 0
				if table != want {
					t.Errorf("got %+v, want %+v", table, want)
				}
			}
			if s.NetUSD != "200.00" {
				t.Errorf("net is %s", s.NetUSD)
			}
			l.sourceSame("SELECT [Line], [Line Total] FROM dbo.transactions", "1|100", "2|100")
			l.same("SELECT source, business_key, reason FROM dw.etl_reject", "transactions.csv|INV-US-001-00000001 1|conflict",
				"transactions.csv|INV-US-001-00000001 2|conflict", "stores.csv|2|conflict")
		})
	}
}

// What a column cannot hold is rejected with its reason, and all else imported.
func TestImportRejects(t *testing.T) {
	l, f := newLab(t), newFiles(t, 3)
	bad := []struct {
		column sale.Column
		value  string
		reason sale.Reason
	}{
		{sale.LineNumber, "one", sale.BadLine},
		{sale.LineNumber, "", sale.MissingColumn},
		{sale.LineNumber, "3000000000", sale.BadLine},
		{sale.Quantity, "1.5", sale.BadQuantity},
		{sale.Quantity, "", sale.MissingColumn},
		{sale.LineTotal, "free", sale.BadAmount},
		{sale.LineTotal, "1e3", sale.BadAmount},
		{sale.LineTotal, "0.1234567", sale.BadAmount},
		{sale.LineTotal, "1234567890123", sale.BadAmount},
		{sale.LineTotal, "", sale.MissingColumn},
		{sale.UnitPrice, "x", sale.BadAmount},
		{sale.Date, "2024-02-30 10:00:00", sale.BadDate},
		{sale.Date, "yesterday", sale.BadDate},
		{sale.Color, strings.Repeat("ü", wide+1), sale.BadText},
	}
	rows := []sale.Row{with(nil)}
	var want []string
	for i, b := range bad {
		id := fmt.Sprintf("INV-US-001-%08d", i+100)
		row := with(map[sale.Column]string{sale.InvoiceID: id, b.column: b.value})
		rows = append(rows, row)
		want = append(want, fmt.Sprintf("transactions.csv|%s %s|%s", id, row[sale.LineNumber], b.reason))
	}
	// These are odd, but a column can hold them: the load judges.
	rows = append(rows,
		with(map[sale.Column]string{sale.InvoiceID: "a", sale.Currency: "XXX"}),
		with(map[sale.Column]string{sale.InvoiceID: "b", sale.Quantity: "0"}),
		with(map[sale.Column]string{sale.InvoiceID: "c", sale.LineTotal: "-999999999999.999999", sale.Quantity: "2.0", sale.Date: "2024-12-28T09:56:00.000+02:00"}),
		with(map[sale.Column]string{sale.InvoiceID: "d", sale.LineTotal: "+0007.50", sale.UnitPrice: "", sale.Discount: "-0", sale.InvoiceTotal: "", sale.Date: ""}),
		with(map[sale.Column]string{sale.InvoiceID: "e", sale.Color: strings.Repeat("ü", wide), sale.Size: `6" 'x'`, sale.PaymentMethod: "现金, 支付"}))
	f.lines(rows...)
	s := l.importFiles(f)
	transactions := s.Tables[len(s.Tables)-1]
	if transactions.Read != int64(len(rows)) || transactions.Rejected != int64(len(bad)) || transactions.Inserted != int64(len(rows)-len(bad)) {
		t.Errorf("got %+v", transactions)
	}
	l.same("SELECT source, business_key, reason FROM dw.etl_reject", want...)
	l.sourceSame("SELECT [Quantity], [Date], [Line Total] FROM dbo.transactions WHERE [Invoice ID] = 'c'", "2|2024-12-28 09:56:00|-999999999999.999999")
	l.sourceSame("SELECT CASE WHEN [Unit Price] IS NULL AND [Date] IS NULL THEN 1 ELSE 0 END, [Line Total], [Discount] FROM dbo.transactions WHERE [Invoice ID] = 'd'", "1|7.5|0")
	l.sourceSame("SELECT [Color], [Size], [Payment Method] FROM dbo.transactions WHERE [Invoice ID] = 'e'", strings.Repeat("ü", wide)+`|6" 'x'|现金, 支付`)
	again := l.importFiles(f)
	if again.Rejected != int64(len(bad)) || again.Inserted+again.Updated != 0 {
		t.Errorf("again: %+v", again)
	}
	l.same("SELECT COUNT(*) FROM dw.etl_reject", fmt.Sprint(len(bad)))
}

// The cashier's file lacks Currency Symbol, has Time, and a comma at the end.
func TestImportOfTheCashiersFile(t *testing.T) {
	l, f := newLab(t), newFiles(t, 3)
	f.write("transactions.csv", "\ufeffInvoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Time,Discount,Line Total,Store ID,Employee ID,Currency,SKU,Transaction Type,Payment Method,Invoice Total,\r\n"+
		"INV-DE-002-02091574,2,103340,16991,M,BLACK,44.5,1,2024-01-31,15:42:00,0,44.5,16,24,EUR,MASW16991-M-BLACK,Sale,Credit Card,60.42,\r\n")
	l.importFiles(f)
	l.sourceSame("SELECT [Date], [Currency Symbol], [SKU] FROM dbo.transactions", "2024-01-31 15:42:00|€|MASW16991-M-BLACK")
}

// A file that is none is an error that names it, and nothing of it is imported.
func TestImportOfBrokenFiles(t *testing.T) {
	l := newLab(t)
	const header = "Store ID,Country,City,Store Name,Number of Employees,ZIP Code,Latitude,Longitude\n"
	for name, test := range map[string]struct {
		text string // of stores.csv; - takes it away
		want []string
	}{
		"missing":         {"-", []string{"stores.csv", "no such file"}},
		"empty":           {"", []string{"stores.csv", "it is empty"}},
		"no column":       {strings.Replace(header, "City", "Town", 1) + "1,US,a,b,1,1,1,1\n", []string{"stores.csv, line 1", `no column "City"`}},
		"column twice":    {strings.Replace(header, "Latitude", "City", 1), []string{"stores.csv, line 1", `"City" twice`}},
		"semicolons":      {strings.ReplaceAll(header, ",", ";"), []string{"stores.csv, line 1", `separated by ";"`}},
		"UTF-16":          {"\xff\xfeS\x00", []string{"stores.csv", "UTF-16"}},
		"Windows":         {header + "1,US,M\xfcnchen,b,1,1,1,1\n", []string{"stores.csv, line 2", "not UTF-8"}},
		"cut off":         {header + "1,US,a,b,1,1,1,1\n2,US,M\xc3", []string{"stores.csv, line 3", "not UTF-8"}},
		"NUL":             {header + "1,US,a,b,1,1,1,1\n2,US,a\x00,b,1,1,1,1\n", []string{"stores.csv, line 3", "NUL"}},
		"broken quote":    {header + "1,US,\"a,b,1,1,1,1\n", []string{"stores.csv, line 2", "quote"}},
		"zip":             {"PK\x03\x04", []string{"stores.csv", "zip"}},
		"gzip":            {"\x1f\x8b", []string{"stores.csv", "gzip"}},
		"rows then break": {header + strings.Repeat("1,US,a,b,1,1,1,1\n", 2) + "x\"y\n", []string{"stores.csv, line 4", "quote"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFiles(t, 2)
			if test.text == "-" {
				if err := os.Remove(filepath.Join(f.dir, "stores.csv")); err != nil {
					t.Fatal(err)
				}
			} else {
				f.write("stores.csv", test.text)
			}
			_, err := Import(t.Context(), l.cfg, f.dir)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			l.sourceSame("SELECT COUNT(*) FROM dbo.stores", "0")
		})
	}
	// It can be put right.
	l.importFiles(newFiles(t, 2))
	l.sourceSame("SELECT COUNT(*) FROM dbo.stores", "2")
}

// A header alone is a file without rows.
func TestImportOfNoRows(t *testing.T) {
	l, f := newLab(t), newFiles(t, 0)
	if s := l.importFiles(f); s.Read+s.Inserted != 0 || s.NetUSD != "0.00" {
		t.Errorf("got %+v", s)
	}
}

// The predecessor's source is not changed.
func TestImportLeavesForeignTablesAlone(t *testing.T) {
	l := predecessorLab(t, "CREATE TABLE dbo.transactions ([Invoice ID] NVARCHAR(20), [Line] INT)")
	_, err := Import(t.Context(), l.cfg, newFiles(t, 1).dir)
	if err == nil || !strings.Contains(err.Error(), "not made by tillstream") {
		t.Errorf("got %v", err)
	}
	l.sourceSame("SELECT COUNT(*) FROM dbo.transactions", "0")
}

func TestImportThatIsStopped(t *testing.T) {
	l, f := newLab(t), newFiles(t, 200)
	ctx, cancel := context.WithCancel(t.Context())
	cfg := l.cfg
	cfg.Progress = func(stage string, _, _ int64) {
		if strings.HasPrefix(stage, "transactions: committing") || strings.HasPrefix(stage, "transactions: inserting") {
			cancel()
		}
	}
	if _, err := Import(ctx, cfg, f.dir); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	l.sourceSame("SELECT COUNT(*) FROM dbo.transactions", "0")
	l.same("SELECT step, status, detail FROM dw.etl_run WHERE step = 'import'", "import|interrupted|it was told to stop")
	l.importFiles(f)
	l.sourceSame("SELECT COUNT(*) FROM dbo.transactions", "200")
	if left, err := stageTables(t.Context(), l.source, stepImport); len(left) > 0 || err != nil {
		t.Errorf("left in the stage: %v, %v", left, err)
	}
}

// What is no text is found wherever the blocks are cut in which a file is read, and
// what is text is not suspected.
func TestSuspectText(t *testing.T) {
	const text = "München,北京,€,x\n"
	for size := 1; size <= len(text); size++ {
		for _, test := range []struct {
			text    string
			suspect bool
		}{{text, false}, {text + "\x00" + text, true}, {text + "\xff" + text, true}, {text + "\xc3" + text, true}, {"\x80" + text, true}, {text + "\xe5\x8c", true}} {
			c := &countingReader{r: strings.NewReader(test.text)}
			for block := make([]byte, size); ; {
				if _, err := c.Read(block); err != nil {
					break
				}
			}
			if got := c.suspect || len(c.cut) > 0; got != test.suspect || c.n != int64(len(test.text)) {
				t.Errorf("%q in blocks of %d bytes: suspect %v, %d bytes", test.text, size, got, c.n)
			}
		}
	}
}

func TestAmounts(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.5": "0.5", ".5": "0.5", "-12.30": "-12.3", "007": "7", "+1": "1", "5.": "5",
		"999999999999.999999": "999999999999.999999", "0.000001": "0.000001", "0.0000010": "0.000001", "-0.000000": "0",
		"1000000000000": "", "0.0000001": "", "1e2": "", "": "", "-": "", ".": "", "1,5": "", "1.2.3": "", "0x1": "", "١": "", "1 1": "",
		"00000000000000000000000001": "",
	} {
		got, ok := canonicalAmount(text)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q is written %q, %v; want %q", text, got, ok, want)
		}
		micros, ok := amountMicros(text)
		if ok != (want != "") {
			t.Errorf("%q: %v", text, ok)
		}
		if ok {
			if again, _ := amountMicros(want); again != micros {
				t.Errorf("%q is %d millionths, %q is %d", text, micros, want, again)
			}
		}
	}
	if n, _ := amountMicros("-12.345678"); n != -12_345_678 {
		t.Errorf("-12.345678 is %d millionths", n)
	}
}

func FuzzAmounts(f *testing.F) {
	for _, text := range []string{"1", "-0.5", "12.345678", "+007.50", "999999999999.999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		written, ok1 := canonicalAmount(text)
		micros, ok2 := amountMicros(text)
		if ok1 != ok2 {
			t.Fatalf("%q is an amount: %v and %v", text, ok1, ok2)
		}
		if !ok1 {
			return
		}
		if again, ok := canonicalAmount(written); !ok || again != written {
			t.Fatalf("%q is written %q, and that %q", text, written, again)
		}
		if again, _ := amountMicros(written); again != micros {
			t.Fatalf("%q is %d millionths, but written %q it is %d", text, micros, written, again)
		}
	})
}

// Sums are exact beyond 64 bits.
func TestExactSum(t *testing.T) {
	var a exactSum
	for range 5 {
		a.add(1 << 62)
		a.add(1<<63 - 1)
		a.add(-1 << 63)
	}
	if sum := a.sum(); sum.String() != "23058430092136939515" {
		t.Errorf("got %s", sum.String())
	}
}
