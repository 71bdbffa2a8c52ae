//go:build unix

package workbench

import (
	"cmp"
	"math"
	"slices"
)

// Median is the middle one.
func Median[T cmp.Ordered](all []T) T { return slices.Sorted(slices.Values(all))[len(all)/2] }

// Quantile interpolates in the bucket that holds it, as PromQL's
// histogram_quantile does.
func Quantile(cumulative map[float64]float64, q float64) float64 {
	rank := q * cumulative[math.Inf(1)]
	lower, below, upper := 0.0, 0.0, math.Inf(1)
	for bound, count := range cumulative {
		if count >= rank && bound < upper {
			upper = bound
		}
	}
	for bound, count := range cumulative {
		if bound < upper && bound > lower {
			lower, below = bound, count
		}
	}
	if math.IsInf(upper, 1) {
		return lower
	}
	return lower + (upper-lower)*(rank-below)/(cumulative[upper]-below)
}
