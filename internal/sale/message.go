package sale

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendMessage appends the line's Kafka message value to dst: one JSON object
// with the 19 published names as keys and every value a string. Text that is not
// UTF-8 is an error.
func AppendMessage(dst []byte, row *Row) ([]byte, error) {
	for i, name := range Columns {
		if i == 0 {
			dst = append(dst, '{', '"')
		} else {
			dst = append(dst, ',', '"')
		}
		dst = append(dst, name...)
		dst = append(dst, '"', ':')
		var err error
		if dst, err = jsontext.AppendQuote(dst, row[i]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// Decoder reads message values. It is not safe for concurrent use: each
// goroutine has its own.
type Decoder struct {
	buffer bytes.Buffer
	json   *jsontext.Decoder
}

// NewDecoder returns a decoder.
func NewDecoder() *Decoder { return &Decoder{json: jsontext.NewDecoder(&bytes.Buffer{})} }

// Decode reads one message value into row: a JSON object with the published
// column names as keys and strings, numbers or null as values. The key Time is
// joined to Date, a missing Currency Symbol is filled from Currency, and other
// keys are passed over. The row's text shares the memory of value, which must not
// change as long as the row is in use.
//
// The error is a *Reject with the reason NotJSON or BadText.
func (d *Decoder) Decode(value []byte, row *Row) error {
	*row = Row{}
	clock, ok := decodePlain(value, row)
	if !ok {
		*row = Row{}
		var err error
		if clock, err = d.decodeJSON(value, row); err != nil {
			return err
		}
	}
	row.complete(clock)
	return nil
}

// decodeJSON reads any JSON object into an empty row, and returns the value of
// the key Time.
func (d *Decoder) decodeJSON(value []byte, row *Row) (clock string, err error) {
	d.buffer = *bytes.NewBuffer(value)
	d.json.Reset(&d.buffer,
		jsontext.AllowDuplicateNames(true)) // the last one wins, as in Python
	token, err := d.json.ReadToken()
	if err != nil {
		return "", notJSON(err)
	}
	if token.Kind() != jsontext.BeginObject.Kind() {
		return "", &Reject{NotJSON, "the message is JSON, but not an object"}
	}
	for d.json.PeekKind() != jsontext.EndObject.Kind() {
		name, err := d.text(value)
		if err != nil {
			return "", err
		}
		column, known := ColumnNamed(name)
		if !known && name != TimeColumn {
			if err := d.json.SkipValue(); err != nil {
				return "", notJSON(err)
			}
			continue
		}
		text, err := d.text(value)
		if err != nil {
			return "", err
		}
		if known {
			row[column] = text
		} else {
			clock = text
		}
	}
	if _, err := d.json.ReadToken(); err != nil {
		return "", notJSON(err)
	}
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		return "", &Reject{NotJSON, "something follows the JSON object"}
	}
	return clock, nil
}

// text reads the next value as text: a string's content, a number's digits, or
// nothing for null.
func (d *Decoder) text(message []byte) (string, error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return "", notJSON(err)
	}
	// The value is at the same place in the message, whose memory, unlike the
	// decoder's, is not used again.
	end := d.json.InputOffset()
	raw = message[end-int64(len(raw)) : end]
	switch raw[0] {
	case '"':
		if bytes.IndexByte(raw, '\\') < 0 {
			return view(raw[1 : len(raw)-1]), nil
		}
		unquoted, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return "", notJSON(err)
		}
		if bytes.IndexByte(unquoted, 0) >= 0 {
			return "", &Reject{BadText, "a value holds a NUL character"}
		}
		return view(unquoted), nil
	case 'n':
		return "", nil
	case 't', 'f', '{', '[':
		return "", &Reject{NotJSON, fmt.Sprintf("a column's value must be a string or a number, not %.20s", raw)}
	}
	return view(raw), nil
}

// view returns the bytes as a string without copying them. Nobody may change
// them afterwards.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// complete fills in what older producers leave out: the time of day from their
// Time column, and the currency's sign.
func (row *Row) complete(clock string) {
	if clock != "" && row[Date] != "" && !strings.ContainsAny(row[Date], " T:") {
		row[Date] += " " + clock
	}
	if row[CurrencySymbol] == "" {
		row[CurrencySymbol] = SymbolOf(row[Currency])
	}
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) {
		return &Reject{NotJSON, "the message is empty"}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &Reject{NotJSON, "the JSON ends in the middle"}
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) && syntax.Err != nil {
		return &Reject{NotJSON, fmt.Sprintf("%v at byte %d", syntax.Err, syntax.ByteOffset)}
	}
	return &Reject{NotJSON, err.Error()}
}
