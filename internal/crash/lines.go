//go:build linux

package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// published are the 19 columns in published order, written out once more so that
// a mistake in the program's own list shows.
const published = "Invoice ID,Line,Customer ID,Product ID,Size,Color,Unit Price,Quantity,Date,Discount,Line Total,Store ID," +
	"Employee ID,Currency,Currency Symbol,SKU,Transaction Type,Payment Method,Invoice Total"

var columns = strings.Split(published, ",")

// column is where a column is in a row.
func column(name string) int { return slices.Index(columns, name) }

var (
	invoiceID  = column("Invoice ID")
	lineNumber = column("Line")
	date       = column("Date")
)

// digest stands for some fields: half of a SHA-256, so that millions of lines fit
// into memory and two of them are never taken for one.
type digest [16]byte

func digestOf(fields ...string) (d digest) {
	text := make([]byte, 0, 512)
	for _, f := range fields {
		text = binary.AppendUvarint(text, uint64(len(f)))
		text = append(text, f...)
	}
	sum := sha256.Sum256(text)
	copy(d[:], sum[:])
	return d
}

// identity is what makes a line the same line.
func identity(row []string) digest { return digestOf(row[invoiceID], row[lineNumber]) }

// content is all that must come through unchanged: the Date is stamped by the till.
func content(row []string) digest {
	return digestOf(slices.Concat(row[:date], row[date+1:])...)
}

// source is what the tills have sent.
type source struct {
	lines map[digest]digest // content by identity
	sums  *sums
}

// readSource reads the first lines of a source, those that were taken.
func readSource(path string, lines int64) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := csv.NewReader(f)
	header, err := in.Read()
	if err != nil {
		return nil, err
	}
	if strings.Join(header, ",") != published {
		return nil, fmt.Errorf("%s has the header %q", path, header)
	}
	s := &source{make(map[digest]digest, lines), newSums()}
	for range lines {
		row, err := in.Read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		id := identity(row)
		if _, twice := s.lines[id]; twice {
			return nil, fmt.Errorf("%s holds %s line %s twice", path, row[invoiceID], row[lineNumber])
		}
		s.lines[id] = content(row)
		if err := s.sums.add(row); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return s, nil
}

// rows calls do for each row of CSV text without a header, which must be whole.
func rows(text io.Reader, do func(row []string) error) error {
	in := csv.NewReader(text)
	in.FieldsPerRecord = len(columns)
	in.ReuseRecord = true
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(row)
		}
		if err != nil {
			return err
		}
	}
}
