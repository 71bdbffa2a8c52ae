package grafana

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long a query may take on a machine that does other things too.
const patience = 5 * time.Second

// Choices that people make; each query must answer each of them.
var choices = map[string]Choice{
	"everything":       nil,
	"one country":      {"country": {"DE"}},
	"two countries":    {"country": {"CN", "GB"}},
	"one year":         {"year": {"2024"}},
	"one city":         {"city": {"上海"}},
	"a city, quoted":   {"city": {"München"}, "country": {"DE"}},
	"one store":        {"store": {"12"}},
	"two stores":       {"store": {"12", "30"}},
	"one category":     {"category": {"Feminine"}},
	"two categories":   {"category": {"Masculine", "Children"}},
	"local currency":   {"money": {"local"}},
	"by gender":        {"segment": {"gender"}},
	"by job title":     {"segment": {"job title"}},
	"all of them once": {"year": {"2024"}, "country": {"DE"}, "city": {"Hamburg"}, "store": {"12"}, "category": {"Feminine"}, "money": {"local"}},
}

// Every query of every dashboard runs and finds something, whatever is chosen.
func TestSQLReturnsRows(t *testing.T) {
	h := filled(t)
	for _, q := range questions(t) {
		for name, choice := range choices {
			if q.name == "Latest 20 transactions" && len(choice) > 0 && choice["country"] == nil {
				continue // three days of so few lines are not of every store; TestVariablesChoose looks at it
			}
			text, err := q.board.Expand(q.text, choice, nil)
			if err != nil {
				t.Error(err)
				continue
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			got, err := h.ask(ctx, text)
			cancel()
			if err != nil {
				t.Errorf("%s: %s, %s: %v\n%s", q.board.File, q.name, name, err, text)
				continue
			}
			if len(got.rows) == 0 {
				t.Errorf("%s: %s, %s: no rows\n%s", q.board.File, q.name, name, text)
				continue
			}
			for i, cell := range got.rows[0] {
				if cell == "" && got.columns[i] != "Differences" { // only verify has them
					t.Errorf("%s: %s, %s: nothing under %s\n%s", q.board.File, q.name, name, got.columns[i], text)
				}
			}
		}
	}
}

// Whoever chooses something sees it in each panel whose query names it, and in no
// other; a panel that names it not says so in its description.
func TestVariablesChoose(t *testing.T) {
	h := filled(t)
	ask := func(q question, choice Choice) table {
		t.Helper()
		text, err := q.board.Expand(q.text, choice, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.ask(t.Context(), text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", q.name, err, text)
		}
		return got
	}
	one := map[string]string{"year": "2023", "country": "DE", "city": "München", "store": "12", "category": "Feminine", "money": "local", "segment": "gender"}
	for _, q := range questions(t) {
		everything := ask(q, nil)
		for name, value := range one {
			chosen := ask(q, Choice{name: {value}})
			changes := fmt.Sprint(chosen.rows) != fmt.Sprint(everything.rows)
			if names := strings.Contains(q.text, "${"+name+":"); changes != names {
				t.Errorf("%s: %s names the %s: %v, and changes with it: %v", q.board.File, q.name, name, names, changes)
			}
			at := slices.IndexFunc(chosen.columns, func(c string) bool { return c == "Country" })
			if name != "country" || at < 0 || !changes {
				continue
			}
			for _, row := range chosen.rows {
				if row[at] != "DE" && row[at] != "Germany" {
					t.Errorf("%s: %s shows %q with only Germany chosen", q.board.File, q.name, row)
				}
			}
		}
	}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			if d.UID != "tillstream-history" || p.Title == "Newest data" {
				continue
			}
			for _, name := range []string{"year", "country", "city", "store", "category"} {
				told := strings.Contains(p.Description, "do not matter here") || strings.Contains(p.Description, "does not matter here") || strings.Contains(p.Description, "All years whatever year is chosen")
				if !strings.Contains(p.Targets[0].RawSQL, "${"+name+":") && !told {
					t.Errorf("%s does not follow the %s, and does not say so", p.Title, name)
				}
			}
		}
	}
}
