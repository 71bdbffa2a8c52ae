package generator

import "strconv"

// Amounts are integer cents of their own currency from the price to the sum.

// appendCents appends cents as the published files spell an amount: a point only
// where there are decimals, and no trailing zeros (44.5, 27, -781.3).
func appendCents(dst []byte, cents int64) []byte {
	if cents < 0 {
		dst, cents = append(dst, '-'), -cents
	}
	dst = strconv.AppendInt(dst, cents/100, 10)
	if f := byte(cents % 100); f != 0 {
		dst = append(dst, '.', '0'+f/10)
		if f%10 != 0 {
			dst = append(dst, '0'+f%10)
		}
	}
	return dst
}

// appendTotal appends cents with exactly two decimals, for people and summaries.
func appendTotal(dst []byte, cents int64) []byte {
	if cents < 0 {
		dst, cents = append(dst, '-'), -cents
	}
	dst = strconv.AppendInt(dst, cents/100, 10)
	f := byte(cents % 100)
	return append(dst, '.', '0'+f/10, '0'+f%10)
}

// appendPadded appends n in decimal with leading zeros up to width digits.
func appendPadded(dst []byte, n uint64, width int) []byte {
	for limit := uint64(10); width > 1; width-- {
		if n < limit {
			for range width - 1 {
				dst = append(dst, '0')
			}
			break
		}
		// Here width-1 zeros would be too many: look at the next digit.
		limit *= 10
	}
	return strconv.AppendUint(dst, n, 10)
}
