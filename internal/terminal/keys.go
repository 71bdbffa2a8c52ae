package terminal

// keys are those that are offered.
type keys struct{ quit, pause, rate bool }

// allKeys are what a view with all [Actions] offers.
var allKeys = keys{quit: true, pause: true, rate: true}

func keysOf(act Actions) keys {
	return keys{quit: act.Quit != nil, pause: act.SetPaused != nil, rate: act.SetRate != nil}
}

// helpNotice explains the end, which is the only key with a second thought.
const helpNotice = "q writes what is in flight, then ends; ctrl+c twice ends at once"

// keysRow says which keys there are and, asked for help, what they do. Without a
// panel for it, the address of the metrics stands at the right if there is room.
func (f frame) keysRow(columns int, panel bool) line {
	var parts []line
	key := func(offered bool, name, does, long string) {
		if !offered {
			return
		}
		l := newLine(columns)
		l.put(f.strong, name)
		if f.help {
			does = long
		}
		l.put(f.label, " "+does)
		parts = append(parts, l)
	}
	if f.phase == finishing {
		key(true, "ctrl+c", "end at once", "end at once")
		return f.join(columns, parts)
	}
	pause, longPause := "pause", "hold the producer"
	if f.Paused {
		pause, longPause = "go on", "let the producer go on"
	}
	key(f.keys.quit, "q", "quit", "quit")
	key(f.keys.pause, "p", pause, longPause)
	key(f.keys.rate, "+", "faster", "double the rate")
	key(f.keys.rate, "-", "slower", "halve it")
	key(true, "?", "help", "close")
	l := f.join(columns, parts)
	if address := where(f.Address); f.Address != "" && !panel && l.width+1+len(address) <= columns {
		l.to(columns - len(address))
		l.put(f.label, address)
	}
	return l
}
