package producer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"tillstream/internal/sale"
)

// damagedRow changes a line so that it is still a whole JSON object, but no line
// that can be used.
type damagedRow struct {
	name   string
	change func(*sale.Row)
}

// damagedBytes turns a good message into one that is no JSON object of strings.
// It gets a copy that it may change.
type damagedBytes struct {
	name   string
	change func(message []byte, row *sale.Row, random *rand.Rand) []byte
}

// What goes wrong between a till and a topic: half a line, a field that the till's
// software left out, a foreign decimal comma, a proxy's error page.
var damagedRows = []damagedRow{
	{"no invoice number", func(r *sale.Row) { r[sale.InvoiceID] = "" }},
	{"no line number", func(r *sale.Row) { r[sale.LineNumber] = "" }},
	{"line number in words", func(r *sale.Row) { r[sale.LineNumber] = "first" }},
	{"no store", func(r *sale.Row) { r[sale.StoreID] = "" }},
	{"no quantity", func(r *sale.Row) { r[sale.Quantity] = "" }},
	{"quantity zero", func(r *sale.Row) { r[sale.Quantity] = "0" }},
	{"quantity in words", func(r *sale.Row) { r[sale.Quantity] = "one" }},
	{"no line total", func(r *sale.Row) { r[sale.LineTotal] = "" }},
	{"line total not a number", func(r *sale.Row) { r[sale.LineTotal] = "NaN" }},
	{"line total with a decimal comma", func(r *sale.Row) {
		r[sale.LineTotal] = strings.Replace(r[sale.LineTotal], ".", ",", 1) + ",-"
	}},
	{"no currency", func(r *sale.Row) { r[sale.Currency], r[sale.CurrencySymbol] = "", "" }},
	{"unknown currency", func(r *sale.Row) { r[sale.Currency], r[sale.CurrencySymbol] = "XXX", "¤" }},
	{"broken date", func(r *sale.Row) { r[sale.Date] = "2025-13-45 25:61:99" }},
}

var damagedMessages = []damagedBytes{
	{"nothing", func(m []byte, _ *sale.Row, _ *rand.Rand) []byte { return m[:0] }},
	{"tombstone", func([]byte, *sale.Row, *rand.Rand) []byte { return nil }},
	{"cut off", func(m []byte, _ *sale.Row, random *rand.Rand) []byte { return m[:1+random.IntN(len(m)-1)] }},
	{"not JSON but CSV", func(_ []byte, r *sale.Row, _ *rand.Rand) []byte { return []byte(strings.Join(r[:], ",")) }},
	{"an error page", func([]byte, *sale.Row, *rand.Rand) []byte {
		return []byte("<html><body><h1>502 Bad Gateway</h1></body></html>")
	}},
	{"an array of the amounts", func(_ []byte, r *sale.Row, _ *rand.Rand) []byte {
		return fmt.Appendf(nil, `["%s","%s"]`, r[sale.Quantity], r[sale.LineTotal])
	}},
	{"null", func([]byte, *sale.Row, *rand.Rand) []byte { return []byte("null") }},
	{"an object in an array", func(m []byte, _ *sale.Row, _ *rand.Rand) []byte { return append(append([]byte("["), m...), ']') }},
	{"two objects", func(m []byte, _ *sale.Row, _ *rand.Rand) []byte { return append(m, m...) }},
	{"bytes that are not UTF-8", func(m []byte, _ *sale.Row, _ *rand.Rand) []byte {
		// In the amount, so that a reader that lets such bytes pass has no number
		// either.
		return bytes.Replace(m, []byte(`"Line Total":"`), []byte("\"Line Total\":\"\xff\xfe"), 1)
	}},
	{"an object as the amount", func(m []byte, _ *sale.Row, _ *rand.Rand) []byte {
		return bytes.Replace(m, []byte(`"Line Total":`), []byte(`"Line Total":{},"Amount":`), 1)
	}},
	{"control characters", func(m []byte, _ *sale.Row, _ *rand.Rand) []byte {
		return bytes.Replace(m, []byte(`"Quantity":"`), []byte("\"Quantity\":\"\x00\x07"), 1)
	}},
}

// damage makes messages that cannot be used from lines that can.
type damage struct {
	random *rand.Rand
	made   int64
}

// of returns a damaged copy of a line, as key and value of its message. It has an
// invoice number of its own (no published one has a letter in its counter), so
// that nobody takes it for a changed version of the good line.
func (d *damage) of(line *sale.Row) (key string, value []byte, err error) {
	d.made++
	row := *line
	id := row[sale.InvoiceID]
	row[sale.InvoiceID] = fmt.Sprintf("%sX%08d", id[:strings.LastIndexByte(id, '-')+1], d.made)
	kind := d.random.IntN(len(damagedRows) + len(damagedMessages))
	if kind < len(damagedRows) {
		damagedRows[kind].change(&row)
		value, err = sale.AppendMessage(nil, &row)
		return row[sale.InvoiceID], value, err
	}
	message, err := sale.AppendMessage(nil, &row)
	if err != nil {
		return "", nil, err
	}
	return row[sale.InvoiceID], damagedMessages[kind-len(damagedRows)].change(message, &row, d.random), nil
}
