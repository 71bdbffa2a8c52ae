package etl

import (
	"cmp"
	"slices"
	"time"

	"tillstream/internal/sale"
)

// A cell is what is added up: what a store sold on a day in a currency.
type cell struct {
	day      int // as dim_date numbers it
	store    string
	currency string
}

// A tally is what one side has in a cell. Amounts are millionths.
type tally struct{ lines, local, sales, refunds int64 }

func (t *tally) count(f *fact) {
	t.lines++
	t.local += f.lineTotal
	if f.usd > 0 {
		t.sales += f.usd
	} else {
		t.refunds -= f.usd
	}
}

// take takes a line out again.
func (t *tally) take(f *fact) {
	var one tally
	one.count(f)
	t.plus(tally{-one.lines, -one.local, -one.sales, -one.refunds})
}

func (t *tally) plus(other tally) {
	t.lines += other.lines
	t.local += other.local
	t.sales += other.sales
	t.refunds += other.refunds
}

// cellSums are all sides' tallies of a cell. What could not be checked of the
// warehouse is apart.
type cellSums struct{ source, csv, expected, warehouse, unchecked tally }

// at returns the sums of the cell that a line belongs to.
func (v *verification) at(f *fact) *cellSums {
	c := cell{dateKey(f.soldAt), f.storeID, f.currency}
	sums, ok := v.sums[c]
	if !ok {
		sums = &cellSums{}
		v.sums[c] = sums
	}
	return sums
}

// DayDifference is a day, store and currency whose sums differ.
type DayDifference struct {
	Date           string `json:"date"`
	StoreID        string `json:"store_id"`
	Currency       string `json:"currency"`
	SourceLines    int64  `json:"source_lines"`
	CSVLines       int64  `json:"csv_lines"`
	ExpectedLines  int64  `json:"expected_lines"`
	WarehouseLines int64  `json:"warehouse_lines"`
	SourceNet      string `json:"source_net"` // Line Totals in the currency, 2 decimals
	CSVNet         string `json:"csv_net"`
	ExpectedNet    string `json:"expected_net"`
	WarehouseNet   string `json:"warehouse_net"`
	ExpectedUSD    string `json:"expected_usd"`
	WarehouseUSD   string `json:"warehouse_usd"`
}

// addUp puts the totals and the cells that differ into the summary.
func (v *verification) addUp(s *VerifySummary) {
	var source, csv, expected, warehouse tally
	var differing []cell
	for c, sums := range v.sums {
		source.plus(sums.source)
		csv.plus(sums.csv)
		expected.plus(sums.expected)
		warehouse.plus(sums.warehouse)
		warehouse.plus(sums.unchecked)
		if sums.expected != sums.warehouse {
			differing = append(differing, c)
		}
	}
	slices.SortFunc(differing, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(len(a.store), len(b.store)), cmp.Compare(a.store, b.store), cmp.Compare(a.currency, b.currency))
	})
	s.DaysTotal = int64(len(differing))
	for _, c := range differing[:min(len(differing), v.options.List)] {
		sums := v.sums[c]
		day := time.Date(c.day/10000, time.Month(c.day/100%100), c.day%100, 0, 0, 0, 0, time.UTC)
		money := func(micros int64) string { return sale.Micros(micros).String() }
		s.Days = append(s.Days, DayDifference{Date: day.Format(time.DateOnly), StoreID: c.store, Currency: c.currency,
			SourceLines: sums.source.lines, CSVLines: sums.csv.lines, ExpectedLines: sums.expected.lines, WarehouseLines: sums.warehouse.lines,
			SourceNet: money(sums.source.local), CSVNet: money(sums.csv.local), ExpectedNet: money(sums.expected.local), WarehouseNet: money(sums.warehouse.local),
			ExpectedUSD: money(sums.expected.sales - sums.expected.refunds), WarehouseUSD: money(sums.warehouse.sales - sums.warehouse.refunds)})
	}
	if v.source != nil {
		v.sourceSide.add(source)
		s.Source = &v.sourceSide
	}
	if len(v.options.CSV) > 0 {
		v.csvSide.add(csv)
		s.CSV = &v.csvSide
	}
	s.Expected.add(expected)
	s.Warehouse.add(warehouse)
}
