package sale

import (
	"math/big"
	"math/bits"
	"strconv"

	"github.com/govalues/decimal"

	"tillstream/internal/fx"
)

// Micros is an amount of USD in millionths (1e-6 USD), exact.
type Micros int64

// maxUSD bounds one line's value: far above what a till of a fashion shop rings
// up, and so low that it takes a million such lines to overflow a sum.
const maxUSD Micros = 10_000_000 * 1_000_000

// powersOfTen[n] is 10^n; 10^19 is the last that fits.
var powersOfTen = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// usd is what an amount is worth: amount ÷ rate, rounded half-even to millionths.
// It is the only place where a currency becomes USD, so that the live totals, the
// CSV's and the warehouse's agree exactly. It reports false beyond ±maxUSD.
func usd(amount decimal.Decimal, rate fx.Rate) (Micros, bool) {
	// amount is ±c×10^-s and rate r×10^-q, so the result is c×10^(6+q-s) ÷ r.
	c, exponent := amount.Coef(), 6+rate.Scale-amount.Scale()
	var quotient uint64
	if exponent >= 0 && exponent < len(powersOfTen) {
		hi, lo := bits.Mul64(c, powersOfTen[exponent])
		if hi >= rate.Coefficient {
			return 0, false // above 2^64 millionths
		}
		var rest uint64
		quotient, rest = bits.Div64(hi, lo, rate.Coefficient)
		if quotient > uint64(maxUSD) {
			return 0, false // before rounding up 2^64-1 makes it 0
		}
		half := rate.Coefficient - rest // compares rest with the divisor's half without overflow
		if rest > half || (rest == half && quotient&1 == 1) {
			quotient++
		}
	} else {
		var ok bool
		if quotient, ok = usdBig(c, exponent, rate.Coefficient); !ok {
			return 0, false
		}
	}
	if quotient > uint64(maxUSD) {
		return 0, false
	}
	if amount.IsNeg() {
		return -Micros(quotient), true
	}
	return Micros(quotient), true
}

// USD is what another amount of the line's currency is worth, by the same rule and
// the same rate as Line.USD. It reports false for what is out of range.
func (r *Reader) USD(line *Line, amount decimal.Decimal) (Micros, bool) {
	rate, ok := r.Rates.On(line.Row[Currency], line.At)
	if !ok {
		return 0, false
	}
	return usd(amount, rate)
}

// usdBig does the division of usd for amounts and rates of so many digits that
// 128 bits do not hold them.
func usdBig(c uint64, exponent int, r uint64) (uint64, bool) {
	numerator, divisor := new(big.Int).SetUint64(c), new(big.Int).SetUint64(r)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exponent, -exponent))), nil)
	if exponent >= 0 {
		numerator.Mul(numerator, power)
	} else {
		divisor.Mul(divisor, power)
	}
	quotient, rest := new(big.Int).QuoRem(numerator, divisor, new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(divisor) {
	case 1:
		quotient.Add(quotient, big.NewInt(1))
	case 0:
		if quotient.Bit(0) == 1 {
			quotient.Add(quotient, big.NewInt(1))
		}
	}
	return quotient.Uint64(), quotient.IsUint64()
}

// String writes the amount in USD with 2 decimals, rounded half-even: "-12.30".
func (m Micros) String() string {
	const perCent = 10_000
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -uint64(m)
	}
	cents, rest := n/perCent, n%perCent
	if rest > perCent/2 || (rest == perCent/2 && cents&1 == 1) {
		cents++
	}
	if cents == 0 {
		sign = ""
	}
	text := strconv.FormatUint(cents%100, 10)
	if len(text) < 2 {
		text = "0" + text
	}
	return sign + strconv.FormatUint(cents/100, 10) + "." + text
}

// Float returns the amount in USD as Prometheus wants it. A float64 holds every
// amount below 2^33 USD (eight billion) to the nearest millionth.
func (m Micros) Float() float64 { return float64(m) / 1e6 }
