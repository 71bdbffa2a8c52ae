package sale

import "time"

// dateForm is how Date is written in the CSV: the store's wall clock.
const dateForm = time.DateTime

// ParseDate reads the forms in which dates occur in the published data and in
// ISO 8601: a date, alone or with a time of day after a space or a T, with or
// without seconds, a fraction and an offset. Fraction and offset are dropped: the
// written time is the store's wall clock already. The result holds it as if it
// were UTC.
func ParseDate(text string) (time.Time, bool) {
	year, ok1 := digits(text, 0, 4)
	month, ok2 := digits(text, 5, 2)
	day, ok3 := digits(text, 8, 2)
	if !ok1 || !ok2 || !ok3 || text[4] != '-' || text[7] != '-' {
		return time.Time{}, false
	}
	var hour, minute, second int
	if rest := text[10:]; rest != "" {
		var ok4, ok5 bool
		hour, ok4 = digits(rest, 1, 2)
		minute, ok5 = digits(rest, 4, 2)
		if !ok4 || !ok5 || rest[0] != ' ' && rest[0] != 'T' || rest[3] != ':' {
			return time.Time{}, false
		}
		rest = rest[6:]
		if len(rest) > 0 && rest[0] == ':' {
			var ok bool
			if second, ok = digits(rest, 1, 2); !ok {
				return time.Time{}, false
			}
			rest = rest[3:]
		}
		if !isFractionAndOffset(rest) {
			return time.Time{}, false
		}
	}
	if year == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC), true
}

// daysIn returns how many days a month has.
func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// isFractionAndOffset reports whether text is what may follow the seconds:
// nothing, ".123", "Z", "+02:00", "+0200", "+02", or a fraction and one of these.
func isFractionAndOffset(text string) bool {
	if len(text) > 0 && text[0] == '.' {
		n := 1
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		if n == 1 {
			return false
		}
		text = text[n:]
	}
	if text == "" || text == "Z" {
		return true
	}
	if text[0] != '+' && text[0] != '-' {
		return false
	}
	if len(text) == 6 && text[3] == ':' {
		text = text[:3] + text[4:]
	}
	hours, ok := digits(text, 1, 2)
	if !ok || hours > 14 {
		return false
	}
	if len(text) == 3 {
		return true
	}
	minutes, ok := digits(text, 3, 2)
	return ok && len(text) == 5 && minutes <= 59
}

// digits reads the n decimal digits of text from position at.
func digits(text string, at, n int) (value int, ok bool) {
	if len(text) < at+n {
		return 0, false
	}
	for _, c := range []byte(text[at : at+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return value, true
}

// wallClock returns what a clock in the zone shows at the instant, held as if it
// were UTC.
func wallClock(instant time.Time, zone *time.Location) time.Time {
	t := instant.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
