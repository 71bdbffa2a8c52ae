package terminal

// title names a column of a panel in its heading.
type title struct {
	text  string
	at    int  // the column where it begins, or ends if right
	right bool // it stands over numbers, which end there
}

// heading is the first row of a panel: its titles on a rule. One that has no room
// is left out.
func (f frame) heading(columns int, titles ...title) line {
	l := newLine(columns)
	for i, t := range titles {
		text, looks := t.text, f.label
		if i == 0 {
			looks = f.strong
		}
		at := t.at
		if t.right {
			at -= len(text)
		}
		if at > 0 {
			if at-l.width < 2 {
				continue
			}
			if l.width > 0 {
				l.space(1)
			}
			l.repeat(f.faint, "─", at-l.width-1)
			l.space(1)
		}
		l.put(looks, text)
	}
	if columns-l.width >= 2 {
		l.space(1)
		l.repeat(f.faint, "─", columns-l.width)
	}
	return l
}

// join puts what fits of the parts into one row, with dots between them.
func (f frame) join(columns int, parts []line) line {
	l := newLine(columns)
	for _, part := range parts {
		if l.width > 0 && l.width+3+part.width > columns {
			break
		}
		if l.width > 0 {
			l.put(f.faint, " · ")
		}
		l.add(part)
	}
	return l
}
