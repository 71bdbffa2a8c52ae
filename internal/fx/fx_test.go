package fx

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func mustRead(t *testing.T, rows ...string) *Table {
	t.Helper()
	table, err := Read(strings.NewReader("Date,Currency,Units Per USD\n" + strings.Join(rows, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The rates that everything is accounted by (DESIGN §3).
func TestDefault(t *testing.T) {
	table := Default()
	if got := table.Currencies(); !slices.Equal(got, []string{"CNY", "EUR", "GBP", "USD"}) {
		t.Errorf("the currencies are %q", got)
	}
	for _, at := range []string{"1999-12-31", "2023-01-01", "2030-06-15"} {
		day, err := time.Parse(time.DateOnly, at)
		if err != nil {
			t.Fatal(err)
		}
		for currency, want := range map[string]Rate{"USD": {1, 0}, "EUR": {92, 2}, "CNY": {645, 2}, "GBP": {82, 2}} {
			if got, ok := table.On(currency, day); !ok || got != want {
				t.Errorf("%s on %s is %v, %v", currency, at, got, ok)
			}
		}
	}
}

// A sale takes the latest rate on or before its date, else the earliest.
func TestOn(t *testing.T) {
	table := mustRead(t, "2024-03-10,EUR,0.93", "2023-01-01,EUR,0.92", "2024-03-31,EUR,0.90", "1965-05-05,GBP,0.3", "1969-12-31,GBP,0.4", "1970-01-01,GBP,0.5")
	for _, c := range []struct {
		currency, at string
		want         Rate
	}{
		{"EUR", "2022-12-31 23:59:59", Rate{92, 2}},
		{"EUR", "2023-01-01 00:00:00", Rate{92, 2}},
		{"EUR", "2024-03-09 23:59:59", Rate{92, 2}},
		{"EUR", "2024-03-10 00:00:00", Rate{93, 2}},
		{"EUR", "2024-03-30 12:00:00", Rate{93, 2}},
		{"EUR", "2024-03-31 00:00:00", Rate{9, 1}},
		{"EUR", "2999-01-01 00:00:00", Rate{9, 1}},
		{"GBP", "1900-01-01 00:00:00", Rate{3, 1}},
		{"GBP", "1969-12-30 23:59:59", Rate{3, 1}},
		{"GBP", "1969-12-31 00:00:00", Rate{4, 1}},
		{"GBP", "1969-12-31 23:59:59", Rate{4, 1}},
		{"GBP", "1970-01-01 00:00:00", Rate{5, 1}},
	} {
		at, err := time.Parse(time.DateTime, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := table.On(c.currency, at); !ok || got != c.want {
			t.Errorf("%s at %s is %v, %v, want %v", c.currency, c.at, got, ok, c.want)
		}
	}
	for _, currency := range []string{"", "CHF", "eur"} {
		if got, ok := table.On(currency, time.Now()); ok {
			t.Errorf("%q is %v", currency, got)
		}
	}
}

func TestReadRates(t *testing.T) {
	for text, want := range map[string]Rate{"1": {1, 0}, "1.0": {1, 0}, "100": {100, 0}, "0.920": {92, 2}, ".5": {5, 1}, "0.00000000000000001": {1, 17}} {
		if got, ok := mustRead(t, "2023-01-01,EUR,"+text).On("EUR", time.Now()); !ok || got != want {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
}

// An error names the line, counted as an editor does, and what is wrong there.
func TestReadErrors(t *testing.T) {
	const header = "Date,Currency,Units Per USD\n2023-01-01,USD,1\n\n"
	for _, c := range []struct{ file, want string }{
		{"", "empty"},
		{"Date,Currency,Units Per USD\n", "no rate"},
		{"2023-01-01,USD,1\n", `"Date"`},
		{"Date,Currency,Rate\n2023-01-01,USD,1\n", `"Units Per USD"`},
		{header + "2023-02-30,EUR,0.92\n", `line 4: "2023-02-30"`},
		{header + "01.02.2023,EUR,0.92\n", `line 4: "01.02.2023"`},
		{header + "2023-01-01,eur,0.92\n", `line 4: "eur"`},
		{header + "2023-01-01,EURO,0.92\n", `line 4: "EURO"`},
		{header + "2023-01-01,€,0.92\n", `line 4: "€"`},
		{header + "2023-01-01,,0.92\n", `line 4: ""`},
		{header + "2023-01-01,EUR,0\n", `line 4: "0"`},
		{header + "2023-01-01,EUR,-1\n", `line 4: "-1"`},
		{header + "2023-01-01,EUR,\n", `line 4: ""`},
		{header + "2023-01-01,EUR,\"0,92\"\n", `line 4: "0,92"`},
		{header + "2023-01-01,EUR,NaN\n", `line 4: "NaN"`},
		{header + "2023-01-01,EUR,0.12345678901234567890123\n", "line 4"},
		{header + "2023-01-01,EUR,0.92\n2023-01-01,EUR,0.93\n", "line 5: EUR"},
	} {
		if table, err := Read(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, %v; want %q", c.file, table, err, c.want)
		}
	}
}
