package terminal

// headline is the net revenue in type as large as there is room for, and at its
// right how fast it goes. On a low screen it is one row.
func (f frame) headline(columns, height int, wide bool) []line {
	const (
		gap       = 2
		narrowest = 15 // of the panel at the right
		widest    = 34
	)
	amount, looks := money(f.NetUSD), f.sale
	if f.NetUSD < 0 {
		looks = f.refund
	}
	if height < 16 {
		return []line{f.headlineRow(columns, amount, looks)}
	}

	const name = "Net revenue in USD"
	digits, width := []string{"", amount, ""}, max(len(amount), len(name))
	room := columns - gap - narrowest
	switch {
	case (wide && height >= 32 || height >= 44) && bigWidth(amount, large) <= room:
		digits, width = bigNumber(amount, large), bigWidth(amount, large)
	case bigWidth(amount, small) <= columns:
		digits, width = bigNumber(amount, small), bigWidth(amount, small)
	}
	left := make([]line, 1+len(digits))
	for i := range left {
		left[i] = newLine(columns)
	}
	left[0].put(f.label, name)
	for i, row := range digits {
		left[1+i].put(looks, row)
	}
	if width > room { // the number takes it all: the pace in words, above it
		text := f.speedText()
		if f.Total > 0 {
			text += " · " + f.done()
		}
		left[0].to(columns - widths.StringWidth(text))
		left[0].put(f.strong, text)
		return left
	}
	panel := min(widest, columns-gap-width)
	return beside(columns, left, f.pace(panel, len(left)), columns-panel)
}

func (f frame) headlineRow(columns int, amount string, looks paint) line {
	const widest = 30
	l := newLine(columns)
	l.put(f.label, "Net revenue ")
	l.put(looks, amount)
	speed := f.speedText()
	if spark := min(widest, columns-l.width-len(speed)-4); spark >= 8 {
		l.to(columns - len(speed) - 2 - spark)
		l.put(f.sale, sparkline(f.rates, spark, 1)[0])
	}
	l.to(columns - len(speed))
	l.put(f.strong, speed)
	return l
}
