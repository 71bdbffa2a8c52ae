package etl

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"tillstream/internal/database"
)

// What a rebuild holds in memory. An aggregate can have more cells than that, as many
// as there are customers; they are put aside then, see spill.
var (
	mostCells = 200_000 // of all aggregates together; about 170 bytes each. Not constants for the tests' sake
	mostTexts = 200_000 // that are known by number
)

// rebuildLite adds up all facts for SQLite, day by day. Each aggregate is written
// when all of it is known, in the order of its key: to look for the place of each cell in
// a table that does not fit into memory took most of the time at 5 million lines.
func rebuildLite(ctx context.Context, tx *database.Tx, months [][2]int, progress func(done, total int64)) (err error) {
	reindex, err := unindexCustomers(ctx, tx)
	if err != nil {
		return err
	}
	a := newAdder(tx)
	defer a.close()
	aside, err := newSpill(tx, len(a.all))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, aside.close()) }()
	done, total := int64(0), int64(len(months)+len(a.all))
	for _, month := range months {
		for day := month[0]; day <= month[1]; day++ {
			if err := a.add(ctx, 1, "date_key = @day", sql.Named("day", day)); err != nil {
				return fmt.Errorf("reading the facts: %w", err)
			}
			if err := a.makeRoom(aside); err != nil {
				return err
			}
		}
		done++
		progress(done, total)
	}
	// The customers of all years come before those of one, which follow them in the
	// table, and last in the list.
	for at, c := range slices.Backward(a.all) {
		if err := aside.put(at, a.sorted(c)); err != nil {
			return err
		}
		clear(c.values)
		if err := c.fill(ctx, tx, aside.runs[at]); err != nil {
			return fmt.Errorf("writing %s: %w", c.table, err)
		}
		done++
		progress(done, total)
	}
	return reindex()
}

// unindexCustomers takes the index away that ranks customers. To build it from all
// rows costs far less than to find the place of each.
func unindexCustomers(ctx context.Context, tx *database.Tx) (reindex func() error, err error) {
	var definition string
	err = tx.QueryRow(ctx, "SELECT sql FROM sqlite_schema WHERE name = 'ix_agg_customer_sales'").Scan(&definition)
	if err == nil {
		_, err = tx.Exec(ctx, "DROP INDEX ix_agg_customer_sales")
	}
	if err != nil {
		return nil, fmt.Errorf("taking the index of %s away: %w", customerTable, err)
	}
	return func() error {
		if _, err := tx.Exec(ctx, definition); err != nil {
			return fmt.Errorf("building the index of %s: %w", customerTable, err)
		}
		return nil
	}, nil
}

// makeRoom puts the largest aggregates aside where there are too many cells, and all
// of them where there are too many texts.
func (a *adder) makeRoom(aside *spill) error {
	cells := 0
	for _, c := range a.all {
		cells += len(c.values)
	}
	all := len(a.texts) > mostTexts
	if cells <= mostCells && !all {
		return nil
	}
	order := make([]int, len(a.all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(len(a.all[y].values), len(a.all[x].values)) })
	for _, at := range order {
		if cells <= mostCells/2 && !all {
			break
		}
		c := a.all[at]
		cells -= len(c.values)
		if err := aside.put(at, a.sorted(c)); err != nil {
			return err
		}
		clear(c.values)
	}
	if all {
		clear(a.numbers)
		a.texts = a.texts[:0]
	}
	return nil
}

// A cellRow is a cell outside of the adder. Its key is the values of the aggregate's
// columns, written so that the order of the bytes is that of the table.
type cellRow struct {
	key    []byte
	values cellValues
}

// sorted returns an aggregate's cells in the order of its key.
func (a *adder) sorted(c *cells) []cellRow {
	rows := make([]cellRow, 0, len(c.values))
	keys := make([]byte, 0, 32*len(c.values))
	for key, values := range c.values {
		begin := len(keys)
		for i, field := range c.fields {
			if field < len(numberColumns) {
				keys = binary.BigEndian.AppendUint32(keys, uint32(key[i])^1<<31) // below zero comes first
			} else {
				keys = append(append(keys, a.texts[key[i]]...), 0) // which no text holds
			}
		}
		rows = append(rows, cellRow{keys[begin:len(keys):len(keys)], *values})
	}
	slices.SortFunc(rows, func(x, y cellRow) int { return bytes.Compare(x.key, y.key) })
	return rows
}

// fill writes the cells of all runs into the aggregate's empty table. Those of one key
// are added up.
func (c *cells) fill(ctx context.Context, tx *database.Tx, runs []*cellRun) error {
	names := strings.Split(c.columns(), ", ")
	bulk, err := tx.Bulk(ctx, c.table, names)
	if err != nil {
		return err
	}
	row := make([]any, len(names))
	err = merge(runs, func(cell *cellRow) error {
		if err := c.row(row, cell); err != nil {
			return err
		}
		return bulk.Add(row...)
	})
	if err != nil {
		return bulk.Abort(err)
	}
	_, err = bulk.Close()
	return err
}

// row turns a cell into the values of its table's columns.
func (c *cells) row(row []any, cell *cellRow) error {
	key, field := cell.key, 0
	for i, g := range c.grain {
		if g.from == "" {
			row[i] = g.constantValue()
			continue
		}
		if c.fields[field] < len(numberColumns) {
			row[i] = int64(int32(binary.BigEndian.Uint32(key) ^ 1<<31))
			key = key[4:]
		} else {
			text, rest, _ := bytes.Cut(key, []byte{0})
			row[i], key = string(text), rest
		}
		field++
	}
	for m := range c.measures {
		row[len(c.grain)+m] = cell.values[m]
	}
	return nil
}

// constantValue is constant as a value.
func (c grainColumn) constantValue() any {
	if n, err := strconv.ParseInt(c.constant, 10, 64); err == nil {
		return n
	}
	return strings.Trim(c.constant, "'")
}

// spill keeps cells in a file, in sorted runs, until all of an aggregate are known.
type spill struct {
	file *os.File
	out  *bufio.Writer
	size int64
	runs [][]*cellRun // of each aggregate
}

// spillBuffer is how much of a run is read at once.
const spillBuffer = 16 << 10

func newSpill(tx *database.Tx, aggregates int) (*spill, error) {
	file, err := tx.Scratch()
	if err != nil {
		return nil, fmt.Errorf("making room for sums: %w", err)
	}
	return &spill{file: file, out: bufio.NewWriterSize(file, 1<<20), runs: make([][]*cellRun, aggregates)}, nil
}

// close takes the file away.
func (s *spill) close() error {
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// put writes an aggregate's cells as a run.
func (s *spill) put(aggregate int, rows []cellRow) error {
	begin := s.size
	var record []byte
	for i := range rows {
		record = binary.AppendUvarint(record[:0], uint64(len(rows[i].key)))
		record = append(record, rows[i].key...)
		for _, n := range rows[i].values {
			record = binary.AppendVarint(record, n)
		}
		n, err := s.out.Write(record)
		s.size += int64(n)
		if err != nil {
			return fmt.Errorf("putting sums aside: %w", err)
		}
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("putting sums aside: %w", err)
	}
	s.runs[aggregate] = append(s.runs[aggregate], &cellRun{in: bufio.NewReaderSize(io.NewSectionReader(s.file, begin, s.size-begin), spillBuffer)})
	return nil
}

// cellRun reads a run.
type cellRun struct {
	in  *bufio.Reader
	row cellRow // the next one
}

// next reads a row. It reports false at the end.
func (r *cellRun) next() (bool, error) {
	length, err := binary.ReadUvarint(r.in)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.row.key = slices.Grow(r.row.key[:0], int(length))[:length]
	if _, err := io.ReadFull(r.in, r.row.key); err != nil {
		return false, err
	}
	for i := range r.row.values {
		if r.row.values[i], err = binary.ReadVarint(r.in); err != nil {
			return false, err
		}
	}
	return true, nil
}

// merge shows the rows of all runs in the order of their keys, those of one key added
// up.
func merge(runs []*cellRun, visit func(*cellRow) error) error {
	var left runHeap
	for _, r := range runs {
		ok, err := r.next()
		if err != nil {
			return fmt.Errorf("reading sums that were put aside: %w", err)
		}
		if ok {
			left = append(left, r)
		}
	}
	heap.Init(&left)
	var sum cellRow
	for len(left) > 0 {
		r := left[0]
		sum.key, sum.values = append(sum.key[:0], r.row.key...), cellValues{}
		for len(left) > 0 && bytes.Equal(left[0].row.key, sum.key) {
			r := left[0]
			for i, n := range r.row.values {
				sum.values[i] += n
			}
			ok, err := r.next()
			if err != nil {
				return fmt.Errorf("reading sums that were put aside: %w", err)
			}
			if ok {
				heap.Fix(&left, 0)
			} else {
				heap.Pop(&left)
			}
		}
		if err := visit(&sum); err != nil {
			return err
		}
	}
	return nil
}

// runHeap has the run with the lowest key first.
type runHeap []*cellRun

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].row.key, h[j].row.key) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(r any)        { *h = append(*h, r.(*cellRun)) }
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
