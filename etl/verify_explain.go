package etl

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tillstream/internal/sale"
)

// explain says of the lines that differ which they are and in what they differ: for
// that it reads the source and the CSV once more. Lines of the CSV that were on
// their way to the warehouse, and have arrived meanwhile, are no difference.
func (v *verification) explain(ctx context.Context, table *sourceTable, reader *sale.Reader) error {
	wanted := make(map[uint64]*fact)
	for _, d := range v.lines {
		wanted[d.key] = nil
	}
	for _, key := range v.lost {
		wanted[key] = nil
	}
	if len(wanted) == 0 {
		return nil
	}
	take := func(f *fact) {
		if already, ok := wanted[f.key]; ok && already == nil {
			wanted[f.key] = f
		}
	}
	if table != nil {
		err := table.scan(ctx, versions{}, func(_ int64, values []string) error {
			row := rowOf(values)
			if f, _, reason := judge(reader, &row); reason == nil {
				take(&f)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(v.options.CSV) > 0 {
		own := v.run.cfg.reader()
		err := scanLiveFiles(ctx, v.options.CSV, func(row *sale.Row) {
			if f, _, reason := judge(own, row); reason == nil {
				take(&f)
			}
		})
		if err != nil {
			return err
		}
	}
	if err := v.findArrived(ctx, wanted); err != nil {
		return err
	}
	for _, d := range v.lines {
		want := wanted[d.key]
		switch {
		case want == nil:
		case d.found == nil:
			d.InvoiceID, d.Line = want.invoiceID, want.lineNumber
			d.Detail = fmt.Sprintf("%s %s sold at store %s on %s are not there", micros(want.lineTotal), want.currency, want.storeID, want.soldAt.Format("2006-01-02 15:04:05"))
		case d.Detail == "":
			d.Detail = contentDifference(want, d.found)
		}
	}
	return nil
}

// findArrived takes back the differences of lines that are there now.
func (v *verification) findArrived(ctx context.Context, wanted map[uint64]*fact) error {
	arrived := make(map[uint64]bool)
	for _, key := range v.lost {
		want := wanted[key]
		if want == nil {
			continue
		}
		there, err := v.isThere(ctx, want)
		if err != nil {
			return err
		}
		if there {
			arrived[key] = true
			v.newer++
			v.kinds[KindMissing]--
			v.at(want).expected.take(want)
		}
	}
	v.lines = slices.DeleteFunc(v.lines, func(d *LineDifference) bool { return d.found == nil && arrived[d.key] })
	if v.kinds[KindMissing] == 0 {
		delete(v.kinds, KindMissing)
	}
	return nil
}

// isThere reports whether the warehouse has the line by now, as it should be.
func (v *verification) isThere(ctx context.Context, want *fact) (bool, error) {
	rows, err := v.run.dw.Query(ctx, factQuery+"WHERE f.invoice_id = @invoice AND f.line_number = @line",
		sql.Named("invoice", want.invoiceID), sql.Named("line", want.lineNumber))
	if err != nil {
		return false, fmt.Errorf("looking for lines on their way: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s storedFact
		if err := s.scan(rows); err != nil {
			return false, fmt.Errorf("looking for lines on their way: %w", err)
		}
		if uint64(s.hash^want.hash)&^derivedSum == 0 {
			return true, nil
		}
	}
	return false, rows.Err()
}
