package etl

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tillstream/internal/database"
)

// extendDates sees to it that dim_date has every day of the chunk. It grows by
// whole years, so that a chart by day has no holes in it.
func (w *factWriter) extendDates(ctx context.Context, c *chunk) error {
	for i := range c.facts {
		year := c.facts[i].soldAt.Year()
		if w.years[year] {
			continue
		}
		err := w.run.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
			if err := lockFacts(ctx, tx); err != nil {
				return err
			}
			return addYear(ctx, tx, year)
		})
		if err != nil {
			return fmt.Errorf("extending dim_date by %d: %w", year, err)
		}
		w.years[year] = true
	}
	return nil
}

// addYear adds the days of a year that dim_date does not have.
func addYear(ctx context.Context, tx *database.Tx, year int) error {
	known, err := daysOf(ctx, tx, year)
	if err != nil {
		return err
	}
	// One statement for all of them, whose values are numbers and names of days.
	var values []string
	for day := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC); day.Year() == year; day = day.AddDate(0, 0, 1) {
		if known[dateKey(day)] {
			continue
		}
		isoYear, isoWeek := day.ISOWeek()
		weekday, weekend := (int(day.Weekday())+6)%7+1, 0
		if weekday >= 6 {
			weekend = 1
		}
		values = append(values, fmt.Sprintf("(%d, '%s', %d, %d, %d, '%s', %d, %d, %d, %d, '%s', %d)",
			dateKey(day), day.Format(time.DateOnly), year, (int(day.Month())+2)/3, int(day.Month()), day.Month(), day.Day(),
			isoYear, isoWeek, weekday, day.Weekday(), weekend))
	}
	if len(values) == 0 {
		return nil
	}
	_, err = tx.Exec(ctx, `INSERT INTO dw.dim_date (date_key, date, year, quarter, month, month_name, day,
			iso_year, iso_week, weekday, weekday_name, is_weekend)
		VALUES `+strings.Join(values, ",\n"))
	return err
}

// daysOf returns the keys of the days of a year that dim_date has.
func daysOf(ctx context.Context, tx *database.Tx, year int) (map[int]bool, error) {
	rows, err := tx.Query(ctx, "SELECT date_key FROM dw.dim_date WHERE date_key BETWEEN @first AND @last",
		sql.Named("first", year*10000+101), sql.Named("last", year*10000+1231))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := make(map[int]bool)
	for rows.Next() {
		var key int
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		known[key] = true
	}
	return known, rows.Err()
}
