package etl

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"tillstream/internal/database"
)

// letterSizes are the sizes that are no number, from small to large.
var letterSizes = []string{"XXXS", "XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL"}

// productSizes returns the sizes of each product as product_size has them, written
// S|M|L; nothing where there is no such table.
func productSizes(ctx context.Context, source *database.DB) (map[string]string, error) {
	exists, err := source.TableExists(ctx, "dbo", "product_size")
	if err != nil || !exists {
		return nil, err
	}
	table, err := openTable(ctx, source, "dbo.product_size", []string{"Product ID", "Size"}, []string{"Product ID", "Size"})
	if err != nil {
		return nil, err
	}
	table.versioned = false // all of it is read
	sizes := make(map[string][]string)
	err = table.scan(ctx, versions{}, func(_ int64, values []string) error {
		id := strings.TrimRight(values[0], " ")
		sizes[id] = append(sizes[id], strings.TrimSpace(values[1]))
		return nil
	})
	if err != nil {
		return nil, err
	}
	joined := make(map[string]string, len(sizes))
	for id, list := range sizes {
		slices.SortFunc(list, bySize)
		joined[id] = strings.Join(slices.Compact(list), sizeSeparator)
	}
	return joined, nil
}

// bySize orders sizes as a rail does: letters from small to large, then numbers,
// then anything else.
func bySize(a, b string) int {
	kindA, rankA := sizeRank(a)
	kindB, rankB := sizeRank(b)
	return cmp.Or(cmp.Compare(kindA, kindB), cmp.Compare(rankA, rankB), strings.Compare(a, b))
}

func sizeRank(size string) (kind int, rank float64) {
	if at := slices.Index(letterSizes, strings.ToUpper(size)); at >= 0 {
		return 0, float64(at)
	}
	if number, err := strconv.ParseFloat(size, 64); err == nil {
		return 1, number
	}
	return 2, 0
}
