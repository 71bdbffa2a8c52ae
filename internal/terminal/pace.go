package terminal

import "strconv"

// pace is the panel of how fast the lines come, how they came in the last
// minute, and how many there are; in exactly rows rows.
func (f frame) pace(columns, rows int) []line {
	out := make([]line, rows)
	for i := range out {
		out[i] = newLine(columns)
	}

	label, speed, wanted := "Pace", f.speedText(), "  target "+target(f.TargetRate)
	if f.TargetRate <= 0 {
		wanted = "  no limit"
	}
	if f.phase == ended {
		label, wanted = "Average pace", ""
	}
	head := &out[0]
	if len(speed)+len(wanted)+len(label)+2 <= columns {
		head.put(f.label, label)
		head.to(columns - len(speed) - len(wanted))
	}
	if len(speed)+len(wanted) > columns {
		wanted = ""
	}
	head.put(f.strong, speed)
	head.put(f.label, wanted)

	graph := rows - 2
	if rows >= 7 {
		graph = rows - 3
	}
	dots := min(columns, 30)
	for i, row := range sparkline(f.rates, dots, graph) {
		out[1+i].to(columns - dots)
		out[1+i].put(f.sale, row)
	}

	progress := &out[1+graph]
	if f.Total <= 0 {
		text := count(f.Lines) + " lines"
		progress.right(f.label, text, columns)
		return out
	}
	share, done := f.share(), f.done()
	of := count(f.Lines) + " of " + count(f.Total)
	switch {
	case columns >= len(of)+len(done)+2+6:
		of = " " + of + " "
		f.progress(progress, share, columns-len(of)-len(done))
		progress.put(f.label, of)
		progress.put(f.strong, done)
	case columns >= len(of)+len(done)+2:
		progress.to(columns - len(of) - len(done) - 2)
		progress.put(f.label, of)
		progress.put(f.strong, "  "+done)
	default:
		f.progress(progress, share, columns-len(done)-1)
		progress.put(f.strong, " "+done)
	}
	return out
}

// share is how much of the expected lines is on disk, from 0 to 1.
func (f frame) share() float64 {
	return min(1, max(0, float64(f.Lines)/float64(f.Total)))
}

// done is the same in percent, rounded down: 100% is all of them.
func (f frame) done() string { return strconv.Itoa(int(100*f.share())) + "%" }

func (f frame) progress(l *line, share float64, columns int) {
	full := ruler(share, columns)
	done := widths.StringWidth(full)
	l.put(f.sale, full)
	l.repeat(f.faint, "─", columns-done)
}

// speedText is the pace of the last five seconds, so that it can be read; in the
// last frame it is the average of the whole run.
func (f frame) speedText() string {
	if f.phase == ended && f.average > 0 {
		return speed(f.average) + " lines/s"
	}
	recent := f.rates[max(0, len(f.rates)-5):]
	if len(recent) == 0 {
		return "- lines/s"
	}
	sum := 0.0
	for _, rate := range recent {
		sum += rate
	}
	return speed(sum/float64(len(recent))) + " lines/s"
}
