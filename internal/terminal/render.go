package terminal

import (
	"bytes"
	"strings"
)

// What a terminal is taken for that does not say how large it is.
const (
	usualWidth  = 80
	usualHeight = 24
)

// From here on the countries and the transactions stand side by side.
const (
	wideWidth  = 110
	wideHeight = 20
)

// Render draws one frame for a terminal of width columns and height rows. rates
// are the lines of each of the last seconds, oldest first. No line is wider than
// width and there are exactly height of them. The text is plain, without colour,
// and depends on the arguments only.
func Render(s Snapshot, rates []float64, width, height int) string {
	return frame{Snapshot: s, rates: rates, width: width, height: height, keys: allKeys}.String()
}

// phase is how far the view has come.
type phase int

const (
	running   phase = iota
	finishing       // the user has asked to end; the program writes what is in flight
	ended           // the last frame, which stays in the scrollback
)

// frame is all that a picture depends on.
type frame struct {
	Snapshot
	rates         []float64 // lines a second, oldest first
	average       float64   // lines a second over the whole run; shown when it has ended
	width, height int       // of the terminal
	phase         phase
	help          bool // explain the keys
	keys          keys // those on offer
	palette
}

// String draws the frame. While it runs it fills the screen, with the keys in the
// last row; the last frame is as long as it has something to say.
func (f frame) String() string {
	if f.width <= 0 || f.height <= 0 {
		f.width, f.height = usualWidth, usualHeight
	}
	margin := 1
	if f.width < 40 {
		margin = 0
	}
	rows := f.rows(f.width-2*margin, f.height)
	if len(rows) > f.height {
		rows = rows[:f.height]
	}
	if f.phase == ended {
		for len(rows) > 0 && rows[len(rows)-1].width == 0 {
			rows = rows[:len(rows)-1]
		}
	}
	var b strings.Builder
	b.Grow(f.width * f.height * 2)
	for i, row := range rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		if text := bytes.TrimRight(row.text, " "); len(text) > 0 {
			b.WriteString(" "[:margin])
			b.Write(text)
		}
	}
	return b.String()
}

// rows arranges the panels in the given columns and rows.
func (f frame) rows(columns, height int) []line {
	top := []line{f.titleRow(columns)}
	if notice := f.noticeRow(columns); height >= 20 || notice.width > 0 {
		top = append(top, notice)
	}
	wide := f.width >= wideWidth && f.height >= wideHeight
	top = append(top, f.headline(columns, height, wide)...)
	if height >= 10 {
		top = append(top, f.figures(columns, height)...)
	}
	bottom := 0
	if f.phase != ended && height >= 4 {
		bottom = 1
	}
	var body []line
	if room := height - len(top) - bottom; room > 0 {
		if wide {
			body = f.sideBySide(columns, room)
		} else {
			body = f.stacked(columns, room)
		}
	}
	rows := append(top, body...)
	rows = f.fill(rows, height-bottom)
	rows = rows[:min(len(rows), height-bottom)]
	if bottom > 0 {
		rows = append(rows, f.keysRow(columns, wide))
	}
	return rows
}

// stacked arranges countries, transactions and the pipeline's health below each
// other, in at most room rows.
func (f frame) stacked(columns, room int) []line {
	const fewest = 4 // a heading and three transactions are the least worth showing
	health := 0
	if room >= 2 {
		health = 1
		room--
	}
	countries, latest := 1+len(f.Countries), 1+max(len(f.Latest), 1)
	tall, gaps := false, 0
	switch {
	case room >= 2*countries+latest/2+3:
		tall, countries, gaps = true, 2*countries-1, 2
	case room >= countries+10:
		gaps = 2
	case room < countries+fewest:
		countries = max(room-fewest, 0)
	}
	var rows []line
	gap := func() {
		if gaps > 0 {
			rows = append(rows, line{})
		}
	}
	if countries >= 4 {
		gap()
		rows = append(rows, f.countries(columns, countries, tall)...)
	}
	gap()
	if left := room - len(rows); left >= 2 {
		rows = append(rows, f.latest(columns, left)...)
	}
	if health > 0 {
		rows = append(f.fill(rows, room), f.healthRow(columns, false))
	}
	return rows
}

// sideBySide arranges countries and the pipeline's health at the left and the
// transactions at the right, in at most room rows.
func (f frame) sideBySide(columns, room int) []line {
	const gap = 3
	right := min(max(60, columns*29/50), 112)
	left := columns - gap - right

	var gaps []line
	if room >= 12 {
		gaps = []line{{}}
		room--
	}
	countries := 1 + len(f.Countries)
	const health = 1 + healthRows
	below := room >= countries+health // else the health is one row under both
	under := 0
	if !below && room > 4 {
		under = 1
		room--
	}
	tall := room >= 2*countries-1+health
	panel := f.countries(left, min(room, 2*countries-1), tall)
	if below {
		panel = append(panel, line{})
		panel = append(panel, f.health(left)...)
	}
	rows := beside(columns, panel, f.latest(right, room), left+gap)
	if under > 0 {
		rows = append(f.fill(rows, room), f.healthRow(columns, true))
	}
	return append(gaps, rows...)
}

// fill adds blank rows up to n, but for the last frame, which is not a screen.
func (f frame) fill(rows []line, n int) []line {
	for f.phase != ended && len(rows) < n {
		rows = append(rows, line{})
	}
	return rows
}

// beside joins two panels; the right one begins at the given column.
func beside(columns int, left, right []line, at int) []line {
	rows := make([]line, max(len(left), len(right)))
	for i := range rows {
		rows[i] = newLine(columns)
		if i < len(left) {
			rows[i].add(left[i])
		}
		if i < len(right) && right[i].width > 0 {
			rows[i].to(at)
			rows[i].add(right[i])
		}
	}
	return rows
}
