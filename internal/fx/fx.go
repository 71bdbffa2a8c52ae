// Package fx holds the rates of exchange: how many units of a currency one USD
// bought on a day.
package fx

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"tillstream/data"
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

// header of a rates file, see DESIGN §3.
var header = []string{"Date", "Currency", "Units Per USD"}

// Default is the table built into the binary.
func Default() *Table {
	t, err := Read(strings.NewReader(data.Rates))
	if err != nil {
		panic("the embedded fx_rates.csv is broken: " + err.Error()) // a test reads it
	}
	return t
}

// Load reads a rates file: CSV with the columns Date, Currency, Units Per USD.
func Load(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the rates file: %w", err)
	}
	defer f.Close()
	t, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("reading the rates file %s: %w", path, err)
	}
	return t, nil
}

// Read reads a rates file as Load does.
func Read(r io.Reader) (*Table, error) {
	in := csv.NewReader(r)
	got, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it is empty; the first line must be %q", strings.Join(header, ","))
	}
	if err != nil {
		return nil, err
	}
	got[0] = strings.TrimPrefix(got[0], "\ufeff")
	if !slices.Equal(got, header) {
		return nil, fmt.Errorf("the header is %q; it must be %q", strings.Join(got, ","), strings.Join(header, ","))
	}
	t := &Table{currencies: make(map[string][]dated)}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		day, err := time.Parse(time.DateOnly, record[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no date like 2023-01-31", line, record[0])
		}
		currency := record[1]
		if len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return nil, fmt.Errorf("line %d: %q is no currency code like EUR", line, currency)
		}
		d, err := decimal.Parse(record[2])
		if err != nil || !d.IsPos() {
			return nil, fmt.Errorf("line %d: %q is no rate above zero", line, record[2])
		}
		if len(record[2]) > decimal.MaxPrec { // the library would round it
			return nil, fmt.Errorf("line %d: the rate %q is longer than %d characters", line, record[2], decimal.MaxPrec)
		}
		d = d.Trim(0)
		n := dated{day: dayOf(day), rate: Rate{Coefficient: d.Coef(), Scale: d.Scale()}}
		for _, other := range t.currencies[currency] {
			if other.day == n.day {
				return nil, fmt.Errorf("line %d: %s has a second rate for %s", line, currency, record[0])
			}
		}
		t.currencies[currency] = append(t.currencies[currency], n)
	}
	if len(t.currencies) == 0 {
		return nil, errors.New("it holds no rate")
	}
	for _, rates := range t.currencies {
		sort.Slice(rates, func(i, j int) bool { return rates[i].day < rates[j].day })
	}
	return t, nil
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
