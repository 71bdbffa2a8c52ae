package generator

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var fileNames = []string{"stores.csv", "employees.csv", "products.csv", "discounts.csv", "customers.csv", "transactions.csv"}

// What data/sample holds, and how to make it anew.
var (
	update = flag.Bool("update", false, "write data/sample and data/stores.csv anew")
	sample = Config{Lines: 2000, Seed: 1}
)

const dataDir = "../../data"

func TestSampleIsCurrent(t *testing.T) {
	if *update {
		if _, err := Generate(context.Background(), filepath.Join(dataDir, "sample"), sample, nil); err != nil {
			t.Fatal(err)
		}
		stores, err := os.ReadFile(filepath.Join(dataDir, "sample", "stores.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dataDir, "stores.csv"), stores, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir, _ := generate(t, sample)
	for _, name := range fileNames {
		sameFile(t, filepath.Join(dataDir, "sample", name), filepath.Join(dir, name))
	}
	sameFile(t, filepath.Join(dataDir, "stores.csv"), filepath.Join(dir, "stores.csv"))
}

func sameFile(t *testing.T, committed, made string) {
	t.Helper()
	want, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the generator makes: run go generate ./internal/generator", committed)
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	cfg := Config{Lines: 20_000, Seed: 7}
	one, _ := generate(t, cfg)
	two, _ := generate(t, cfg)
	cfg.Seed = 8
	other, _ := generate(t, cfg)
	for _, name := range fileNames {
		a, _ := os.ReadFile(filepath.Join(one, name))
		b, _ := os.ReadFile(filepath.Join(two, name))
		c, _ := os.ReadFile(filepath.Join(other, name))
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s: the same seed gave different bytes", name)
		}
		// Stores and campaigns are facts of the business, not of the seed.
		if differs := !bytes.Equal(a, c); differs != (name != "stores.csv" && name != "discounts.csv") {
			t.Errorf("%s: differs with another seed: %v", name, differs)
		}
	}
}

func TestHeadersAsPublished(t *testing.T) {
	dir, sum := generate(t, Config{Lines: 1000, Seed: 3})
	for name, want := range map[string]string{
		"transactions.csv": "Invoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Discount,Line Total,Store ID,Employee ID,Currency,Currency Symbol,SKU,Transaction Type,Payment Method,Invoice Total",
		"stores.csv":       "Store ID,Country,City,Store Name,Number of Employees,ZIP Code,Latitude,Longitude",
		"employees.csv":    "Employee ID,Store ID,Name,Position",
		"discounts.csv":    "Start,End,Discont,Description,Category,Sub Category",
		"products.csv":     "Product ID,Category,Sub Category,Description PT,Description DE,Description FR,Description ES,Description EN,Description ZH,Color,Sizes,Production Cost",
		"customers.csv":    "Customer ID,Name,Email,Telephone,City,Country,Gender,Date Of Birth,Job Title",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if head, _, _ := strings.Cut(string(data), "\n"); head != want {
			t.Errorf("%s: header %q, want %q", name, head, want)
		}
		_, rows := records(t, dir, name)
		for _, f := range sum.Files {
			if f.Name == name && (f.Rows != int64(len(rows)) || f.Bytes != int64(len(data))) {
				t.Errorf("%s: summary says %d rows, %d bytes; the file has %d, %d", name, f.Rows, f.Bytes, len(rows), len(data))
			}
		}
	}
	if _, rows := records(t, dir, "stores.csv"); len(rows) != 35 {
		t.Errorf("%d stores, want 35", len(rows))
	}
	if _, rows := records(t, dir, "employees.csv"); len(rows) != 404 {
		t.Errorf("%d employees, want 404", len(rows))
	}
}

func TestSummaryIsWhatTheFileHolds(t *testing.T) {
	dir, sum := generate(t, Config{Lines: 30_000, Seed: 5})
	_, rows := records(t, dir, "transactions.csv")
	var returns int64
	invoices := map[string]bool{}
	sales, refunds := map[string]int64{}, map[string]int64{}
	for _, r := range rows {
		invoices[r[0]] = true
		if c := cents(t, r[10]); r[16] == "Return" {
			returns++
			refunds[r[13]] -= c
		} else {
			sales[r[13]] += c
		}
	}
	if sum.Lines != 30_000 || sum.Invoices != int64(len(invoices)) || sum.Returns != returns {
		t.Errorf("summary %+v; the file has %d invoices and %d return lines", sum, len(invoices), returns)
	}
	for c, total := range sum.Totals {
		for what, pair := range map[string][2]string{
			"sales":   {total.Sales, string(appendTotal(nil, sales[c]))},
			"refunds": {total.Refunds, string(appendTotal(nil, refunds[c]))},
			"net":     {total.Net, string(appendTotal(nil, sales[c]-refunds[c]))},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s %s: summary says %s, the file sums to %s", c, what, pair[0], pair[1])
			}
		}
	}
	if len(sum.Totals) != 4 {
		t.Errorf("totals of %d currencies, want 4", len(sum.Totals))
	}
}

func TestErrorsNameThePath(t *testing.T) {
	notADir := filepath.Join(t.TempDir(), "occupied")
	if err := os.WriteFile(notADir, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Generate(context.Background(), filepath.Join(notADir, "out"), Config{Lines: 10}, nil)
	if err == nil || !strings.Contains(err.Error(), notADir) {
		t.Errorf("a file in the way of the directory: %v", err)
	}

	dir := t.TempDir()
	inTheWay := filepath.Join(dir, "transactions.csv")
	if err := os.MkdirAll(filepath.Join(inTheWay, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Generate(context.Background(), dir, Config{Lines: 10}, nil)
	if err == nil || !strings.Contains(err.Error(), inTheWay) {
		t.Errorf("a directory in the way of a file: %v", err)
	}
	noLeftovers(t, dir)
}

func TestCancelLeavesNoHalfFile(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Generate(ctx, dir, Config{Lines: 100_000}, func(int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "transactions.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a half transactions.csv was left: %v", err)
	}
	noLeftovers(t, dir)
}

func noLeftovers(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.tmp")); len(left) > 0 {
		t.Errorf("temporary files were left: %v", left)
	}
}

func TestProgressEndsAtLines(t *testing.T) {
	var last, calls int64
	if _, err := Generate(context.Background(), t.TempDir(), Config{Lines: 20_000}, func(n int64) {
		if n < last {
			t.Errorf("progress went from %d to %d", last, n)
		}
		last = n
		calls++
	}); err != nil {
		t.Fatal(err)
	}
	if last != 20_000 || calls < 3 {
		t.Errorf("progress ended at %d after %d calls", last, calls)
	}
}

func TestConfigThatCannotBe(t *testing.T) {
	start := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	for name, cfg := range map[string]Config{
		"negative":  {Lines: -1},
		"too many":  {Lines: maxLines + 1},
		"empty":     {Lines: 1, Start: start, End: start},
		"backwards": {Lines: 1, Start: start, End: start.AddDate(0, 0, -1)},
	} {
		if _, err := NewTransactions(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Generate(context.Background(), t.TempDir(), Config{}, nil); err == nil {
		t.Error("files without an end: no error")
	}
}
