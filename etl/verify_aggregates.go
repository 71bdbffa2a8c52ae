package etl

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"tillstream/internal/database"
)

// CellDifference is a place in an aggregate whose sums are not what the facts add
// up to.
type CellDifference struct {
	Aggregate string `json:"aggregate"` // dw.agg_day
	Period    int    `json:"period"`    // day, month or year as numbers: 20231224, 202312, 2023
	StoreKey  int    `json:"store_key"` // of dw.dim_store; 0 where the aggregate goes by country
	Country   string `json:"country"`
	Currency  string `json:"currency"`
	Detail    string `json:"detail"` // which sums, and what they should be
}

// A sumCell is where sums of an aggregate and of the facts are compared.
type sumCell struct {
	period, store     int
	country, currency string
}

// checkAggregates compares each aggregate with the facts, in sums by its period and
// store. Where lines flow in, the two may be read at different moments: so what
// differs is looked at again while nobody writes.
func (v *verification) checkAggregates(ctx context.Context) error {
	stale, err := aggregatesStale(ctx, v.run.dw)
	if err != nil {
		return err
	}
	if stale {
		v.kinds[KindAggregates]++
		v.run.cfg.Log.Warn("the aggregates are stale, since a load has not ended; the next one adds them up anew")
		return nil
	}
	found, err := v.compareAggregates(ctx, v.run.dw)
	if err == nil && len(found) > 0 {
		err = v.run.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
			if err := lockFacts(ctx, tx); err != nil {
				return err
			}
			found, err = v.compareAggregates(ctx, tx)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("comparing the aggregates with the facts: %w", err)
	}
	if len(found) > 0 {
		v.kinds[KindAggregates] += int64(len(found))
		v.cells = found[:min(len(found), v.options.List)]
	}
	return nil
}

// compareAggregates returns all sums that differ.
func (v *verification) compareAggregates(ctx context.Context, db querier) ([]CellDifference, error) {
	v.run.cfg.Progress("adding up the facts", 0, 0)
	byDay := aggregate{grain: storeGrain("date_key"), measures: measures}
	facts, err := readSums(ctx, db, byDay.sums("dw.sales_line", "", false), len(measures), true)
	if err != nil {
		return nil, err
	}
	var found []CellDifference
	for i, a := range aggregates {
		v.run.cfg.Progress("comparing the aggregates", int64(i), int64(len(aggregates)))
		byStore := a.grain[1].name == "store_key"
		have, err := readSums(ctx, db, a.totals(byStore), len(a.measures), byStore)
		if err != nil {
			return nil, err
		}
		found = append(found, a.compare(have, a.rollUp(facts, byStore))...)
	}
	counts, err := compareCounts(ctx, db)
	return append(found, counts...), err
}

// compareCounts compares dw.agg_customer_count with the customers themselves.
func compareCounts(ctx context.Context, db querier) ([]CellDifference, error) {
	rows, err := db.Query(ctx, `SELECT year, country, SUM(customers), SUM(counted) FROM (
			SELECT year, country, COUNT(*) AS customers, 0 AS counted FROM dw.agg_customer WHERE sale_lines > 0 GROUP BY year, country
			UNION ALL SELECT year, country, -COUNT(*), 0 FROM dw.agg_customer WHERE sale_lines > 0 AND customer_id = '' GROUP BY year, country
			UNION ALL SELECT year, country, 0, customers FROM dw.agg_customer_count
		) AS c GROUP BY year, country HAVING SUM(customers) <> SUM(counted) ORDER BY year, country`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []CellDifference
	for rows.Next() {
		c := CellDifference{Aggregate: countTable}
		var want, have int64
		if err := rows.Scan(&c.Period, &c.Country, &want, &have); err != nil {
			return nil, err
		}
		c.Detail = fmt.Sprintf("customers should be %d and is %d", want, have)
		found = append(found, c)
	}
	return found, rows.Err()
}

// querier is a database or a transaction.
type querier interface {
	staleReader
	Query(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// readSums reads the sums of a query like those of totals.
func readSums(ctx context.Context, db querier, query string, count int, byStore bool) (map[sumCell][]int64, error) {
	rows, err := db.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	read := make(map[sumCell][]int64)
	for rows.Next() {
		var c sumCell
		sums := make([]int64, count)
		into := []any{&c.period, &c.country}
		if byStore {
			into = []any{&c.period, &c.store, &c.country, &c.currency}
		}
		for i := range sums {
			into = append(into, &sums[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		read[c] = sums
	}
	return read, rows.Err()
}

// totals is the query for the aggregate's sums by period and store, or by period
// and country.
func (a aggregate) totals(byStore bool) string {
	columns := []string{a.grain[0].name, "country"}
	if byStore {
		columns = []string{a.grain[0].name, "store_key", "country", "currency"}
	}
	var sums, where []string
	for _, m := range a.measures {
		sums = append(sums, "SUM(CAST("+m.name+" AS BIGINT))")
	}
	for _, c := range a.grain {
		if c.from == "" {
			where = append(where, c.name+" = "+c.constant)
		} else if c.name == "year" && !byStore {
			where = append(where, "year <> 0")
		}
	}
	text := "SELECT " + strings.Join(columns, ", ") + ", " + strings.Join(sums, ", ") + " FROM " + a.table
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	return text + " GROUP BY " + strings.Join(columns, ", ")
}

// rollUp brings the facts' sums by day to the aggregate's period.
func (a aggregate) rollUp(facts map[sumCell][]int64, byStore bool) map[sumCell][]int64 {
	rolled := make(map[sumCell][]int64)
	for c, sums := range facts {
		switch a.grain[0].value() {
		case "month_key":
			c.period /= 100
		case "year":
			c.period /= 10000
		case "0":
			c.period = 0
		}
		if !byStore {
			c.store, c.currency = 0, ""
		}
		if rolled[c] == nil {
			rolled[c] = make([]int64, len(measures))
		}
		for i, n := range sums {
			rolled[c][i] += n
		}
	}
	return rolled
}

// compare returns where sums of the aggregate and the facts differ. Of
// category_orders, which facts do not add up to, there is nothing to compare.
func (a aggregate) compare(have, facts map[sumCell][]int64) (found []CellDifference) {
	cells := make(map[sumCell]bool)
	for c := range have {
		cells[c] = true
	}
	for c := range facts {
		cells[c] = true
	}
	for c := range cells {
		var wrong []string
		for i, m := range a.measures {
			if m.name == categoryOrders {
				continue
			}
			var sum, want int64
			if row := have[c]; row != nil {
				sum = row[i]
			}
			if row := facts[c]; row != nil {
				want = row[i]
			}
			if sum != want {
				wrong = append(wrong, fmt.Sprintf("%s should be %d and is %d", m.name, want, sum))
			}
		}
		if len(wrong) > 0 {
			found = append(found, CellDifference{Aggregate: a.table, Period: c.period, StoreKey: c.store, Country: c.country, Currency: c.currency,
				Detail: strings.Join(wrong, ", ")})
		}
	}
	slices.SortFunc(found, func(a, b CellDifference) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.StoreKey, b.StoreKey), cmp.Compare(a.Country, b.Country),
			cmp.Compare(a.Currency, b.Currency))
	})
	return found
}
