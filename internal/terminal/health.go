package terminal

import "strings"

// healthRow is the pipeline's health in one row and, as far as there is room,
// what it writes and, if asked, where the metrics are.
func (f frame) healthRow(columns int, metrics bool) line {
	parts := make([]line, 0, 6)
	for _, n := range f.counters() {
		l := newLine(columns)
		l.put(f.label, n.name+" ")
		l.put(n.paint, n.mark+count(n.value))
		parts = append(parts, l)
	}
	if f.CSV != "" {
		l := newLine(columns)
		l.put(f.label, f.CSV)
		parts = append(parts, l)
	}
	if metrics && f.Address != "" {
		l := newLine(columns)
		l.put(f.label, where(f.Address))
		parts = append(parts, l)
	}
	return f.join(columns, parts)
}

// healthRows is the height of [frame.health].
const healthRows = 8

// health is the same as a panel of exactly healthRows rows.
func (f frame) health(columns int) []line {
	const at = 12
	out := []line{f.heading(columns, title{text: "Pipeline"})}
	row := func(name string, p paint, value, remark string) {
		l := newLine(columns)
		l.left(f.label, name, at)
		l.put(p, value)
		if remark != "" {
			l.put(f.faint, "  "+remark)
		}
		out = append(out, l)
	}
	for _, n := range f.counters() {
		row(n.name, n.paint, n.mark+count(n.value), n.remark)
	}
	if f.TargetRate > 0 {
		row("Target rate", f.strong, target(f.TargetRate), "lines a second")
	} else {
		row("Target rate", f.strong, "no limit", "as fast as possible")
	}
	if f.CSV != "" {
		row("File", paint{}, f.CSV, "")
	}
	if f.Address != "" {
		row("Metrics", paint{}, where(f.Address), "")
	}
	for len(out) < healthRows {
		out = append(out, line{})
	}
	return out
}

// counter is one number of the pipeline's health.
type counter struct {
	name   string
	value  int64
	paint  paint
	mark   string // what stands before a number that somebody should look at
	remark string
}

// counters are the lag, and what did not become revenue. Duplicates are normal:
// tills resend. Conflicts and rejects mean that some data is wrong.
func (f frame) counters() []counter {
	quiet := func(n int64) paint {
		if n == 0 {
			return f.faint
		}
		return f.strong
	}
	wrong := func(n int64) (paint, string) {
		if n == 0 {
			return f.faint, ""
		}
		return f.bad, "! "
	}
	conflicts, conflictMark := wrong(f.Conflicts)
	rejected, rejectedMark := wrong(f.Rejected)
	return []counter{
		{"Lag", f.Lag, quiet(f.Lag), "", "not on disk yet"},
		{"Duplicates", f.Duplicates, quiet(f.Duplicates), "", "dropped"},
		{"Conflicts", f.Conflicts, conflicts, conflictMark, "dead letters"},
		{"Rejected", f.Rejected, rejected, rejectedMark, "dead letters"},
	}
}

// where makes an address a link that a terminal lets one click.
func where(address string) string {
	if strings.HasPrefix(address, ":") {
		address = "localhost" + address
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	if !strings.HasSuffix(address, "/metrics") {
		address = strings.TrimSuffix(address, "/") + "/metrics"
	}
	return address
}
