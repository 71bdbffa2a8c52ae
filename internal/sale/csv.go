package sale

import (
	"bytes"
	"strings"
)

// AppendHeader appends the CSV's first line: the published names.
func AppendHeader(dst []byte) []byte { return AppendRecord(dst, (*Row)(&Columns)) }

// AppendRecord appends the row as a CSV record by RFC 4180: quoted where it must
// be, ended by CR LF. Space at either end of a field is quoted too, since some
// readers trim it.
func AppendRecord(dst []byte, row *Row) []byte {
	begin, spaced := len(dst), false
	for _, text := range row {
		dst = append(dst, text...)
		dst = append(dst, ',')
		spaced = spaced || text != "" && (text[0] == ' ' || text[len(text)-1] == ' ')
	}
	// Hardly any line needs quotes: looking at the whole record once, with what
	// the processor has for it, is quicker than at each field.
	if record := dst[begin:]; !spaced && bytes.Count(record, []byte{','}) == NumColumns &&
		bytes.IndexByte(record, '"') < 0 && bytes.IndexByte(record, '\n') < 0 && bytes.IndexByte(record, '\r') < 0 {
		dst[len(dst)-1] = '\r' // for the comma after the last field
		return append(dst, '\n')
	}
	dst = dst[:begin]
	for i, text := range row {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(dst, text)
	}
	return append(dst, '\r', '\n')
}

func appendField(dst []byte, text string) []byte {
	if !needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		before, after, found := strings.Cut(text, `"`)
		dst = append(dst, before...)
		if !found {
			return append(dst, '"')
		}
		dst = append(dst, '"', '"')
		text = after
	}
}

// needsQuotes reports whether a field must be quoted.
func needsQuotes(text string) bool {
	return strings.ContainsAny(text, ",\"\r\n") ||
		text != "" && (text[0] == ' ' || text[len(text)-1] == ' ')
}

// ScanStatus says what ScanRecord found.
type ScanStatus int

// What there can be at a place in a CSV.
const (
	Whole  ScanStatus = iota // a record and its line end
	Torn                     // the data ends before the record does
	Broken                   // something that is no record of 19 fields
)

// ScanRecord reads the CSV record that data begins with into row, and returns how
// many bytes it takes with its line end (LF or CR LF). The text shares the memory
// of data. Torn and Broken records take no bytes.
func ScanRecord(data []byte, row *Row) (n int, status ScanStatus) {
	for column := range row {
		var text []byte
		if n < len(data) && data[n] == '"' {
			var size int
			text, size, status = scanQuoted(data[n:])
			if status != Whole {
				return 0, status
			}
			n += size
		} else {
			start := n
			for n < len(data) && data[n] != ',' && data[n] != '\n' {
				if data[n] == '"' || data[n] == 0 {
					return 0, Broken
				}
				n++
			}
			text = data[start:n]
			if n < len(data) && data[n] == '\n' && len(text) > 0 && text[len(text)-1] == '\r' {
				text = text[:len(text)-1]
				n--
			}
		}
		row[column] = view(text)
		last := column == NumColumns-1
		switch {
		case n == len(data):
			return 0, Torn
		case !last && data[n] == ',':
			n++
		case last && data[n] == '\n':
			return n + 1, Whole
		case last && data[n] == '\r' && n+1 == len(data):
			return 0, Torn
		case last && data[n] == '\r' && data[n+1] == '\n':
			return n + 2, Whole
		default:
			return 0, Broken
		}
	}
	panic("unreachable: the last column ends the record")
}

// scanQuoted reads the quoted field that data begins with; size counts both
// quotes.
func scanQuoted(data []byte) (text []byte, size int, status ScanStatus) {
	escaped := false
	for i := 1; ; i++ {
		end := bytes.IndexByte(data[i:], '"')
		if end < 0 {
			return nil, 0, Torn
		}
		i += end
		if i+1 < len(data) && data[i+1] == '"' {
			escaped = true
			i++
			continue
		}
		text = data[1:i]
		if bytes.IndexByte(text, 0) >= 0 {
			return nil, 0, Broken
		}
		if escaped {
			text = bytes.ReplaceAll(text, []byte(`""`), []byte(`"`))
		}
		return text, i + 1, Whole
	}
}
