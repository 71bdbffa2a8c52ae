package producer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"tillstream/internal/sale"
)

// readBuffer is how much is read from the file at once.
const readBuffer = 256 << 10

const (
	hintCSV    = "give a CSV file in UTF-8 whose first line names the columns"
	hintColumn = `the first line must name the columns as published: "Invoice ID", "Line", ...`
)

// OpenCSV opens a transactions CSV, at its first row. The header names the
// columns by their published names in any order; columns that are not published
// are not sent, columns that are missing are empty, and Time joins Date. A regular
// file is checked as a whole before its first row is handed out, so that no file
// is sent half. What is wrong with the file is a *SourceError.
func OpenCSV(path string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	src, err := openCSV(path, f)
	if err != nil {
		_ = f.Close() // it was only read from
		return nil, err
	}
	return src, nil
}

func openError(path string, err error) error {
	e := &SourceError{File: path, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.What, e.Hint = "there is no such file", "check the path"
	case errors.Is(err, fs.ErrPermission):
		e.What, e.Hint = "it may not be read by this user", "check its permissions with ls -l"
	default:
		e.What, e.Hint = cause(err), "check the path and the disk"
	}
	return e
}

// cause takes the operation and the path off an error of package os: SourceError
// names the file already.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

func openCSV(path string, f *os.File) (Source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, openError(path, err)
	}
	switch {
	case info.IsDir():
		return nil, &SourceError{File: path, What: "it is a directory", Hint: "name a CSV file in it"}
	case info.Mode().IsRegular():
		if err := checkText(path, f); err != nil {
			return nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, openError(path, err)
		}
	}
	src, err := newCSVReader(path, f)
	if err != nil {
		return nil, err
	}
	src.checked = info.Mode().IsRegular()
	return &csvFile{csvReader: src, file: f}, nil
}

// csvFile is a transactions CSV on disk or a pipe.
type csvFile struct {
	*csvReader
	file   *os.File
	closed atomic.Bool
}

func (c *csvFile) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.file.Close()
}

// interrupt wakes a read that waits for a pipe. Nothing is lost with the error of
// closing: the file was only read from.
func (c *csvFile) interrupt() { _ = c.Close() }

// csvReader reads transaction lines from CSV text.
type csvReader struct {
	name    string
	in      *csv.Reader
	column  []int // of each field of a record: its sale.Column, timeField or unsent
	hasTime bool
	checked bool // the text is known to be UTF-8 without NUL
}

// What a field that is none of the 19 columns is.
const (
	unsent    = -1
	timeField = -2
)

// newCSVReader reads the header.
func newCSVReader(name string, r io.Reader) (*csvReader, error) {
	buffered := bufio.NewReaderSize(r, readBuffer)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, openError(name, err)
	}
	if err := checkMagic(name, head); err != nil {
		return nil, err
	}
	if strings.HasPrefix(string(head), utf8BOM) {
		if _, err := buffered.Discard(len(utf8BOM)); err != nil {
			return nil, openError(name, err)
		}
	}
	c := &csvReader{name: name, in: csv.NewReader(buffered)}
	c.in.FieldsPerRecord = -1
	c.in.ReuseRecord = true // the slice only: each record's text is its own string
	header, err := c.in.Read()
	if errors.Is(err, io.EOF) {
		return nil, &SourceError{File: name, What: "it is empty", Hint: hintCSV}
	}
	if err != nil {
		return nil, c.failed(err)
	}
	if err := c.checkRecord(header); err != nil {
		return nil, err
	}
	return c, c.readHeader(header)
}

func (c *csvReader) readHeader(header []string) error {
	var seen [sale.NumColumns]bool
	c.column = make([]int, len(header))
	for i, name := range header {
		name = strings.TrimSpace(name)
		column, ok := sale.ColumnNamed(name)
		switch {
		case name == sale.TimeColumn && !c.hasTime:
			c.column[i], c.hasTime = timeField, true
		case !ok:
			c.column[i] = unsent
		case seen[column]:
			return &SourceError{File: c.name, What: fmt.Sprintf("the header names %q twice", name), Line: 1,
				Hint: "rename or remove one of the two columns"}
		default:
			c.column[i], seen[column] = int(column), true
		}
	}
	if seen[sale.InvoiceID] {
		return nil
	}
	e := &SourceError{File: c.name, What: `the header has no column "Invoice ID"`, Line: 1, Hint: hintColumn}
	for _, separator := range []string{";", "\t", "|"} {
		if len(header) == 1 && strings.Contains(header[0], separator) {
			e.Hint = fmt.Sprintf("the columns seem to be separated by %q; write them with commas", separator)
		}
	}
	return e
}

// Next implements Source. A row that is short leaves the rest of the columns
// empty; what a longer one has too many of is not sent.
func (c *csvReader) Next(row *sale.Row) (bool, error) {
	record, err := c.in.Read()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, c.failed(err)
	}
	if !c.checked {
		if err := c.checkRecord(record); err != nil {
			return false, err
		}
	}
	*row = sale.Row{}
	var clock string
	for i, text := range record[:min(len(record), len(c.column))] {
		switch column := c.column[i]; column {
		case unsent:
		case timeField:
			clock = text
		default:
			row[column] = text
		}
	}
	// As sale.Decoder joins them: a Date that has a time of day keeps its own.
	if date := row[sale.Date]; clock != "" && date != "" && !strings.ContainsAny(date, " T:") {
		row[sale.Date] = date + " " + clock
	}
	return true, nil
}

// checkRecord is what checkText is for a file that can be read only once: it
// finds the same faults, but only when their turn comes.
func (c *csvReader) checkRecord(record []string) error {
	for i, text := range record {
		line, _ := c.in.FieldPos(i)
		if strings.IndexByte(text, 0) >= 0 {
			return binaryError(c.name, line)
		}
		if !utf8.ValidString(text) {
			return encodingError(c.name, line)
		}
	}
	return nil
}

// failed says in the user's words what encoding/csv or the file reported.
func (c *csvReader) failed(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		line := parse.Line
		if errors.Is(err, csv.ErrQuote) {
			// A quote that is never closed is found at the end of the file; where
			// its record begins is what helps.
			line = parse.StartLine
		}
		return quoteError(c.name, line, err)
	}
	return &SourceError{File: c.name, What: cause(err), Hint: "check the disk and try again", Err: err}
}

func quoteError(name string, line int, err error) error {
	return &SourceError{File: name, Line: line, Err: err,
		What: "a quote is broken",
		Hint: `a field with quotes in it is written "like ""this"""`}
}
