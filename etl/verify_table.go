package etl

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// kindsText says how many differences of each kind there are: "2 missing, 1 rate".
func (s *VerifySummary) kindsText() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(s.Kinds)) {
		parts = append(parts, fmt.Sprintf("%d %s", s.Kinds[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// Print writes the comparison for people: the sides beside each other, the days
// that differ, and the lines.
func (s *VerifySummary) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...any) {
		for _, c := range cells {
			_, _ = fmt.Fprintf(t, "%v\t", c) // Flush returns the error
		}
		_, _ = fmt.Fprintln(t)
	}
	row("", "lines", "rejected", "repeated", "sales USD", "refunds USD", "net USD")
	side := func(name string, side *Side) {
		if side != nil {
			row(name, side.Lines, side.Rejected, side.Duplicates, side.SalesUSD, side.RefundsUSD, side.NetUSD)
		}
	}
	side("source", s.Source)
	side("CSV", s.CSV)
	side("expected", &s.Expected)
	side("warehouse", &s.Warehouse)
	if err := t.Flush(); err != nil {
		return err
	}
	if s.Differences == 0 {
		_, err := fmt.Fprintln(w, "\nno difference")
		return err
	}
	_, _ = fmt.Fprintf(w, "\n%d differences: %s\n", s.Differences, s.kindsText())
	if len(s.Days) > 0 {
		_, _ = fmt.Fprintf(w, "\n%d days, stores and currencies differ%s\n", s.DaysTotal, shown(len(s.Days), s.DaysTotal))
		row("day", "store", "", "source", "", "CSV", "", "expected", "", "warehouse", "", "USD expected", "USD warehouse")
		for _, d := range s.Days {
			row(d.Date, d.StoreID, d.Currency, d.SourceLines, d.SourceNet, d.CSVLines, d.CSVNet, d.ExpectedLines, d.ExpectedNet,
				d.WarehouseLines, d.WarehouseNet, d.ExpectedUSD, d.WarehouseUSD)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Lines) > 0 {
		_, _ = fmt.Fprintf(w, "\nlines that differ%s\n", shown(len(s.Lines), s.lineDifferences()))
		for _, l := range s.Lines {
			row(l.Kind, cmp.Or(l.InvoiceID, "?"), l.Line, l.Detail)
		}
	}
	if len(s.Cells) > 0 {
		_, _ = fmt.Fprintf(w, "\nplaces in aggregates whose sums differ%s\n", shown(len(s.Cells), s.Kinds[KindAggregates]))
		row("aggregate", "period", "store key", "country", "currency", "")
		for _, c := range s.Cells {
			row(c.Aggregate, c.Period, c.StoreKey, c.Country, c.Currency, c.Detail)
		}
	}
	return t.Flush()
}

func (s *VerifySummary) lineDifferences() int64 { return s.Differences - s.Kinds[KindAggregates] }

// shown says which part of a list is there.
func shown(n int, total int64) string {
	if int64(n) < total {
		return fmt.Sprintf("; the first %d:", n)
	}
	return ":"
}
