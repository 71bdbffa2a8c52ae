// Package reference reads small files of reference data, such as people keep in Excel:
// CSV whose first line names the columns, in any order. Columns that nobody asks for
// are ignored.
package reference

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Row is a record of a file.
type Row struct {
	columns map[string]int
	fields  []string
}

// Field returns what a column holds, without blanks around it; empty where the file
// has no such column.
func (r Row) Field(column string) string {
	if at, ok := r.columns[column]; ok {
		return strings.TrimSpace(r.fields[at])
	}
	return ""
}

// Load opens a file and reads it. The errors name the file: what is "the rates file".
func Load[T any](what, path string, read func(io.Reader) (T, error)) (made T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return made, fmt.Errorf("opening %s: %w", what, err)
	}
	defer f.Close()
	if made, err = read(f); err != nil {
		return made, fmt.Errorf("reading %s %s: %w", what, path, err)
	}
	return made, nil
}

// Read shows each record to each. The columns that are needed must be there. An error
// of each is returned with the number of its line, counted as an editor does.
func Read(r io.Reader, needed []string, each func(Row) error) error {
	in := csv.NewReader(r)
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it is empty; the first line must name the columns, such as %s", strings.Join(needed, ","))
	}
	if err != nil {
		return err
	}
	row := Row{columns: make(map[string]int, len(header))}
	for i, name := range header {
		row.columns[strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))] = i
	}
	for _, name := range needed {
		if _, ok := row.columns[name]; !ok {
			return fmt.Errorf("there is no column %q among %q; the first line must name the columns, such as %s", name, header, strings.Join(needed, ","))
		}
	}
	for {
		row.fields, err = in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err // it names the line
		}
		line, _ := in.FieldPos(0)
		if err := each(row); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
