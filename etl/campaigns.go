package etl

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// campaign is a discount in a period, for a part of the products or all of them.
type campaign struct {
	start, end            string // days, 2023-01-31
	discount              int64  // in millionths: 400000 is 40 %
	category, subCategory string // empty for all
	description           string
}

var campaignColumns = []string{"Start", "End", "Discont", "Description", "Category", "Sub Category"}

// readCampaign reads a row of discounts. The error is a *sale.Reject.
func readCampaign(v []string) (c campaign, err error) {
	p := parser{}
	day := func(column, value string) string {
		if at, ok := p.date(column, value).(database.Date); ok {
			return time.Time(at).Format(time.DateOnly)
		}
		p.fail(sale.MissingColumn, "%s is missing", column)
		return ""
	}
	c = campaign{start: day("Start", v[0]), end: day("End", v[1]), description: p.text("Description", v[3], 255),
		category: p.text("Category", v[4], 64), subCategory: p.text("Sub Category", v[5], 64)}
	discount, ok := p.micros("Discont", v[2]).(int64)
	if !ok || discount < 0 || discount > math.MaxInt32 {
		p.fail(badNumber, "Discont is %q, no share like 0.4", v[2])
	}
	c.discount = discount
	if _, err = p.values(); err != nil {
		return campaign{}, err
	}
	return c, nil
}

// identity is what a campaign is known by.
func (c campaign) identity() campaign { c.description = ""; return c }

func compareCampaigns(a, b campaign) int {
	return cmp.Or(strings.Compare(a.start, b.start), strings.Compare(a.end, b.end), cmp.Compare(a.discount, b.discount),
		strings.Compare(a.category, b.category), strings.Compare(a.subCategory, b.subCategory), strings.Compare(a.description, b.description))
}

// loadCampaigns brings dim_campaign up to date. There are a few hundred of them, so
// all are read on both sides.
func (l *loader) loadCampaigns(ctx context.Context) error {
	wanted, rejects, err := l.readCampaigns(ctx)
	if err != nil {
		return err
	}
	if err := l.run.reject(ctx, rejects); err != nil {
		return err
	}
	var did written
	err = l.run.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		did = written{}
		if err := lockFacts(ctx, tx); err != nil {
			return err
		}
		have, err := haveCampaigns(ctx, tx)
		if err != nil {
			return err
		}
		for _, c := range wanted {
			description, ok := have[c.identity()]
			if ok && description == c.description {
				continue
			}
			text := "UPDATE dw.dim_campaign SET description = @description WHERE start_date = @start AND end_date = @end AND discount_micros = @discount AND category = @category AND sub_category = @sub_category"
			if !ok {
				text = "INSERT INTO dw.dim_campaign (start_date, end_date, discount_micros, category, sub_category, description) VALUES (@start, @end, @discount, @category, @sub_category, @description)"
			}
			n, err := tx.Exec(ctx, text, sql.Named("start", c.start), sql.Named("end", c.end), sql.Named("discount", c.discount),
				sql.Named("category", c.category), sql.Named("sub_category", c.subCategory), sql.Named("description", c.description))
			if err != nil {
				return err
			}
			if ok {
				did.updated += n
			} else {
				did.inserted += n
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("updating dim_campaign: %w", err)
	}
	l.run.inserted += did.inserted
	l.run.updated += did.updated
	return nil
}

// readCampaigns returns the source's campaigns in the order in which they get their
// keys, and what is none.
func (l *loader) readCampaigns(ctx context.Context) (found []campaign, rejects []rejected, err error) {
	exists, err := l.source.TableExists(ctx, "dbo", "discounts")
	if err != nil || !exists {
		return nil, nil, err
	}
	table, err := openTable(ctx, l.source, "dbo.discounts", campaignColumns, []string{"Start", "End", "Discont"})
	if err != nil {
		return nil, nil, err
	}
	table.versioned = false // all of it is read
	err = table.scan(ctx, versions{}, func(_ int64, values []string) error {
		l.run.read++
		c, err := readCampaign(values)
		var reason *sale.Reject
		if errors.As(err, &reason) {
			rejects = append(rejects, rejectedMember("discounts", values[0]+" "+values[1], values, reason))
			return nil
		}
		found = append(found, c)
		return nil
	})
	slices.SortFunc(found, compareCampaigns)
	// Of two that differ in their description alone, the first counts.
	found = slices.CompactFunc(found, func(a, b campaign) bool { return a.identity() == b.identity() })
	return found, rejects, err
}

// haveCampaigns returns the descriptions of the warehouse's campaigns.
func haveCampaigns(ctx context.Context, tx *database.Tx) (map[campaign]string, error) {
	rows, err := tx.Query(ctx, "SELECT start_date, end_date, discount_micros, category, sub_category, description FROM dw.dim_campaign WHERE campaign_key > 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	have := make(map[campaign]string)
	for rows.Next() {
		var c campaign
		var start, end database.Time
		var description string
		if err := rows.Scan(&start, &end, &c.discount, &c.category, &c.subCategory, &description); err != nil {
			return nil, err
		}
		c.start, c.end = start.Format(time.DateOnly), end.Format(time.DateOnly)
		have[c] = description
	}
	return have, rows.Err()
}

// rejectedMember is a row of reference data that cannot be used.
func rejectedMember(source, key string, row []string, reason *sale.Reject) rejected {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(row) // into memory
	w.Flush()
	return rejected{source: source, key: key, reason: string(reason.Reason), detail: reason.Detail, content: strings.TrimSuffix(b.String(), "\n")}
}
