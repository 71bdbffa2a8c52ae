package totals

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// BenchmarkScrape is what a scrape of the business metrics costs with the 35
// published stores, from totals to text: with the products and employees of the
// published data, and with as many as there can be.
func BenchmarkScrape(b *testing.B) {
	for _, size := range []struct{ employees, products int }{{404, 17_940}, {maxEmployees, maxProducts}} {
		b.Run(fmt.Sprintf("products=%d", size.products), func(b *testing.B) {
			totals := New(store.Default())
			random := rand.New(rand.NewPCG(1, 2))
			stores := store.Default().All()
			line := *read(b, nil)
			for i := range size.products {
				line.Row[sale.EmployeeID], line.Row[sale.ProductID] = strconv.Itoa(i%size.employees), "p"+strconv.Itoa(i)
				line.Store = stores[i%len(stores)]
				line.Quantity, line.USD = 1+random.Int64N(50), 1+sale.Micros(random.Int64N(1e9))
				totals.Add([]Entry{{&line, true}})
			}
			registry := prometheus.NewRegistry()
			registry.MustRegister(totals)
			b.ReportAllocs()
			for b.Loop() {
				families, err := registry.Gather()
				if err != nil {
					b.Fatal(err)
				}
				encoder := expfmt.NewEncoder(io.Discard, expfmt.NewFormat(expfmt.TypeTextPlain))
				for _, family := range families {
					if err := encoder.Encode(family); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
