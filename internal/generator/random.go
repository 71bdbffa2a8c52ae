package generator

import (
	"math/bits"
	"math/rand/v2"
)

// random is a PCG stream with the few draws that the generator needs. They are
// written out here, not taken from rand.Rand, because the files must stay the same
// bytes when a Go release changes how it draws: only PCG's stream itself is
// promised to be stable.
type random struct{ pcg rand.PCG }

// Purposes keep the streams of different things apart under one seed.
const (
	purposeTransactions = iota + 1
	purposeEmployee
	purposeCustomer
	purposeProduct
	purposeCounter
)

// newRandom returns the stream for one thing: what it is for, and its id.
func newRandom(seed uint64, purpose, id uint64) random {
	var r random
	// Mixed, so that neighbouring ids do not begin in neighbouring states.
	r.pcg.Seed(mix(seed^purpose*0x9e3779b97f4a7c15), mix(id+purpose))
	return r
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below returns a number in [0, n). Its bias, n in 2^64, is beyond notice.
func (r *random) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.pcg.Uint64(), n)
	return hi
}

// chance is true with a probability of permille in 1000.
func (r *random) chance(permille uint64) bool { return r.below(1000) < permille }

// between returns a number in [lo, hi].
func (r *random) between(lo, hi int) int { return lo + int(r.below(uint64(hi-lo+1))) }

// pick returns an index drawn by cumulative weights: running sums, the last of
// which is the total.
func (r *random) pick(cumulative []uint64) int {
	x := r.below(cumulative[len(cumulative)-1])
	i := 0
	for cumulative[i] <= x { // the tables are short: a scan beats a search
		i++
	}
	return i
}

// one returns an element of list.
func one[T any](r *random, list []T) T { return list[r.below(uint64(len(list)))] }

// cumulate returns the running sums of weights.
func cumulate(weights ...uint64) []uint64 {
	sums := make([]uint64, len(weights))
	var sum uint64
	for i, w := range weights {
		sum += w
		sums[i] = sum
	}
	return sums
}
