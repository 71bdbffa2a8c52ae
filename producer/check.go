package producer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const utf8BOM = "\ufeff"

// magics are the beginnings of files that people take for CSV.
var magics = []struct{ begins, what, hint string }{
	{"\xff\xfe", "it is UTF-16, not UTF-8", "convert it: iconv -f UTF-16 -t UTF-8 %s > utf8.csv"},
	{"\xfe\xff", "it is UTF-16, not UTF-8", "convert it: iconv -f UTF-16 -t UTF-8 %s > utf8.csv"},
	{"\x1f\x8b", "it is compressed with gzip", "unpack it: gunzip -k %s"},
	{"PK\x03\x04", "it is an Excel workbook or a zip archive", `save the sheet as "CSV UTF-8", or unzip %s`},
}

func checkMagic(name string, head []byte) error {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.begins)) {
			return &SourceError{File: name, What: m.what, Hint: fmt.Sprintf(m.hint, name)}
		}
	}
	return nil
}

func encodingError(name string, line int) error {
	return &SourceError{File: name, Line: line, What: "it is not UTF-8",
		Hint: fmt.Sprintf("convert it, if it comes from Windows: iconv -f WINDOWS-1252 -t UTF-8 %s > utf8.csv", name)}
}

func binaryError(name string, line int) error {
	return &SourceError{File: name, Line: line, What: "it is not text: there is a NUL byte", Hint: hintCSV}
}

// checkText reads the whole of r and finds what would make reading it as CSV fail
// in the middle: bytes that are not UTF-8, NUL bytes, broken quotes. It is far
// faster than parsing, since all of it is searched with vector instructions.
func checkText(name string, r io.Reader) error {
	return checkBlocks(name, r, make([]byte, readBuffer))
}

func checkBlocks(name string, r io.Reader, buffer []byte) error {
	var (
		quotes quoteChecker
		kept   int    // bytes at the front: a rune that the last block cut in two
		line   = 1    // of the block's first byte
		first  = true // nothing was read yet
		block  []byte // what is checked now
		atEOF  bool   //
		broken = func(at int, err func(string, int) error) error {
			return err(name, line+bytes.Count(block[:at], newline))
		}
	)
	for !atEOF {
		n, err := io.ReadFull(r, buffer[kept:])
		atEOF = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !atEOF {
			return openError(name, err)
		}
		block = buffer[:kept+n]
		if first {
			if err := checkMagic(name, block); err != nil {
				return err
			}
			first = false
		}
		whole := len(block)
		if !atEOF {
			whole -= cutRune(block)
		}
		if at := bytes.IndexByte(block, 0); at >= 0 {
			return broken(at, binaryError)
		}
		if !utf8.Valid(block[:whole]) {
			return broken(firstInvalid(block[:whole]), encodingError)
		}
		text := block[:whole]
		if line == 1 && quotes.isNew() {
			text = bytes.TrimPrefix(text, []byte(utf8BOM))
		}
		if !quotes.check(text, line) {
			return quoteError(name, quotes.began, nil)
		}
		line += bytes.Count(block[:whole], newline)
		kept = copy(buffer, block[whole:])
	}
	if !quotes.end() {
		return quoteError(name, quotes.began, nil)
	}
	return nil
}

var newline = []byte("\n")

// cutRune returns how many bytes at the end of a block may be the beginning of a
// rune that goes on in the next one.
func cutRune(block []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(block); n++ {
		if b := block[len(block)-n]; utf8.RuneStart(b) {
			if utf8.FullRune(block[len(block)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

func firstInvalid(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}

// quoteChecker knows, block after block, whether the quotes of a CSV text are
// those that encoding/csv accepts. A text without quotes costs it one search.
type quoteChecker struct {
	state quoteState
	last  byte // the byte before the block
	began int  // the line in which the open or broken record begins
}

type quoteState int

const (
	outside   quoteState = iota // not in a quoted field
	inside                      // in a quoted field
	maybeOver                   // just after a quote in a quoted field
	carriage                    // after that quote and a carriage return
)

func (q *quoteChecker) isNew() bool { return q.last == 0 }

// check reads the next block, which begins in the given line.
func (q *quoteChecker) check(block []byte, line int) bool {
	counted := 0 // how far lines were counted
	for i := 0; i < len(block); {
		switch q.state {
		case outside, inside:
			at := bytes.IndexByte(block[i:], '"')
			if at < 0 {
				i = len(block)
				continue
			}
			at += i
			i = at + 1
			if q.state == inside {
				q.state = maybeOver
				continue
			}
			before := q.last
			if at > 0 {
				before = block[at-1]
			}
			line += bytes.Count(block[counted:at], newline)
			counted, q.began = at, line
			if before != ',' && before != '\n' && before != 0 {
				return false
			}
			q.state = inside
		case maybeOver:
			switch block[i] {
			case '"':
				q.state = inside
			case ',', '\n':
				q.state = outside
			case '\r':
				q.state = carriage
			default:
				return false
			}
			i++
		case carriage:
			if block[i] != '\n' {
				return false
			}
			q.state = outside
			i++
		}
	}
	if len(block) > 0 {
		q.last = block[len(block)-1]
	}
	return true
}

// end says whether the text may end here.
func (q *quoteChecker) end() bool { return q.state != inside }
