// Package fx holds the rates of exchange: how many units of a currency one USD
// bought on a day.
package fx

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"tillstream/data"
	"tillstream/internal/reference"
)

// Rate is an exact number of units per USD: Coefficient × 10^-Scale, above zero.
type Rate struct {
	Coefficient uint64
	Scale       int
}

// Table is the rates by currency and day. It does not change once it is read.
type Table struct {
	currencies map[string][]dated // each sorted by day
}

type dated struct {
	day  int64 // days since 1970-01-01
	rate Rate
}

const secondsPerDay = 24 * 60 * 60

// The columns of a rates file.
const (
	columnDate     = "Date"
	columnCurrency = "Currency"
	columnRate     = "Units Per USD"
)

var columns = []string{columnDate, columnCurrency, columnRate}

// Default is the table built into the binary.
func Default() *Table {
	t, err := Read(strings.NewReader(data.Rates))
	if err != nil {
		panic("the embedded fx_rates.csv is broken: " + err.Error()) // a test reads it
	}
	return t
}

// Load reads a rates file: CSV with the columns Date, Currency, Units Per USD.
func Load(path string) (*Table, error) { return reference.Load("the rates file", path, Read) }

// Read reads a rates file as Load does.
func Read(r io.Reader) (*Table, error) {
	t := &Table{currencies: make(map[string][]dated)}
	if err := reference.Read(r, columns, t.add); err != nil {
		return nil, err
	}
	if len(t.currencies) == 0 {
		return nil, errors.New("it holds no rate")
	}
	for _, rates := range t.currencies {
		sort.Slice(rates, func(i, j int) bool { return rates[i].day < rates[j].day })
	}
	return t, nil
}

// add takes in a record of a rates file.
func (t *Table) add(row reference.Row) error {
	date, currency, rate := row.Field(columnDate), row.Field(columnCurrency), row.Field(columnRate)
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return fmt.Errorf("%q is no date like 2023-01-31", date)
	}
	if len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("%q is no currency code like EUR", currency)
	}
	d, err := decimal.Parse(rate)
	if err != nil || !d.IsPos() {
		return fmt.Errorf("%q is no rate above zero", rate)
	}
	if len(rate) > decimal.MaxPrec { // the library would round it
		return fmt.Errorf("the rate %q is longer than %d characters", rate, decimal.MaxPrec)
	}
	d = d.Trim(0)
	n := dated{day: dayOf(day), rate: Rate{Coefficient: d.Coef(), Scale: d.Scale()}}
	for _, other := range t.currencies[currency] {
		if other.day == n.day {
			return fmt.Errorf("%s has a second rate for %s", currency, date)
		}
	}
	t.currencies[currency] = append(t.currencies[currency], n)
	return nil
}

// On returns a currency's rate for a sale at the given local time: the latest on
// or before its date, else the earliest there is. It reports false for a
// currency the table does not have.
func (t *Table) On(currency string, at time.Time) (Rate, bool) {
	rates := t.currencies[currency]
	if len(rates) == 0 {
		return Rate{}, false
	}
	if len(rates) == 1 {
		return rates[0].rate, true
	}
	day := dayOf(at)
	after := sort.Search(len(rates), func(i int) bool { return rates[i].day > day })
	return rates[max(after-1, 0)].rate, true
}

// dayOf counts the days from 1970-01-01, also backwards.
func dayOf(at time.Time) int64 {
	seconds := at.Unix()
	if seconds < 0 {
		seconds -= secondsPerDay - 1
	}
	return seconds / secondsPerDay
}

// Currencies returns the codes the table has, sorted.
func (t *Table) Currencies() []string {
	codes := make([]string, 0, len(t.currencies))
	for code := range t.currencies {
		codes = append(codes, code)
	}
	sort.Strings(codes)
	return codes
}
