package etl

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"tillstream/internal/sale"
)

// fileError is what is wrong with a file, for people.
type fileError struct {
	path string
	line int // 0 where it is about the whole file
	what string
	hint string
	err  error
}

func (e *fileError) Error() string {
	where := e.path
	if e.line > 0 {
		where += fmt.Sprintf(", line %d", e.line)
	}
	return "importing " + where + ": " + e.what + "; " + e.hint
}

func (e *fileError) Unwrap() error { return e.err }

const (
	hintNames = "the first line must name the columns as published, in any order"
	hintFiles = "the directory must hold the six published files; `tillstream generate` makes such a set"
)

// csvFile is one of the published files, read row by row.
type csvFile struct {
	path  string
	size  int64
	file  *os.File
	count *countingReader
	in    *csv.Reader
	at    []int // for each of the wanted columns its field, -1 where the file has none
	clock int   // the field Time, -1 where there is none
	row   []string
}

// countingReader knows how much was read, and whether there may be something in it
// that is no text. Looking at it block by block costs next to nothing; where it
// finds something, the rows from there on are looked at one by one.
type countingReader struct {
	r       io.Reader
	n       int64
	suspect bool
	cut     []byte // the beginning of a rune that the last block has cut in two
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if !c.suspect {
		block := p[:n]
		if len(c.cut) > 0 {
			block = append(c.cut, block...)
		}
		whole := len(block) - len(lastRune(block))
		c.suspect = !utf8.Valid(block[:whole]) || bytes.IndexByte(block, 0) >= 0
		c.cut = append([]byte(nil), block[whole:]...)
	}
	return n, err
}

// lastRune returns the bytes at the end that may be the beginning of a rune.
func lastRune(block []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(block); n++ {
		end := block[len(block)-n:]
		if utf8.RuneStart(end[0]) {
			if utf8.FullRune(end) {
				return nil
			}
			return end
		}
	}
	return nil
}

// openCSV opens a file and finds the columns in its header. Those that are not
// optional must be there.
func openCSV(dir, name string, columns []importColumn) (_ *csvFile, err error) {
	f := &csvFile{path: filepath.Join(dir, name), clock: -1}
	if f.file, err = os.Open(f.path); err != nil {
		return nil, f.failed(err)
	}
	defer func() {
		if err != nil {
			_ = f.file.Close() // it was only read from
		}
	}()
	info, err := f.file.Stat()
	if err != nil {
		return nil, f.failed(err)
	}
	if info.IsDir() {
		return nil, &fileError{path: f.path, what: "it is a directory", hint: hintFiles}
	}
	f.size = info.Size()
	f.count = &countingReader{r: f.file}
	buffered := bufio.NewReaderSize(f.count, 1<<20)
	if err := f.checkBeginning(buffered); err != nil {
		return nil, err
	}
	f.in = csv.NewReader(buffered)
	f.in.FieldsPerRecord = -1
	f.in.ReuseRecord = true // the slice only: each record's text is its own string
	header, err := f.in.Read()
	if errors.Is(err, io.EOF) {
		return nil, &fileError{path: f.path, what: "it is empty", hint: hintNames}
	}
	if err == nil {
		err = f.checkText(header)
	}
	if err != nil {
		return nil, f.failed(err)
	}
	return f, f.readHeader(header, columns)
}

// checkBeginning passes a byte order mark, and knows what people take for CSV.
func (f *csvFile) checkBeginning(r *bufio.Reader) error {
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return f.failed(err)
	}
	begins := func(magic string) bool { return strings.HasPrefix(string(head), magic) }
	switch {
	case begins("\ufeff"):
		_, err := r.Discard(len("\ufeff"))
		return err
	case begins("\xff\xfe"), begins("\xfe\xff"):
		return &fileError{path: f.path, what: "it is UTF-16, not UTF-8", hint: "convert it: iconv -f UTF-16 -t UTF-8"}
	case begins("\x1f\x8b"):
		return &fileError{path: f.path, what: "it is compressed with gzip", hint: "unpack it: gunzip -k"}
	case begins("PK\x03\x04"):
		return &fileError{path: f.path, what: "it is an Excel workbook or a zip archive", hint: `save the sheet as "CSV UTF-8", or unzip it`}
	}
	return nil
}

func (f *csvFile) readHeader(header []string, columns []importColumn) error {
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.TrimSpace(name)
	}
	f.at = make([]int, len(columns))
	var missing []string
	for i := range columns {
		column := &columns[i]
		f.at[i] = slices.Index(names, column.name)
		switch {
		case f.at[i] < 0 && !column.optional:
			missing = append(missing, fmt.Sprintf("%q", column.name))
		case f.at[i] >= 0 && slices.Contains(names[f.at[i]+1:], column.name):
			return &fileError{path: f.path, line: 1, what: fmt.Sprintf("the header names %q twice", column.name), hint: "rename or remove one of the two columns"}
		}
	}
	f.clock = slices.Index(names, sale.TimeColumn)
	if missing == nil {
		return nil
	}
	e := &fileError{path: f.path, line: 1, what: "there is no column " + strings.Join(missing, ", "), hint: hintNames}
	for _, separator := range []string{";", "\t", "|"} {
		if len(header) == 1 && strings.Contains(header[0], separator) {
			e.hint = fmt.Sprintf("the columns seem to be separated by %q; write them with commas", separator)
		}
	}
	return e
}

// next reads a row into fields, one for each of the wanted columns; what the row or
// the file lacks is empty. It reports false at the end.
func (f *csvFile) next(fields []string) (bool, error) {
	record, err := f.in.Read()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err == nil {
		err = f.checkText(record)
	}
	if err != nil {
		return false, f.failed(err)
	}
	f.row = record
	for i, at := range f.at {
		fields[i] = ""
		if at >= 0 && at < len(record) {
			fields[i] = record[at]
		}
	}
	return true, nil
}

// time returns the row's field Time, which some files have beside Date.
func (f *csvFile) time() string {
	if f.clock < 0 || f.clock >= len(f.row) {
		return ""
	}
	return f.row[f.clock]
}

// content is the row as CSV, for the record of what was rejected.
func (f *csvFile) content() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(f.row) // to memory
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// errEncoding and errNUL are what a text can have that is none.
var (
	errEncoding = errors.New("it is not UTF-8")
	errNUL      = errors.New("it is not text: there is a NUL byte")
)

// checkText looks for what is no text in a record.
func (f *csvFile) checkText(record []string) error {
	if !f.count.suspect && len(f.count.cut) == 0 { // a rune that is cut off at the end of the file is suspect too
		return nil
	}
	for _, field := range record {
		if !utf8.ValidString(field) {
			return errEncoding
		}
		if strings.IndexByte(field, 0) >= 0 {
			return errNUL
		}
	}
	return nil
}

// failed says in the user's words what encoding/csv or the file reported.
func (f *csvFile) failed(err error) error {
	e := &fileError{path: f.path, err: err, what: err.Error(), hint: "check the disk and try again"}
	var parse *csv.ParseError
	var known *fileError
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, fs.ErrNotExist):
		e.what, e.hint = "there is no such file", hintFiles
	case errors.Is(err, fs.ErrPermission):
		e.what, e.hint = "it may not be read by this user", "check its permissions with ls -l"
	case errors.Is(err, errEncoding):
		e.line, _ = f.in.FieldPos(0)
		e.hint = "convert it, if it comes from Windows: iconv -f WINDOWS-1252 -t UTF-8"
	case errors.Is(err, errNUL):
		e.line, _ = f.in.FieldPos(0)
		e.hint = "give a CSV file in UTF-8"
	case errors.As(err, &parse):
		// A quote that is never closed is found at the end; where its record begins
		// is what helps.
		e.line, e.what, e.hint = parse.StartLine, "a quote is broken", `a field with quotes in it is written "like ""this"""`
	}
	return e
}

// rows guesses how many rows the file has, by those that were read so far.
func (f *csvFile) rows(read int64) int64 {
	if f.count.n == 0 || read == 0 {
		return 0
	}
	return max(read, int64(float64(read)*float64(f.size)/float64(f.count.n)))
}

func (f *csvFile) close() { _ = f.file.Close() } // it was only read from
