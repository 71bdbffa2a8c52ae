package generator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"tillstream/internal/sale"
)

// table is one CSV file being written: RFC 4180 quoting where needed, lines
// ending in \n as in the published files.
type table struct {
	out   *bufio.Writer
	line  []byte
	rows  int64
	bytes int64
}

// row writes one record.
func (t *table) row(fields ...string) error {
	t.header(fields...)
	t.rows++
	return t.flush()
}

// header writes a record that does not count as a row: the names of the columns.
// It stays in t.line until the next flush.
func (t *table) header(fields ...string) {
	for i, f := range fields {
		if i > 0 {
			t.line = append(t.line, ',')
		}
		t.line = appendField(t.line, f)
	}
	t.line = append(t.line, '\n')
}

// flush hands the lines gathered so far to the writer.
func (t *table) flush() error {
	n, err := t.out.Write(t.line)
	t.bytes += int64(n)
	t.line = t.line[:0]
	return err
}

// appendField appends one field, in quotes only if it needs them.
func appendField(dst []byte, f string) []byte {
	if !strings.ContainsAny(f, ",\"\r\n") && !strings.HasPrefix(f, " ") {
		return append(dst, f...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(f, `"`, `""`)...)
	return append(dst, '"')
}

// writeFile writes dir/name by way of a temporary file in dir, so that name is
// either absent, as it was before, or whole.
func writeFile(ctx context.Context, dir, name string, write func(context.Context, *table) error) (_ File, err error) {
	path := filepath.Join(dir, name)
	tmp, err := os.CreateTemp(dir, "."+name+".*.tmp")
	if err != nil {
		return File{}, fmt.Errorf("creating %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close() // the error that matters is the first
			_ = os.Remove(tmp.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	t := &table{out: bufio.NewWriterSize(tmp, 256<<10)}
	if err := write(ctx, t); err != nil {
		return File{}, err
	}
	if err := t.flush(); err != nil {
		return File{}, err
	}
	if err := t.out.Flush(); err != nil {
		return File{}, err
	}
	// CreateTemp makes files that only their owner may read; these are for all.
	if err := tmp.Chmod(0o644); err != nil {
		return File{}, err
	}
	if err := tmp.Sync(); err != nil {
		return File{}, err
	}
	if err := tmp.Close(); err != nil {
		return File{}, err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return File{}, err
	}
	return File{Name: name, Rows: t.rows, Bytes: t.bytes}, nil
}

// syncDir makes the renames in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	defer func() { _ = d.Close() }() // only read
	// Windows and some network file systems cannot sync a directory.
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}

// every is how many rows pass between two looks at the context.
const every = 8192

// writeTransactions writes the lines themselves. None of their fields ever needs
// quotes (a test reads them back), which is most of the speed.
func writeTransactions(ctx context.Context, t *table, lines *Transactions, progress func(int64)) error {
	t.header(sale.Columns[:]...)
	var row sale.Row
	for lines.Next(&row) {
		for i, f := range &row {
			if i > 0 {
				t.line = append(t.line, ',')
			}
			t.line = append(t.line, f...)
		}
		t.line = append(t.line, '\n')
		t.rows++
		if len(t.line) > 32<<10 {
			if err := t.flush(); err != nil {
				return err
			}
		}
		if t.rows%every == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(t.rows)
			}
		}
	}
	if progress != nil {
		progress(t.rows)
	}
	return ctx.Err()
}
