package terminal

// titleRow says what is running, from where, and how it is.
func (f frame) titleRow(columns int) line {
	state := f.state()
	right := newLine(columns)
	right.put(state.paint, state.symbol+" "+state.word)
	right.put(f.label, "  "+clock(f.Elapsed))

	l := newLine(columns)
	title := newLine(columns - right.width - 1)
	title.put(f.name, "tillstream")
	if f.Source != "" {
		title.put(f.faint, " · ")
		title.put(f.label, f.Source)
	}
	l.add(title)
	l.to(columns - right.width)
	l.add(right)
	return l
}

// state is the pipeline's condition in a word; the symbol says it without colour.
type state struct {
	paint        paint
	symbol, word string
}

func (f frame) state() state {
	switch {
	case f.phase == ended:
		return state{f.strong, "■", "ended"}
	case f.phase == finishing:
		return state{f.strong, "■", "finishing"}
	case !f.Ready:
		return state{f.bad, "○", "not ready"}
	case f.Paused:
		return state{f.bad, "▌▌", "paused"}
	default:
		return state{f.good, "●", "ready"}
	}
}

// noticeRow is the one sentence that a person should read now; often it is empty.
func (f frame) noticeRow(columns int) line {
	l := newLine(columns)
	switch {
	case f.phase == finishing:
		l.put(f.strong, "finishing: writing what is in flight")
		l.put(f.label, "  (ctrl+c ends at once)")
	case !f.Ready && f.phase == running:
		reason := f.Reason
		if reason == "" {
			reason = "starting"
		}
		l.put(f.bad, "! "+reason)
	case f.help:
		l.put(f.label, helpNotice)
	case f.Lines == 0 && f.phase == running:
		l.put(f.label, "waiting for the first line of sale")
	}
	return l
}
