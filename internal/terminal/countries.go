package terminal

import (
	"cmp"
	"slices"
	"strconv"
)

// countries is the panel of net revenue by country, the largest first, in at most
// rows rows: a heading and for each country one row with its bar, or, tall, two.
// What does not fit is summed up in a last row. The share is that of all
// countries' positive net revenue; a negative one has none, and its bar is hatched.
func (f frame) countries(columns, rows int, tall bool) []line {
	if rows < 1 {
		return nil
	}
	list := slices.Clone(f.Countries)
	slices.SortFunc(list, func(a, b Country) int {
		return cmp.Or(cmp.Compare(b.NetUSD, a.NetUSD), cmp.Compare(a.Name, b.Name))
	})
	var total, top float64
	for _, c := range list {
		total += max(float64(c.NetUSD), 0)
		top = max(top, float64(magnitude(c.NetUSD)))
	}
	each := 1
	if tall {
		each = 2
	}
	more := 0
	if fit := (rows - 1) / each; len(list) > fit {
		more = len(list) - max(fit-1, 0)
		rest := Country{Name: "and " + strconv.Itoa(more) + " more"}
		for _, c := range list[len(list)-more:] {
			rest.NetUSD += c.NetUSD
		}
		list = append(list[:len(list)-more], rest)
		list = list[:min(len(list), fit)]
	}

	const shareWidth = 6
	nameWidth, amountWidth := 0, len("$100,000.00")
	for _, c := range list {
		nameWidth = max(nameWidth, columnsOf(c))
		amountWidth = max(amountWidth, len(money(c.NetUSD)))
	}
	nameWidth = min(nameWidth, columns/3, 24)
	barWidth := columns - nameWidth - amountWidth - shareWidth - 3

	out := []line{f.heading(columns,
		title{text: "Revenue by country"},
		title{text: "net in USD", at: columns - shareWidth - 1, right: true},
		title{text: "share", at: columns, right: true})}
	for i, c := range list {
		share, looks := "-", f.sale
		if c.NetUSD > 0 {
			share = percent(float64(c.NetUSD) / total)
		}
		if c.NetUSD < 0 {
			looks = f.refund
		}
		length := 0.0
		if top > 0 {
			length = float64(magnitude(c.NetUSD)) / top
		}
		if more > 0 && i == len(list)-1 {
			length = 0 // the rest is no country: no bar
		}
		l := newLine(columns)
		if tall {
			l.left(paint{}, nameOf(c), columns-amountWidth-shareWidth-2)
		} else {
			l.left(paint{}, nameOf(c), nameWidth)
			l.space(1)
			at := l.width
			if c.NetUSD < 0 {
				l.repeat(looks, "░", max(1, int(length*float64(barWidth))))
			} else {
				l.put(looks, bar(length, barWidth))
			}
			l.to(at + barWidth)
		}
		l.space(1)
		l.right(looks, money(c.NetUSD), amountWidth)
		l.space(1)
		l.right(f.label, share, shareWidth)
		out = append(out, l)
		if tall {
			l := newLine(columns)
			if c.NetUSD < 0 {
				l.repeat(looks, "╌", max(1, int(length*float64(columns))))
			} else {
				l.put(looks, ruler(length, columns))
			}
			out = append(out, l)
		}
	}
	return out
}

func nameOf(c Country) string { return cmp.Or(c.Name, c.Code, "unknown") }

func columnsOf(c Country) int { return columns(clean(nameOf(c))) }
