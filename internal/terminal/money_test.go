package terminal

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"testing/quick"
	"time"
)

func TestMoney(t *testing.T) {
	for micros, want := range map[int64]string{
		0:                      "$0.00",
		4_999:                  "$0.00",
		5_000:                  "$0.00", // half to even
		5_001:                  "$0.01",
		15_000:                 "$0.02", // half to even
		25_000:                 "$0.02",
		-4_000:                 "$0.00", // no "-$0.00"
		-12_300_000:            "-$12.30",
		999_995_000:            "$1,000.00",
		463_220_512_345:        "$463,220.51",
		99_999_999_999_990_000: "$99,999,999,999.99",
		math.MaxInt64:          "$9,223,372,036,854.78",
		math.MinInt64:          "-$9,223,372,036,854.78",
	} {
		if got := money(micros); got != want {
			t.Errorf("money(%d) = %q, want %q", micros, got, want)
		}
	}
}

// TestMoneyIsTheExactAmountRounded reads the text back as an exact number: it is
// within half a cent, and even where it is half a cent away.
func TestMoneyIsTheExactAmountRounded(t *testing.T) {
	err := quick.Check(func(micros int64) bool {
		text := strings.NewReplacer("$", "", ",", "").Replace(money(micros))
		shown, ok := new(big.Rat).SetString(text)
		if !ok {
			return false
		}
		off := new(big.Rat).Sub(shown, big.NewRat(micros, 1_000_000))
		half := off.Abs(off).Cmp(big.NewRat(5, 1000))
		even := (text[len(text)-1]-'0')%2 == 0
		return half < 0 || half == 0 && even
	}, &quick.Config{Values: nil, MaxCount: 2000})
	if err != nil {
		t.Error(err)
	}
}

func TestShortForms(t *testing.T) {
	for micros, want := range map[int64]string{
		999_999_999:           "$1,000.00",
		1_000_000_000:         "$1.00 K",
		-463_220_512_345:      "-$463.22 K",
		999_994_999_999:       "$999.99 K",
		999_996_000_000:       "$1.00 M",
		1_500_000_000_000_000: "$1.50 B",
		math.MaxInt64:         "$9.22 T",
		math.MinInt64:         "-$9.22 T",
	} {
		if got := shortMoney(micros); got != want {
			t.Errorf("shortMoney(%d) = %q, want %q", micros, got, want)
		}
	}
	for n, want := range map[int64]string{
		0: "0", 999: "999", -999: "-999", 1000: "1.00 K", 10_567: "10.57 K", -10_567: "-10.57 K",
		math.MaxInt64: "9,223,372.04 T", math.MinInt64: "-9,223,372.04 T",
	} {
		if got := shortCount(n); got != want {
			t.Errorf("shortCount(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestRatesAndTimes(t *testing.T) {
	for rate, want := range map[float64]string{0: "0.0", 0.5: "0.5", 99.94: "99.9", 99.96: "100", 12_345.6: "12,346"} {
		if got := speed(rate); got != want {
			t.Errorf("speed(%v) = %q, want %q", rate, got, want)
		}
	}
	for rate, want := range map[float64]string{0: "no limit", 0.5: "0.5", 12.5: "12.5", 50: "50", 500_000: "500,000"} {
		if got := target(rate); got != want {
			t.Errorf("target(%v) = %q, want %q", rate, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0:00", 9900 * time.Millisecond: "0:09", 754 * time.Second: "12:34",
		time.Hour + 2*time.Minute + 3*time.Second: "1:02:03", 100 * time.Hour: "100:00:00",
	} {
		if got := clock(d); got != want {
			t.Errorf("clock(%v) = %q, want %q", d, got, want)
		}
	}
}
