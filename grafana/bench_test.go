package grafana

import (
	"os"
	"testing"

	"tillstream/internal/database"
)

// BenchmarkSQL measures each query that the dashboards send to the warehouse, with
// nothing chosen: everything is the most there is to add up. TILLSTREAM_WAREHOUSE names
// the warehouse; without, it is a small one of its own.
//
//	go test -run '^$' -bench SQL -benchtime 5x ./grafana
func BenchmarkSQL(b *testing.B) {
	var h history
	if address := os.Getenv("TILLSTREAM_WAREHOUSE"); address == "" {
		h = filled(b)
	} else {
		db, err := database.Open(b.Context(), address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = db.Close() })
		h = history{db: db, address: address}
	}
	for _, q := range questions(b) {
		text, err := q.board.Expand(q.text, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(q.board.File+"/"+q.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := h.ask(b.Context(), text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
