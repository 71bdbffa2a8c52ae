package totals

import (
	"strings"

	"github.com/govalues/decimal"

	"tillstream/internal/telemetry"
)

// How many employees and products are added up, to find those of whom the most was
// sold. What bounds the series is declared with the metrics.
const (
	maxEmployees = 20_000
	maxProducts  = 100_000
)

// sums are sums by name, of at most limit names and telemetry.Other.
type sums[N any] struct {
	byName  map[string]*named[N]
	inOrder []*named[N] // the same, to go through quickly
	limit   int
	// canonical brings the ways in which a name is written to one; nil leaves it.
	canonical func(string) string
	// Two ways round the map, which is where half of the time of adding a line
	// would go. The one used last: most lines have the same payment method and
	// discount as the line before. And those whose name is a small number, by that
	// number, as the published IDs of products and employees are.
	last     *named[N]
	numbered []*named[N]
}

type named[N any] struct {
	name string
	sum  N
}

func newSums[N any](limit int, names ...string) *sums[N] {
	s := &sums[N]{byName: make(map[string]*named[N]), limit: limit, last: new(named[N])}
	for _, name := range names {
		s.put(name)
	}
	return s
}

// of returns the sum for a name.
func (s *sums[N]) of(name string) *N {
	if name == "" {
		name = telemetry.Unknown
	}
	if name == s.last.name {
		return &s.last.sum
	}
	number, isNumber := smallNumber(name)
	if isNumber && number < len(s.numbered) && s.numbered[number] != nil {
		return &s.numbered[number].sum
	}
	n, ok := s.byName[name]
	if !ok {
		n = s.add(name)
	}
	if isNumber {
		if number >= len(s.numbered) {
			s.numbered = append(s.numbered, make([]*named[N], number+1-len(s.numbered))...)
		}
		s.numbered[number] = n
		return &n.sum
	}
	s.last = n
	return &n.sum
}

// smallNumber reads a whole number below 100,000, written in the one usual way.
func smallNumber(text string) (n int, ok bool) {
	if len(text) > 5 || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = 10*n + int(text[i]-'0')
	}
	return n, true
}

func (s *sums[N]) add(name string) *named[N] {
	if s.canonical != nil {
		name = s.canonical(name)
		if n, ok := s.byName[name]; ok {
			return n
		}
	}
	if len(name) > telemetry.MaxLabel || len(s.byName) >= s.limit {
		name = telemetry.Other
		if n, ok := s.byName[name]; ok {
			return n
		}
	}
	return s.put(name)
}

func (s *sums[N]) put(name string) *named[N] {
	n := &named[N]{name: strings.Clone(name)} // not the memory of a whole message
	s.byName[n.name] = n
	s.inOrder = append(s.inOrder, n)
	return n
}

// discountOf writes a discount in one way, however the till did: 0.350 and .35 are
// both 0.35.
func discountOf(text string) string {
	d, err := decimal.Parse(text)
	if err != nil {
		return text
	}
	if d.IsZero() {
		return "0"
	}
	return d.Trim(0).String()
}
