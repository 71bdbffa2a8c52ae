package terminal

import "strings"

// glyphs are the characters of a large number as pixels, five rows high; the
// sixth holds only the comma's tail. Digits are equally wide, so that a number
// that grows does not wobble.
var glyphs = map[rune][6]string{
	'0': {"###", "# #", "# #", "# #", "###", "   "},
	'1': {" # ", "## ", " # ", " # ", "###", "   "},
	'2': {"###", "  #", "###", "#  ", "###", "   "},
	'3': {"###", "  #", "###", "  #", "###", "   "},
	'4': {"# #", "# #", "###", "  #", "  #", "   "},
	'5': {"###", "#  ", "###", "  #", "###", "   "},
	'6': {"###", "#  ", "###", "# #", "###", "   "},
	'7': {"###", "  #", "  #", "  #", "  #", "   "},
	'8': {"###", "# #", "###", "# #", "###", "   "},
	'9': {"###", "# #", "###", "  #", "###", "   "},
	'$': {" ####", "# #  ", " ### ", "  # #", "#### ", "     "},
	'-': {"   ", "   ", "###", "   ", "   ", "   "},
	',': {" ", " ", " ", " ", "#", "#"},
	'.': {" ", " ", " ", " ", "#", " "},
}

// size is how large a number is written.
type size int

const (
	small size = iota // a pixel is half a character: 3 rows
	large             // a pixel is two characters side by side: 6 rows
)

// bigNumber writes an amount such as "$463,220.51" in large characters; all rows
// are equally wide.
func bigNumber(s string, of size) []string {
	if of == large {
		rows := make([]strings.Builder, 6)
		for i, r := range s {
			for y, pixels := range glyphs[r] {
				if i > 0 {
					rows[y].WriteString("  ")
				}
				for x := range len(pixels) {
					switch {
					case pixels[x] == ' ':
						rows[y].WriteString("  ")
					case y == 5: // the comma's tail is short
						rows[y].WriteString("▀ ")
					default:
						rows[y].WriteString("██")
					}
				}
			}
		}
		return built(rows)
	}
	rows := make([]strings.Builder, 3)
	for i, r := range s {
		glyph := glyphs[r]
		for y := range rows {
			if i > 0 {
				rows[y].WriteByte(' ')
			}
			upper, lower := glyph[2*y], glyph[2*y+1]
			for x := range len(upper) {
				switch {
				case upper[x] == '#' && lower[x] == '#':
					rows[y].WriteString("█")
				case upper[x] == '#':
					rows[y].WriteString("▀")
				case lower[x] == '#':
					rows[y].WriteString("▄")
				default:
					rows[y].WriteByte(' ')
				}
			}
		}
	}
	return built(rows)
}

// bigWidth is how many columns [bigNumber] takes.
func bigWidth(s string, of size) int {
	pixels := max(len(s)-1, 0)
	for _, r := range s {
		pixels += len(glyphs[r][0])
	}
	if of == large {
		return 2 * pixels
	}
	return pixels
}

func built(rows []strings.Builder) []string {
	out := make([]string, len(rows))
	for i := range rows {
		out[i] = rows[i].String()
	}
	return out
}
