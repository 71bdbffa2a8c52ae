package sale

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/govalues/decimal"

	"tillstream/internal/fx"
)

// exactUSD is the definition of a line's worth (DESIGN §3), computed another way:
// amount ÷ rate in rationals, rounded half-even to millionths.
func exactUSD(amount decimal.Decimal, rate fx.Rate) *big.Int {
	value, ok := new(big.Rat).SetString(amount.String())
	if !ok {
		panic(amount.String())
	}
	r := new(big.Rat).SetFrac(new(big.Int).SetUint64(rate.Coefficient), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(rate.Scale)), nil))
	value.Quo(value, r)
	value.Mul(value, big.NewRat(1_000_000, 1))
	return halfEven(value)
}

// halfEven rounds to a whole number.
func halfEven(x *big.Rat) *big.Int {
	floor := new(big.Int)
	rest := new(big.Int)
	floor.DivMod(x.Num(), x.Denom(), rest) // Euclidean: the rest is never negative
	switch rest.Lsh(rest, 1).Cmp(x.Denom()) {
	case 1:
		floor.Add(floor, big.NewInt(1))
	case 0:
		if floor.Bit(0) == 1 {
			floor.Add(floor, big.NewInt(1))
		}
	}
	return floor
}

func checkUSD(t *testing.T, amount decimal.Decimal, rate fx.Rate) {
	t.Helper()
	want := exactUSD(amount, rate)
	got, ok := usd(amount, rate)
	if inRange := want.CmpAbs(big.NewInt(int64(maxUSD))) <= 0; ok != inRange || ok && want.Cmp(big.NewInt(int64(got))) != 0 {
		t.Fatalf("%v ÷ %d×10^-%d is %d, %v, want %v", amount, rate.Coefficient, rate.Scale, got, ok, want)
	}
}

// usd agrees with rational arithmetic for any amount and rate that can be held.
func TestUSDIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	number := func() uint64 { return random.Uint64N(uint64(math.Pow10(random.IntN(19)+1))) % 1e19 }
	usual := []fx.Rate{{Coefficient: 1}, {Coefficient: 92, Scale: 2}, {Coefficient: 645, Scale: 2}, {Coefficient: 82, Scale: 2}}
	for range 30_000 {
		amount, err := decimal.New(int64(number()%math.MaxInt64), random.IntN(20))
		if err != nil {
			t.Fatal(err)
		}
		if random.IntN(2) == 0 {
			amount = amount.Neg()
		}
		checkUSD(t, amount, usual[random.IntN(len(usual))])
		checkUSD(t, amount, fx.Rate{Coefficient: number() + 1, Scale: random.IntN(20)})
	}
}

// What is exactly half way goes to the even neighbour, on either side of zero.
func TestUSDRoundsTiesToEven(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		// (2n+1)/2 millionths times the rate, so that dividing gives the half.
		rate := fx.Rate{Coefficient: 1 + random.Uint64N(1000), Scale: random.IntN(4)}
		n := random.Uint64N(1_000_000)
		amount := decimal.MustNew(int64((2*n+1)*5*rate.Coefficient), 7+rate.Scale)
		got, ok := usd(amount, rate)
		want := Micros(n + n&1)
		if !ok || got != want {
			t.Fatalf("%v ÷ %v is %d, %v, want %d", amount, rate, got, ok, want)
		}
		if got, ok = usd(amount.Neg(), rate); !ok || got != -want {
			t.Fatalf("-%v ÷ %v is %d, %v, want %d", amount, rate, got, ok, -want)
		}
	}
}

func TestUSDBounds(t *testing.T) {
	one := fx.Rate{Coefficient: 1}
	for text, want := range map[string]bool{
		"10000000": true, "10000000.0000005": true, "10000000.0000006": false, "10000000.000001": false, "9999999999999999999": false,
	} {
		amount := decimal.MustParse(text)
		if got, ok := usd(amount, one); ok != want || ok && got != maxUSD {
			t.Errorf("%s is %d, %v", text, got, ok)
		}
		if got, ok := usd(amount.Neg(), one); ok != want || ok && got != -maxUSD {
			t.Errorf("-%s is %d, %v", text, got, ok)
		}
	}
	// 2^64 - 4/19 millionths: rounding up must not come out at 0.
	if got, ok := usd(decimal.MustParse("350488137400481.4807"), fx.Rate{Coefficient: 19}); ok {
		t.Errorf("2^64 millionths are taken for %d", got)
	}
	for _, amount := range []string{"0.0000000000000000001", "9999999999999999999", "0.9999999999999999999", "0", "1"} {
		for _, coefficient := range []uint64{1, 2, 3, 9_999_999_999_999_999_999} {
			for _, scale := range []int{0, 1, 12, 13, 14, 19} {
				checkUSD(t, decimal.MustParse(amount), fx.Rate{Coefficient: coefficient, Scale: scale})
			}
		}
	}
}

func TestMicrosString(t *testing.T) {
	for m, want := range map[Micros]string{
		0: "0.00", 1: "0.00", -1: "0.00", 4_999: "0.00", 5_000: "0.00", 5_001: "0.01", -5_000: "0.00", -5_001: "-0.01",
		15_000: "0.02", 14_999: "0.01", 25_000: "0.02", -15_000: "-0.02", -25_000: "-0.02", 10_000: "0.01", 100_000: "0.10",
		995_000: "1.00", 994_999: "0.99", 985_000: "0.98", 1_000_000: "1.00", -12_300_000: "-12.30", 463_220_510_000: "463220.51",
		math.MaxInt64: "9223372036854.78", math.MinInt64: "-9223372036854.78",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d is %s, want %s", m, got, want)
		}
	}
}

func TestMicrosStringIsHalfEven(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		m := Micros(random.Uint64() >> random.IntN(64))
		if random.IntN(4) == 0 {
			m = m / 10_000 * 10_000
			m += 5_000 // a tie; wraps at the end of the range, which is as good
		}
		cents := halfEven(big.NewRat(int64(m), 10_000))
		want := new(big.Rat).SetFrac(cents, big.NewInt(100)).FloatString(2)
		if got := m.String(); got != want || strings.HasPrefix(got, "-0.00") {
			t.Fatalf("%d is %s, want %s", m, got, want)
		}
	}
}

// Prometheus gets an amount to the nearest millionth as long as a float64 can
// hold it.
func TestMicrosFloat(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 5_000 {
		m := Micros(random.Int64N((1<<33)*1_000_000) >> random.IntN(53))
		for _, m := range []Micros{m, -m} {
			shown := new(big.Rat).SetFloat64(m.Float())
			if got := halfEven(shown.Mul(shown, big.NewRat(1_000_000, 1))); got.Int64() != int64(m) {
				t.Fatalf("%d is shown as %v", m, m.Float())
			}
		}
	}
}
