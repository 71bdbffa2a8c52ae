package etl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tillstream/internal/database"
)

// watermark returns the position up to which a source has been loaded, empty where
// nothing has.
func watermark(ctx context.Context, dw *database.DB, source string) (position string, err error) {
	err = dw.QueryRow(ctx, "SELECT position FROM dw.etl_watermark WHERE source = @source", sql.Named("source", source)).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the watermark of %s: %w", source, err)
	}
	return position, nil
}

// setWatermark moves it, in the transaction of what was loaded.
func setWatermark(ctx context.Context, tx *database.Tx, source, position string) error {
	args := []any{sql.Named("source", source), sql.Named("position", position), sql.Named("now", time.Now().UTC())}
	n, err := tx.Exec(ctx, "UPDATE dw.etl_watermark SET position = @position, updated_at = @now WHERE source = @source", args...)
	if err == nil && n == 0 {
		_, err = tx.Exec(ctx, "INSERT INTO dw.etl_watermark (source, position, updated_at) VALUES (@source, @position, @now)", args...)
	}
	if err != nil {
		return fmt.Errorf("moving the watermark of %s: %w", source, err)
	}
	return nil
}

// lockFacts lets one transaction at a time write facts and dimensions, until it
// ends: load and live may run side by side. In SQLite every transaction that
// writes is alone.
func lockFacts(ctx context.Context, tx *database.Tx) error {
	if tx.Engine() == database.SQLite {
		return nil
	}
	var result int
	err := tx.QueryRow(ctx, `DECLARE @result INT;
		EXEC @result = sp_getapplock @Resource = 'tillstream facts', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 300000;
		SELECT @result`).Scan(&result)
	if err == nil && result < 0 {
		err = errors.New("another run has been writing for five minutes; `tillstream etl status` shows it")
	}
	if err != nil {
		return fmt.Errorf("waiting for the turn to write: %w", err)
	}
	return nil
}

// sourceMark is the watermark of a source's table, and what is newer.
type sourceMark struct {
	versions
	source string
}

// watermarkOf returns how far a table has been loaded and how far it can be now.
func (l *loader) watermarkOf(ctx context.Context, table *sourceTable) (mark sourceMark, err error) {
	mark.source = table.short() + " of " + l.origin
	position, err := watermark(ctx, l.run.dw, mark.source)
	if err != nil {
		return sourceMark{}, err
	}
	if position != "" {
		if mark.after, err = strconv.ParseInt(position, 10, 64); err != nil {
			return sourceMark{}, fmt.Errorf("the watermark of %s is %q, no row version; delete it from dw.etl_watermark to load all of the table again", mark.source, position)
		}
	}
	if mark.upTo, err = table.newest(ctx); err != nil {
		return sourceMark{}, err
	}
	if mark.upTo < mark.after { // a restored backup: nothing in it may be skipped
		mark.after = 0
	}
	return mark, nil
}

// set moves the watermark, never back beyond where it was found.
func (m *sourceMark) set(ctx context.Context, tx *database.Tx, version int64) error {
	return setWatermark(ctx, tx, m.source, strconv.FormatInt(max(version, m.after), 10))
}
