package terminal

// figures are the other totals: a row of what they are and a row of how much, or,
// on a low screen, one row of both.
func (f frame) figures(columns, height int) []line {
	all := []struct {
		name, short string
		paint       paint
		long, brief string
		weight      int
	}{
		{"Sales", "Sales", f.sale, money(f.SalesUSD), shortMoney(f.SalesUSD), 14},
		{"Refunds", "Refunds", f.refund, money(f.RefundsUSD), shortMoney(f.RefundsUSD), 14},
		{"Items sold", "Sold", f.strong, count(f.ItemsSold), shortCount(f.ItemsSold), 10},
		{"Items returned", "Returned", f.strong, count(f.ItemsReturned), shortCount(f.ItemsReturned), 10},
		{"Invoices", "Invoices", f.strong, count(f.Invoices), shortCount(f.Invoices), 10},
	}
	if height < 16 {
		l := newLine(columns)
		for i, one := range all {
			text := one.short + " " + one.brief
			if l.width+len(text)+3 > columns {
				break
			}
			if i > 0 {
				l.put(f.faint, " · ")
			}
			l.put(f.label, one.short+" ")
			l.put(one.paint, one.brief)
		}
		return []line{l}
	}
	names, values := newLine(columns), newLine(columns)
	spread := min(columns, 118)
	sum := 0
	for _, one := range all {
		start := spread * sum / 58
		sum += one.weight
		width := spread*sum/58 - start - 1
		name, value := one.name, one.long
		if len(name) > width {
			name = one.short
		}
		if len(value) > width {
			value = one.brief
		}
		names.to(start)
		names.left(f.label, name, width)
		values.to(start)
		values.left(one.paint, value, width)
	}
	if height >= 28 {
		return []line{{}, names, values}
	}
	return []line{names, values}
}
