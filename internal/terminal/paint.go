package terminal

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// paint is what to send before and after a text to give it its looks. The zero
// value is plain text.
type paint struct{ on, off string }

// palette is the looks of everything that has a meaning. The zero value is plain
// text: it is what [Render] draws with.
type palette struct {
	name   paint // the product's name
	label  paint // what a number is
	strong paint // a number that matters
	sale   paint // money that came in: blue
	refund paint // money that went out: orange
	good   paint // all is well: bluish green
	bad    paint // a person should look at it: orange, bold
	faint  paint // rules, and numbers that are zero as they should be
}

// newPalette makes the looks for a terminal. The hues are those of Okabe and Ito,
// which people with any kind of colour blindness tell apart. On a light background
// they are dark (contrast at least 4.5:1 on white), on a dark one light (5:1 on
// black); and because many terminals do not tell which they have, and are then
// taken for dark, those can be read on white as well (about 3:1).
func newPalette(r *lipgloss.Renderer) palette {
	colour := func(light, dark lipgloss.CompleteColor) lipgloss.Style {
		return r.NewStyle().Foreground(lipgloss.CompleteAdaptiveColor{Light: light, Dark: dark})
	}
	blue := colour(
		lipgloss.CompleteColor{TrueColor: "#0062A3", ANSI256: "25", ANSI: "4"},
		lipgloss.CompleteColor{TrueColor: "#3A96D6", ANSI256: "32", ANSI: "6"})
	orange := colour(
		lipgloss.CompleteColor{TrueColor: "#A84300", ANSI256: "130", ANSI: "1"},
		lipgloss.CompleteColor{TrueColor: "#D07F00", ANSI256: "172", ANSI: "3"})
	green := colour(
		lipgloss.CompleteColor{TrueColor: "#00734F", ANSI256: "29", ANSI: "2"},
		lipgloss.CompleteColor{TrueColor: "#0FA37B", ANSI256: "36", ANSI: "2"})
	grey := colour(
		lipgloss.CompleteColor{TrueColor: "#5F5F5F", ANSI256: "240", ANSI: "8"},
		lipgloss.CompleteColor{TrueColor: "#8F8F8F", ANSI256: "246", ANSI: "8"})
	dim := colour(
		lipgloss.CompleteColor{TrueColor: "#767676", ANSI256: "243", ANSI: "8"},
		lipgloss.CompleteColor{TrueColor: "#808080", ANSI256: "244", ANSI: "8"})
	return palette{
		name:   paintOf(r.NewStyle().Bold(true)),
		label:  paintOf(grey),
		strong: paintOf(r.NewStyle().Bold(true)),
		sale:   paintOf(blue),
		refund: paintOf(orange),
		good:   paintOf(green),
		bad:    paintOf(orange.Bold(true)),
		faint:  paintOf(dim),
	}
}

// paintOf takes a style apart, so that drawing is no more than appending.
func paintOf(s lipgloss.Style) paint {
	on, off, _ := strings.Cut(s.Render("x"), "x")
	return paint{on, off}
}
