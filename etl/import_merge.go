package etl

import (
	"context"
	"fmt"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// merge brings the staged rows into the table: those that differ are updated,
// those that are new inserted, in one transaction.
func (i *importer) merge(ctx context.Context, text *importText) error {
	i.progress("comparing", i.file.read, i.file.read)
	if err := i.removeDoubles(ctx, text); err != nil {
		return fmt.Errorf("looking for rows that come twice: %w", err)
	}
	err := i.db.Transact(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		if i.done.Updated, err = i.execute(ctx, tx, text, "update"); err != nil {
			return fmt.Errorf("updating: %w", err)
		}
		if i.done.Inserted, err = i.execute(ctx, tx, text, "insert"); err != nil {
			return fmt.Errorf("inserting: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return i.drop(ctx, text.Stage)
}

// removeDoubles takes the rows out of the stage whose key came before in the file.
// One that says the same as the first is a duplicate; another is rejected.
func (i *importer) removeDoubles(ctx context.Context, text *importText) error {
	count, err := importStatement(i.db, text, "double_count")
	if err != nil {
		return err
	}
	var n int64
	if err := i.db.QueryRow(ctx, count).Scan(&n); n == 0 || err != nil {
		return err
	}
	if _, err := i.db.Exec(ctx, "DROP TABLE IF EXISTS "+text.Doubles); err != nil { // of a try before this one
		return err
	}
	if _, err := i.execute(ctx, i.db, text, "double_stage"); err != nil {
		return err
	}
	if _, err := i.execute(ctx, i.db, text, "double_find"); err != nil {
		return err
	}
	late, err := i.lateRows(ctx, text)
	if err != nil {
		return err
	}
	if err := i.settle(ctx, late); err != nil {
		return err
	}
	deleted, err := i.execute(ctx, i.db, text, "double_delete")
	if err != nil {
		return err
	}
	if deleted != int64(len(late)) {
		return fmt.Errorf("%d rows come too late, but %d were taken out", len(late), deleted)
	}
	return i.drop(ctx, text.Doubles)
}

// lateRows returns the numbers of the rows whose key came before, and for each
// whether it differs from the first with that key.
func (i *importer) lateRows(ctx context.Context, text *importText) (map[int64]bool, error) {
	query, err := importStatement(i.db, text, "double_read")
	if err != nil {
		return nil, err
	}
	rows, err := i.db.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	late := make(map[int64]bool)
	for rows.Next() {
		var number int64
		var differs bool
		if err := rows.Scan(&number, &differs); err != nil {
			return nil, err
		}
		late[number] = differs
	}
	return late, rows.Err()
}

// settle counts the rows that came too late and rejects those that differ. Their
// text is in the file.
func (i *importer) settle(ctx context.Context, late map[int64]bool) error {
	f, err := openCSV(i.dir, i.table.file, i.table.columns)
	if err != nil {
		return err
	}
	defer f.close()
	fields, lines := make([]string, len(i.table.columns)), i.lineReader()
	var rejects []rejected
	for number := int64(1); ; number++ {
		ok, err := f.next(fields)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		differs, isLate := late[number]
		if !isLate {
			continue
		}
		lines.complete(f, fields)
		i.file.net -= lines.worth(fields)
		if !differs {
			i.done.Duplicates++
			continue
		}
		i.done.Rejected++
		rejects = append(rejects, i.rejected(f, fields, &sale.Reject{Reason: sale.Conflict,
			Detail: fmt.Sprintf("row %d has the key of an earlier row and other content", number)}))
		if len(rejects) == rejectsAtOnce {
			if err := i.reject(ctx, rejects); err != nil {
				return err
			}
			rejects = rejects[:0]
		}
	}
	return i.reject(ctx, rejects)
}
