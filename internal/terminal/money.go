package terminal

import (
	"math"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// microsPerCent is how many micro-USD are a cent.
const microsPerCent = 10_000

// money writes an amount of micro-USD as dollars and cents, rounded half-even:
// "$463,220.51", "-$12.30".
func money(micros int64) string {
	cents := roundedQuotient(magnitude(micros), microsPerCent)
	text := "$" + humanize.Comma(int64(cents/100)) + "." + twoDigits(cents%100)
	if micros < 0 && cents != 0 {
		return "-" + text
	}
	return text
}

// shortMoney writes an amount of micro-USD where there is no room for all of it:
// "$463.22 K", "-$1.20 B". Below a thousand dollars it is [money].
func shortMoney(micros int64) string {
	dollars := magnitude(micros) / 1_000_000
	if dollars < 1000 {
		return money(micros)
	}
	text := "$" + scaled(dollars)
	if micros < 0 {
		return "-" + text
	}
	return text
}

// count writes a number with thousands separated by commas.
func count(n int64) string { return humanize.Comma(n) }

// shortCount writes a number where there is no room for all of it: "1.23 M".
func shortCount(n int64) string {
	if n < 1000 && n > -1000 {
		return count(n)
	}
	if n < 0 {
		return "-" + scaled(magnitude(n))
	}
	return scaled(uint64(n))
}

// scaled writes n, at least 1000, with two decimals and a unit.
func scaled(n uint64) string {
	unit, name := uint64(1_000), " K"
	for _, next := range []struct {
		size uint64
		name string
	}{{1_000_000, " M"}, {1_000_000_000, " B"}, {1_000_000_000_000, " T"}} {
		// 999,995 would be rounded to 1000.00 K: it is 1.00 M.
		if roundedQuotient(n, unit/100) < 100_000 {
			break
		}
		unit, name = next.size, next.name
	}
	hundredths := roundedQuotient(n, unit/100)
	return humanize.Comma(int64(hundredths/100)) + "." + twoDigits(hundredths%100) + name
}

// roundedQuotient is n/d, rounded half-even.
func roundedQuotient(n, d uint64) uint64 {
	q, r := n/d, n%d
	if r > d-r || r == d-r && q%2 == 1 {
		q++
	}
	return q
}

// magnitude is |n|, also for the one number whose negation does not fit.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func twoDigits(n uint64) string {
	if n < 10 {
		return "0" + strconv.FormatUint(n, 10)
	}
	return strconv.FormatUint(n, 10)
}

// speed writes a measured rate, lines a second, as precisely as is of use.
func speed(perSecond float64) string {
	if perSecond < 99.95 {
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return count(int64(math.Round(perSecond)))
}

// target writes a rate that somebody set, lines a second; 0 is no limit.
func target(perSecond float64) string {
	switch {
	case perSecond <= 0:
		return "no limit"
	case perSecond < 1000:
		return strconv.FormatFloat(perSecond, 'g', 4, 64)
	default:
		return count(int64(math.Round(perSecond)))
	}
}

// clock writes a duration as 0:09, 12:34 or 1:02:03.
func clock(d time.Duration) string {
	seconds := uint64(max(d, 0) / time.Second)
	text := ":" + twoDigits(seconds%60)
	if minutes := seconds / 60; minutes < 60 {
		return strconv.FormatUint(minutes, 10) + text
	} else {
		return count(int64(minutes/60)) + ":" + twoDigits(minutes%60) + text
	}
}

// percent writes a share of one, e.g. 0.2904 as "29.0%".
func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'f', 1, 64) + "%"
}
