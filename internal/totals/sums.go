package totals

import (
	"strings"

	"github.com/govalues/decimal"
)

// Bounds on what comes in from outside, so that no message can make the number
// of series or the memory grow without end. What is beyond goes to Other.
const (
	maxUnknownStores = 100
	maxCategories    = 10
	maxPayments      = 20
	maxDiscounts     = 100
	maxEmployees     = 20_000
	maxProducts      = 100_000
	maxLabel         = 40 // bytes

	// Other is the label value of everything beyond a bound. No till writes it.
	Other = "_other"
	// unknown is the label value where a line has none.
	unknown = "unknown"
)

// sums are sums by name, of at most limit names.
type sums[N any] struct {
	byName map[string]*named[N]
	limit  int
	// canonical brings the ways in which a name is written to one; nil leaves it.
	canonical func(string) string
	// The one used last: most lines have the same payment method and discount as
	// the line before.
	last *named[N]
}

type named[N any] struct {
	name string
	sum  N
}

func newSums[N any](limit int, names ...string) *sums[N] {
	s := &sums[N]{byName: make(map[string]*named[N]), limit: limit, last: new(named[N])}
	for _, name := range names {
		s.byName[name] = &named[N]{name: name}
	}
	return s
}

// of returns the sum for a name.
func (s *sums[N]) of(name string) *N {
	if name == "" {
		name = unknown
	}
	if name != s.last.name {
		n, ok := s.byName[name]
		if !ok {
			n = s.add(name)
		}
		s.last = n
	}
	return &s.last.sum
}

func (s *sums[N]) add(name string) *named[N] {
	if s.canonical != nil {
		name = s.canonical(name)
		if n, ok := s.byName[name]; ok {
			return n
		}
	}
	if len(name) > maxLabel || len(s.byName) >= s.limit {
		name = Other
		if n, ok := s.byName[name]; ok {
			return n
		}
	}
	n := &named[N]{name: strings.Clone(name)} // not the memory of a whole message
	s.byName[n.name] = n
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
