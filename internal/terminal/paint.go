package terminal

import (
	"image/color"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
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

// hue is one colour for each kind of terminal that has colours.
type hue struct {
	full  ansi.RGBColor
	cube  ansi.IndexedColor // of 256
	basic ansi.BasicColor   // of 16
}

// in is the hue as a terminal has it that has at least 16 colours.
func (h hue) in(profile colorprofile.Profile) color.Color {
	switch profile {
	case colorprofile.TrueColor:
		return h.full
	case colorprofile.ANSI256:
		return h.cube
	default:
		return h.basic
	}
}

// newPalette makes the looks for a terminal; one without colours gets plain text.
// The hues are those of Okabe and Ito, which people with any kind of colour
// blindness tell apart. On a light background they are dark (contrast at least
// 4.5:1 on white), on a dark one light (5:1 on black); and because many terminals
// do not tell which they have, and are then taken for dark, those can be read on
// white as well (about 3:1).
//
// These are few styles, written once: a library of them, Lip Gloss, would look at
// the terminal when it is imported, and run tmux in doing so, for every command.
func newPalette(profile colorprofile.Profile, dark bool) palette {
	if profile < colorprofile.ANSI {
		return palette{}
	}
	colour := func(onLight, onDark hue) ansi.Style {
		if dark {
			return ansi.Style{}.ForegroundColor(onDark.in(profile))
		}
		return ansi.Style{}.ForegroundColor(onLight.in(profile))
	}
	bold := ansi.Style{}.Bold()
	blue := colour(
		hue{ansi.RGBColor{R: 0x00, G: 0x62, B: 0xA3}, 25, ansi.Blue},
		hue{ansi.RGBColor{R: 0x3A, G: 0x96, B: 0xD6}, 32, ansi.Cyan})
	orange := colour(
		hue{ansi.RGBColor{R: 0xA8, G: 0x43, B: 0x00}, 130, ansi.Red},
		hue{ansi.RGBColor{R: 0xD0, G: 0x7F, B: 0x00}, 172, ansi.Yellow})
	green := colour(
		hue{ansi.RGBColor{R: 0x00, G: 0x73, B: 0x4F}, 29, ansi.Green},
		hue{ansi.RGBColor{R: 0x0F, G: 0xA3, B: 0x7B}, 36, ansi.Green})
	grey := colour(
		hue{ansi.RGBColor{R: 0x5F, G: 0x5F, B: 0x5F}, 240, ansi.BrightBlack},
		hue{ansi.RGBColor{R: 0x8F, G: 0x8F, B: 0x8F}, 246, ansi.BrightBlack})
	dim := colour(
		hue{ansi.RGBColor{R: 0x76, G: 0x76, B: 0x76}, 243, ansi.BrightBlack},
		hue{ansi.RGBColor{R: 0x80, G: 0x80, B: 0x80}, 244, ansi.BrightBlack})
	return palette{
		name:   paintOf(bold),
		label:  paintOf(grey),
		strong: paintOf(bold),
		sale:   paintOf(blue),
		refund: paintOf(orange),
		good:   paintOf(green),
		bad:    paintOf(orange.Bold()),
		faint:  paintOf(dim),
	}
}

func paintOf(s ansi.Style) paint { return paint{s.String(), ansi.ResetStyle} }
