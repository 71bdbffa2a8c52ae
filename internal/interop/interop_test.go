//go:build unix && kafka

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/kafkatest"
)

const header = "Invoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Discount,Line Total,Store ID," +
	"Employee ID,Currency,Currency Symbol,SKU,Transaction Type,Payment Method,Invoice Total\n"

// Three lines in two currencies. 1 / 0.92 and 0.23 / 0.92 are 1.086956(52...) and
// 0.25; 21.93 / 6.45 is 3.4.
const (
	sold     = "INV-DE-011-00000001,1,7,9,M,\"RED, DARK\",1.00,1,2025-03-01 10:00:00,0,1.00,11,110,EUR,€,FEBL9-M-RED,Sale,Cash,1.23\n"
	second   = "INV-DE-011-00000001,2,7,9,M,,0.23,2,2025-03-01 10:00:00,0,0.23,11,110,EUR,€,FEBL9-M-,Sale,Cash,1.23\n"
	returned = "RET-CN-006-00000002,1,8,9,M,,21.93,1,2025-03-01 11:00:00,0,-21.93,6,60,CNY,¥,MABL9-M-,Return,Cash,-21.93\n"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRecount(t *testing.T) {
	got, err := Recount(t.Context(), write(t, "live.csv", header+sold+second+returned))
	if err != nil {
		t.Fatal(err)
	}
	german := Sums{Rows: 2, ItemsSold: 3, SalesUSD: "1.34", RefundsUSD: "0.00", NetUSD: "1.34", NetMicroUSD: 1336957}
	chinese := Sums{Rows: 1, Returns: 1, ItemsReturned: 1, SalesUSD: "0.00", RefundsUSD: "3.40", NetUSD: "-3.40", NetMicroUSD: -3400000}
	want := &Recounted{
		Sums: Sums{
			Rows: 3, Returns: 1, ItemsSold: 3, ItemsReturned: 1,
			SalesUSD: "1.34", RefundsUSD: "3.40", NetUSD: "-2.06", NetMicroUSD: -2063043,
		},
		Invoices:  2,
		Countries: map[string]Sums{"DE": german, "CN": chinese},
		Months:    map[string]Sums{}, // nobody asked for them
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Recount = %+v, want %+v", got, want)
	}
}

func TestRecountCallsTheCashiersFileBySource(t *testing.T) {
	path := write(t, "source.csv", cashier)
	got, err := Recount(t.Context(), "--source", path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 2 || got.NetUSD != "85.12" {
		t.Errorf("Recount = %+v, want 2 rows of 85.12 USD", got)
	}
	if _, err := Recount(t.Context(), path); err == nil {
		t.Error("the cashier's header passes for the published one")
	}
}

func TestRecountFindsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"nothing at all":   {"", "no header"},
		"another header":   {strings.Replace(header, "Line,", "", 1) + sold, "has the header"},
		"torn in a field":  {header + sold + second[:len(second)/2], "no line end"},
		"torn in a quote":  {header + sold[:40] + "\n", "Error|unexpected end|is torn"},
		"torn and glued":   {header + second[:30] + sold, "is torn: it has"},
		"a hole":           {header + sold + strings.Replace(second, "0.23", "0\x0023", 1), "NUL"},
		"no amount":        {header + strings.Replace(sold, ",1.00,11,", ",,11,", 1), "Line Total"},
		"a float's words":  {header + strings.Replace(sold, ",1.00,11,", ",1e0,11,", 1), "Line Total"},
		"no invoice":       {header + strings.Replace(sold, "INV-DE", "", 1), "invoice number"},
		"a date's half":    {header + strings.Replace(sold, " 10:00:00", "", 1), "Date"},
		"no such currency": {header + strings.Replace(sold, "EUR", "XXX", 1), "Currency"},
		"a line twice":     {header + sold + second + sold, "there twice"},
		"a line as 01":     {header + sold + strings.Replace(sold, "01,1,", "01,01,", 1), "there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Recount(t.Context(), write(t, "live.csv", c.content))
			if err == nil {
				t.Fatalf("Recount = %+v, want an error", got)
			}
			if !regexp.MustCompile(c.want).MatchString(err.Error()) {
				t.Errorf("Recount = %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestRecountAcrossFiles(t *testing.T) {
	one, two := write(t, "a.csv", header+sold+second), write(t, "b.csv", header+returned+sold)
	if _, err := Recount(t.Context(), one, two); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("Recount = %v, want it to find the line of both files", err)
	}
	got, err := Recount(t.Context(), "--repeats-across-files", one, two)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 3 || got.Repeats != 1 || got.NetUSD != "-2.06" {
		t.Errorf("Recount = %+v, want 3 rows and 1 repeat", got)
	}
	twice := write(t, "c.csv", header+sold+sold)
	if _, err := Recount(t.Context(), "--repeats-across-files", one, twice); err == nil || !strings.Contains(err.Error(), "there twice") {
		t.Errorf("Recount = %v, want it to find the line that is twice in one file", err)
	}
}

// cashier is like the file that the original replays: stamped by the producer,
// no Currency Symbol, and a comma at the end of every row.
const cashier = "Invoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Time,Discount,Line Total,Store ID," +
	"Employee ID,Currency,SKU,Transaction Type,Payment Method,Invoice Total,\n" +
	"INV-US-002-00000001,2,10,16,M,BLACK,44.5,1,,,0,44.5,2,24,USD,MASW16-M-BLACK,Sale,Credit Card,60.42,\n" +
	"INV-US-003-00000002,1,16,17,P,\"MUSTARD \"\"É\"\"\",62.5,1,,,0.35,40.62,3,31,USD,CHGI17-P-MUSTARD,Sale,Cash,99.12,\n"

func TestPredecessor(t *testing.T) {
	broker := kafkatest.Start(t)

	t.Run("its producer", func(t *testing.T) {
		broker.CreateTopic(t, "old-producer", 4)
		out, err := output(Command(t, OldProducer, "--brokers", broker.Addr(), "--topic", "old-producer",
			"--source", write(t, "source.csv", cashier)))
		if err != nil || out != "2" {
			t.Fatalf("it ended with %v and printed %q, want 2", err, out)
		}
		messages := broker.Messages(t, "old-producer")
		if len(messages) != 2 {
			t.Fatalf("the topic holds %d messages, want 2", len(messages))
		}
		rows := make(map[string]map[string]string)
		for _, m := range messages {
			if m.Key != nil {
				t.Errorf("a message has the key %q, want none", m.Key)
			}
			var row map[string]string
			if err := json.Unmarshal(m.Value, &row); err != nil {
				t.Errorf("%s: %v; want an object of strings", m.Value, err)
			}
			rows[row["Invoice ID"]] = row
		}
		row := rows["INV-US-003-00000002"]
		if extra, found := row[""]; !found || extra != "" || len(row) != 20 {
			t.Errorf("the row is %v, want its 20 columns and the last of them nameless", row)
		}
		if row["Line Total"] != "40.62" || row["Color"] != "MUSTARD \"É\"" {
			t.Errorf("the row is %v, want the file's fields as they are", row)
		}
		if !regexp.MustCompile(`^\d{4}-\d\d-\d\d$`).MatchString(row["Date"]) ||
			!regexp.MustCompile(`^\d\d:\d\d:\d\d$`).MatchString(row["Time"]) {
			t.Errorf("the stamp is %q and %q, want a date and a time", row["Date"], row["Time"])
		}
	})

	t.Run("its consumer", func(t *testing.T) {
		broker.CreateTopic(t, "old-consumer", 4)
		names := strings.Split(strings.TrimSpace(header), ",")
		for _, line := range []string{second, returned} {
			row := make(map[string]string)
			for i, field := range strings.Split(strings.TrimSpace(line), ",") {
				row[names[i]] = field
			}
			value, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			broker.Produce(t, "old-consumer", kafka.Message{Key: []byte(row["Invoice ID"]), Value: value})
		}
		file := filepath.Join(t.TempDir(), "old.csv")
		args := []string{"--brokers", broker.Addr(), "--topic", "old-consumer", "--out", file, "--count", "2"}
		for _, group := range [][]string{nil, {"--group", "old"}} {
			if out, err := output(Command(t, OldConsumer, append(args, group...)...)); err != nil || out != "2" {
				t.Fatalf("it ended with %v and printed %q, want 2", err, out)
			}
			if got, err := Recount(t.Context(), file); err != nil || got.Rows != 2 || got.NetUSD != "-3.15" {
				t.Errorf("its file has %+v, %v; want 2 rows of -3.15 USD", got, err)
			}
		}
	})

	t.Run("its consumer refuses an unknown key", func(t *testing.T) {
		broker.CreateTopic(t, "unknown-key", 1)
		broker.Produce(t, "unknown-key", kafka.Message{Value: []byte(`{"Invoice ID":"INV-1","":""}`)})
		_, err := output(Command(t, OldConsumer, "--brokers", broker.Addr(), "--topic", "unknown-key",
			"--out", filepath.Join(t.TempDir(), "old.csv"), "--count", "1"))
		if err == nil || !strings.Contains(err.Error(), "ValueError") {
			t.Errorf("it ended with %v, want its ValueError", err)
		}
	})
}

func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
