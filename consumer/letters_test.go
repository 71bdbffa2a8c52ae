package consumer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"tillstream/internal/sale"
)

// badValues are messages that cannot be used, by the reason.
func badValues(t testing.TB) map[sale.Reason][]string {
	t.Helper()
	with := func(column sale.Column, text string) string {
		row := saleRow(900_000)
		row[column] = text
		value, err := sale.AppendMessage(nil, &row)
		if err != nil {
			t.Fatal(err)
		}
		return string(value)
	}
	whole := with(sale.Size, "M")
	return map[sale.Reason][]string{
		sale.NotJSON:         {"", "hello", "[1]", whole[:len(whole)/2], whole + "x", "\xff\xfe", `{"Invoice ID":true}`},
		sale.BadText:         {with(sale.Color, "a\x00b"), with(sale.Color, strings.Repeat("x", sale.MaxText+1))},
		sale.MissingColumn:   {"{}", with(sale.InvoiceID, ""), with(sale.LineTotal, ""), with(sale.StoreID, "")},
		sale.BadLine:         {with(sale.LineNumber, "0"), with(sale.LineNumber, "first")},
		sale.BadQuantity:     {with(sale.Quantity, "-1"), with(sale.Quantity, "1.5")},
		sale.BadAmount:       {with(sale.LineTotal, "ten"), with(sale.LineTotal, "1e5")},
		sale.BadDate:         {with(sale.Date, "2025-02-30"), with(sale.Date, "yesterday")},
		sale.BadType:         {with(sale.TransactionType, "Gift")},
		sale.UnknownCurrency: {with(sale.Currency, "JPY")},
		sale.UnknownCountry:  {strings.Replace(with(sale.StoreID, "999"), `"INV-`, `"X`, 1)},
	}
}

// What cannot be used goes to the dead-letter topic as it was, with its reason and
// where it came from, and the good lines around it are not touched.
func TestEveryRejectIsADeadLetter(t *testing.T) {
	t.Parallel()
	kafka := startKafka(t, 3)
	rows := saleRows(0, 90)
	kafka.send(t, recordsOf(t, rows[:45], 3)...)
	type origin struct{ key, value, reason, headers string }
	want := make(map[string]origin) // by partition and offset
	counts := make(map[sale.Reason]float64)
	n := 0
	for reason, values := range badValues(t) {
		for _, value := range values {
			r := bad(n%3, value)
			r.Headers = []kgo.RecordHeader{{Key: "traceparent", Value: []byte(fmt.Sprint("trace ", n))}, {Key: "empty"}}
			switch {
			case n%4 == 0:
				r.Key = nil
			case value == "":
				r.Value = nil // Kafka's null
			}
			kafka.send(t, r)
			want[fmt.Sprint(r.Partition, r.Offset)] = origin{string(r.Key), value, string(reason), fmt.Sprint("trace ", n)}
			counts[reason]++
			n++
		}
	}
	kafka.send(t, recordsOf(t, rows[45:], 3)...)
	cfg := configFor(t, kafka)
	cfg.Partitions = 2 // of the dead-letter topic, which is made
	s := drain(t, cfg)
	sameSet(t, readCSV(t, cfg.Out), rows)
	if s.Rejected != int64(n) || s.DeadLetters != int64(n) || s.Consumed != int64(n+90) {
		t.Errorf("the summary is %+v, with %d rejects", s, n)
	}
	for _, reason := range sale.Reasons {
		if counts[reason] == 0 {
			t.Errorf("no message has the reason %s", reason)
		}
		if got := metric(t, cfg, "rejected_lines_total", "reason", string(reason)); got != counts[reason] {
			t.Errorf("rejected_lines_total{reason=%q} is %v, want %v", reason, got, counts[reason])
		}
	}
	if got := metric(t, cfg, "dead_letters_total"); got != float64(n) {
		t.Errorf("dead_letters_total is %v, want %d", got, n)
	}
	letters := kafka.letters(t)
	if len(letters) != n {
		t.Errorf("%d dead letters, want %d", len(letters), n)
	}
	for _, l := range letters {
		at := headerOf(l, "dead-letter-partition") + " " + headerOf(l, "dead-letter-offset")
		got := origin{string(l.Key), string(l.Value), headerOf(l, "dead-letter-reason"), headerOf(l, "traceparent")}
		if w, ok := want[at]; !ok || got != w {
			t.Errorf("the letter of %s is %+v, want %+v", at, got, w)
		}
		if headerOf(l, "dead-letter-topic") != topic || !slices.ContainsFunc(l.Headers, func(h kgo.RecordHeader) bool { return h.Key == "empty" }) {
			t.Errorf("the headers are %v", l.Headers)
		}
		delete(want, at)
	}
	mustNotDiffer(t, "committed", kafka.committed(t, 3), kafka.ends(topic))
}
