package terminal

// layout is how the columns of the transactions lie; 0 leaves a column out. It
// depends on the panel's width only, so that columns stay where they are.
type layout struct {
	gap                           int
	clock                         string // how the time is written
	city, country                 int
	product                       int
	quantity                      int
	payment                       int
	amount, usd                   int
	cityAt, productAt             int
	quantityEnd, payAt, amountEnd int
}

func layoutFor(columns int) layout {
	y := layout{gap: 2, clock: "15:04:05", city: 12, quantity: 3, amount: 12, usd: 11}
	switch {
	case columns >= 110:
		y.country, y.payment, y.city = 14, 11, 17
	case columns >= 90:
		y.payment = 11
	case columns >= 72:
	case columns >= 62:
		y.gap, y.city, y.amount = 1, 11, 11
	default:
		y.gap, y.clock, y.city, y.amount, y.usd = 1, "15:04", 9, 10, 10
	}
	x := len(y.clock)
	next := func(width int) (start int) {
		if width == 0 {
			return 0
		}
		start = x + y.gap
		x = start + width
		return start
	}
	y.cityAt = next(y.city)
	next(y.country)
	taken := x + 3*y.gap + y.quantity + y.amount + y.usd
	if y.payment > 0 {
		taken += y.gap + y.payment
	}
	y.product = min(max(columns-taken-y.gap, 4), 34)
	y.productAt = next(y.product)
	next(y.quantity)
	y.quantityEnd = x
	y.payAt = next(y.payment)
	next(y.amount)
	y.amountEnd = x
	return y
}

// latest is the panel of the newest transactions in at most rows rows: a heading
// and one row for each. A return has the word, a minus sign and its own colour.
func (f frame) latest(columns, rows int) []line {
	if rows < 1 {
		return nil
	}
	y := layoutFor(columns)
	heading := "Latest transactions"
	if y.productAt < len(heading)+3 {
		heading = "Latest"
	}
	titles := []title{
		{text: heading},
		{text: "product", at: y.productAt},
		{text: "qty", at: y.quantityEnd, right: true},
	}
	if y.payment > 0 {
		titles = append(titles, title{text: "payment", at: y.payAt})
	}
	titles = append(titles,
		title{text: "amount", at: y.amountEnd, right: true},
		title{text: "in USD", at: y.amountEnd + y.gap + y.usd, right: true})
	out := []line{f.heading(columns, titles...)}

	if len(f.Latest) == 0 && rows > 1 {
		l := newLine(columns)
		l.put(f.faint, "none yet")
		return append(out, l)
	}
	for _, s := range f.Latest[:min(len(f.Latest), rows-1)] {
		out = append(out, f.transaction(columns, y, s))
	}
	return out
}

func (f frame) transaction(columns int, y layout, s Sale) line {
	plain, looks := paint{}, f.sale
	product, amount := s.Product, s.Amount
	if s.Return {
		plain, looks = f.refund, f.bad
		if s.USD < 0 && len(amount) > 0 && !hasMinus(amount) {
			amount = "-" + amount
		}
	}
	usd := money(s.USD)
	if len(usd) > y.usd {
		usd = shortMoney(s.USD)
	}

	l := newLine(columns)
	if s.Time.IsZero() {
		l.left(f.label, "", len(y.clock))
	} else {
		l.left(f.label, s.Time.Format(y.clock), len(y.clock))
	}
	cell := func(p paint, text string, width int) {
		if width > 0 {
			l.space(y.gap)
			l.left(p, text, width)
		}
	}
	number := func(p paint, text string, width int) {
		l.space(y.gap)
		l.right(p, text, width)
	}
	cell(plain, s.City, y.city)
	cell(plain, s.Country, y.country)
	if s.Return {
		l.space(y.gap)
		l.left(f.bad, "return", min(len("return"), y.product))
		l.space(1)
		l.left(plain, product, y.product-len("return")-1)
	} else {
		cell(plain, product, y.product)
	}
	quantity := count(s.Quantity)
	if len(quantity) > y.quantity {
		quantity = "1k+"
	}
	number(plain, quantity, y.quantity)
	cell(plain, s.Payment, y.payment)
	number(looks, amount, y.amount)
	number(looks, usd, y.usd)
	return l
}

// hasMinus reports whether an amount already shows its sign: "-€1", "€-1", "−€1".
func hasMinus(s string) bool {
	for _, r := range s {
		if r == '-' || r == '−' {
			return true
		}
	}
	return false
}
