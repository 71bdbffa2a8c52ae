package grafana

import (
	"context"
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
