package grafana

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tillstream/etl"
	"tillstream/internal/store"
)

// panel returns what a panel of the history shows.
func (h history) panel(t *testing.T, title string, choice Choice) table {
	t.Helper()
	for _, q := range questions(t) {
		if q.board.UID != "tillstream-history" || q.name != title {
			continue
		}
		text, err := q.board.Expand(q.text, choice, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.ask(t.Context(), text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", title, err, text)
		}
		return got
	}
	t.Fatalf("there is no panel %q", title)
	return table{}
}

// sum adds up a column.
func (r table) sum(t *testing.T, column string) (total float64) {
	t.Helper()
	at := slices.Index(r.columns, column)
	if at < 0 {
		t.Fatalf("there is no column %q among %q", column, r.columns)
	}
	for _, row := range r.rows {
		value, err := strconv.ParseFloat(row[at], 64)
		if err != nil {
			t.Fatalf("%s: %v", column, err)
		}
		total += value
	}
	return total
}

// same compares two amounts to less than half a cent: SQLite adds up floats.
func same(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.005 {
		t.Errorf("%s: %.6f, not %.6f", what, got, want)
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The history shows what verify and the summary say, in total and by country, and
// its panels agree with each other for whatever is chosen.
func TestHistoryShowsTheRightNumbers(t *testing.T) {
	h := filled(t)
	summary, err := etl.ReadHistory(t.Context(), h.address)
	if err != nil {
		t.Fatal(err)
	}
	all := h.panel(t, "Key figures", nil)
	same(t, "net revenue and verify's", all.sum(t, "Net revenue"), number(t, h.verify.NetUSD))
	same(t, "net revenue and the summary's", all.sum(t, "Net revenue"), number(t, summary.NetUSD))
	for _, c := range summary.Countries {
		code, _ := store.CountryNamed(c.Country)
		got := h.panel(t, "Key figures", Choice{"country": {code}})
		same(t, "net revenue of "+c.Country, got.sum(t, "Net revenue"), number(t, c.NetUSD))
	}
	for name, choice := range choices {
		if choice["money"] != nil {
			continue
		}
		figures := h.panel(t, "Key figures", choice)
		net, sales, orders := figures.sum(t, "Net revenue"), figures.sum(t, "Sales"), figures.sum(t, "Orders")
		same(t, name+": sales less returns", sales-figures.sum(t, "Returns"), net)
		same(t, name+": sales by city", h.panel(t, "Sales by city", choice).sum(t, "Sales"), sales)
		same(t, name+": orders by country", h.panel(t, "Orders by country", choice).sum(t, "Orders"), orders)
		same(t, name+": by category", h.panel(t, "Net revenue by category", choice).sum(t, "Net"), net)
		same(t, name+": by payment method", h.panel(t, "Net revenue by payment", choice).sum(t, "Net"), net)
		same(t, name+": by weekday and hour", h.panel(t, "Sales by weekday and hour", choice).sum(t, "Sales"), sales)
		same(t, name+": by store", h.panel(t, "Stores", choice).sum(t, "Net revenue"), net)
		if choice["year"] == nil {
			same(t, name+": by month", h.panel(t, "Net revenue by month, the years side by side", choice).sum(t, "Net"), net)
		}
	}
}

// Months, weekdays and hours are in their order, not in that of their names, and
// each weekday has each hour, so that the grid has no holes.
func TestHistoryIsInOrder(t *testing.T) {
	h := filled(t)
	distinct := func(r table, column int) (values []string) {
		for _, row := range r.rows {
			if !slices.Contains(values, row[column]) {
				values = append(values, row[column])
			}
		}
		return values
	}
	months := distinct(h.panel(t, "Net revenue by month, the years side by side", nil), 0)
	if want := strings.Fields("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"); !slices.Equal(months, want) {
		t.Errorf("the months are %q", months)
	}
	grid := h.panel(t, "Sales by weekday and hour", Choice{"store": {"12"}})
	weekdays, hours := distinct(grid, 0), distinct(grid, 1)
	if want := strings.Fields("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"); !slices.Equal(weekdays, want) {
		t.Errorf("the weekdays are %q", weekdays)
	}
	if !slices.IsSortedFunc(hours, func(a, b string) int { return int(number(t, a) - number(t, b)) }) || len(grid.rows) != len(weekdays)*len(hours) {
		t.Errorf("%d rows, hours %q", len(grid.rows), hours)
	}
}

// The years add up to all of them.
func TestYearsAddUp(t *testing.T) {
	h := filled(t)
	var total float64
	for _, year := range []string{"2023", "2024"} {
		total += h.panel(t, "Key figures", Choice{"year": {year}}).sum(t, "Net revenue")
	}
	same(t, "2023 and 2024", total, h.panel(t, "Key figures", nil).sum(t, "Net revenue"))
}

// Local amounts are those of the store's own currency, and never of two.
func TestStoresInLocalCurrency(t *testing.T) {
	h := filled(t)
	local := h.panel(t, "Stores", Choice{"money": {"local"}, "country": {"CN", "GB"}})
	usd := h.panel(t, "Stores", Choice{"country": {"CN", "GB"}})
	at, in := slices.Index(local.columns, "Net revenue"), slices.Index(local.columns, "In")
	for i, row := range local.rows {
		if row[0] != usd.rows[i][0] || usd.rows[i][in] != "USD" || row[in] != "CNY" && row[in] != "GBP" {
			t.Fatalf("%q and %q", row, usd.rows[i])
		}
		if rate := number(t, row[at]) / number(t, usd.rows[i][at]); row[in] == "CNY" && (rate < 6 || rate > 8) || row[in] == "GBP" && (rate < 0.6 || rate > 1) {
			t.Errorf("%q: %v %s a dollar", row[0], rate, row[in])
		}
	}
}
