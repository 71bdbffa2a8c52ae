package terminal

import (
	"math"
	"strings"
)

// sparkline draws the newest values that fit, two in a column, as bars of Braille
// dots over the given number of rows, the newest at the right. The largest value
// shown is full height; every value has at least its lowest dot, so that the
// axis of time can be seen. All rows are exactly columns wide.
func sparkline(values []float64, columns, rows int) []string {
	columns = max(columns, 0)
	values = values[max(0, len(values)-2*columns):]
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	levels := 4 * rows
	heights := make([]int, 2*columns) // in dots; 0 where there is no value
	for i, v := range values {
		h := 1
		if v > 0 && top > 0 {
			h = 1 + int(math.Round(v/top*float64(levels-1)))
		}
		heights[2*columns-len(values)+i] = h
	}
	out := make([]string, rows)
	var b strings.Builder
	for y := range rows {
		b.Reset()
		below := 4 * (rows - 1 - y)
		for x := range columns {
			left, right := min(4, max(0, heights[2*x]-below)), min(4, max(0, heights[2*x+1]-below))
			if left == 0 && right == 0 {
				b.WriteByte(' ')
				continue
			}
			b.WriteRune('\u2800' + leftDots[left] + rightDots[right])
		}
		out[y] = b.String()
	}
	return out
}

// The bits of a Braille pattern (Unicode block 2800) for a column of dots filled
// from below.
var (
	leftDots  = [5]rune{0, 0x40, 0x44, 0x46, 0x47}
	rightDots = [5]rune{0, 0x80, 0xa0, 0xb0, 0xb8}
)

// bar fills a share, from 0 to 1, of the given columns, to an eighth of a column.
// What is not nothing shows.
func bar(share float64, columns int) string {
	if share <= 0 || columns <= 0 {
		return ""
	}
	eighths := min(8*columns, max(1, int(math.Round(share*float64(8*columns)))))
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return s
}

// ruler fills a share, from 0 to 1, of the given columns with a heavy line, to
// half a column.
func ruler(share float64, columns int) string {
	if share <= 0 || columns <= 0 {
		return ""
	}
	halves := min(2*columns, max(1, int(math.Round(share*float64(2*columns)))))
	return strings.Repeat("━", halves/2) + strings.Repeat("╸", halves%2)
}
