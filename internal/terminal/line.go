package terminal

import (
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// widths measures text in columns. It is not runewidth's default, which follows
// the locale and would take the box drawing of this view for wide characters.
var widths = &runewidth.Condition{StrictEmojiNeutral: true}

// line is one row of the screen that is being written from left to right. It
// never becomes wider than max columns: what does not fit is cut.
type line struct {
	text  []byte
	width int // columns so far
	max   int // columns there are
}

func newLine(columns int) line { return line{max: max(columns, 0)} }

// put writes s.
func (l *line) put(p paint, s string) { l.left(p, s, min(columns(clean(s)), l.max-l.width)) }

// left writes s in exactly w columns, at their left.
func (l *line) left(p paint, s string, w int) {
	w = min(w, l.max-l.width)
	s, used := fit(s, w)
	l.paint(p, s, used)
	l.space(w - used)
}

// right writes s in exactly w columns, at their right.
func (l *line) right(p paint, s string, w int) {
	w = min(w, l.max-l.width)
	s, used := fit(s, w)
	l.space(w - used)
	l.paint(p, s, used)
}

// space writes n blanks.
func (l *line) space(n int) {
	for range min(n, l.max-l.width) {
		l.text = append(l.text, ' ')
		l.width++
	}
}

// to writes blanks up to the given column, the first being 0.
func (l *line) to(column int) { l.space(column - l.width) }

// repeat writes a character of one column n times.
func (l *line) repeat(p paint, character string, n int) {
	if n = min(n, l.max-l.width); n > 0 {
		l.paint(p, strings.Repeat(character, n), n)
	}
}

// add writes another line behind this one.
func (l *line) add(other line) {
	if l.width+other.width <= l.max {
		l.text = append(l.text, other.text...)
		l.width += other.width
	}
}

// paint writes s, which is clean and is w columns wide. Blanks around it need no
// looks.
func (l *line) paint(p paint, s string, w int) {
	text := strings.TrimLeft(s, " ")
	l.text = append(l.text, s[:len(s)-len(text)]...)
	s = text
	if text = strings.TrimRight(s, " "); text != "" {
		l.text = append(l.text, p.on...)
		l.text = append(l.text, text...)
		l.text = append(l.text, p.off...)
	}
	l.text = append(l.text, s[len(text):]...)
	l.width += w
}

// fit cleans s, cuts it to at most w columns, and says how many it takes.
func fit(s string, w int) (string, int) {
	if w <= 0 {
		return "", 0
	}
	s = clean(s)
	n := columns(s)
	if n > w {
		s = widths.Truncate(s, w, "…")
		n = columns(s)
	}
	return s, n
}

// columns is how wide a clean text is on the screen.
func columns(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return widths.StringWidth(s)
		}
	}
	return len(s)
}

// clean makes s safe to show. Names and products come from messages that anybody
// may have sent: an escape sequence in them must not reach the terminal, and a
// line break or a mark of writing direction must not break the layout.
func clean(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return strings.Map(printable, s)
		}
	}
	return s
}

func printable(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
		return ' '
	case unicode.Is(unicode.Cf, r): // marks of direction, joiners: no width, and no agreement on it
		return -1
	case unicode.IsControl(r) || r == unicode.ReplacementChar: // also what is no UTF-8
		return '?'
	default:
		return r
	}
}
