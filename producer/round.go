package producer

import (
	"strconv"
	"strings"
	"time"
)

// rounds gives each round of a replay its tag. The consumer drops an invoice line
// that it knows, so a further round needs numbers that were never sent, not by an
// earlier process either: the tag is the Unix second at which the round begins.
type rounds struct {
	second int64
	within int // how many rounds began in that second before this one
}

// next returns the tag of a round that begins now. Further rounds in one second
// get a letter more: 1763866140, 1763866140a, 1763866140b ... Counting the seconds
// up instead would run ahead of the clock, and a restarted process would repeat
// the tags. A clock that was set back stands still here.
func (r *rounds) next(now time.Time) string {
	if second := now.Unix(); second > r.second {
		r.second, r.within = second, 0
	} else {
		r.within++
	}
	return strconv.FormatInt(r.second, 10) + letters(r.within)
}

// letters counts in letters: "", a ... z, aa, ab ... A letter also ends the tag's
// digits, so that tag and number stay apart.
func letters(n int) string {
	text := ""
	for ; n > 0; n = (n - 1) / 26 {
		text = string(rune('a'+(n-1)%26)) + text
	}
	return text
}

// tagged returns an invoice number that is new in the round: the tag stands
// before the counter, the part after the last hyphen. A line without a number
// stays without.
func tagged(invoice, tag string) string {
	if invoice == "" || tag == "" {
		return invoice
	}
	i := strings.LastIndexByte(invoice, '-') + 1
	return invoice[:i] + tag + invoice[i:]
}
