// Package terminal is the live view: a dashboard of the running pipeline that is
// redrawn in place, for people who sell fashion rather than run Kafka.
//
// [Run] owns the terminal: it takes it into raw mode and the alternate screen,
// asks for a [Snapshot] five times a second, turns keys into [Actions], and in
// the end gives the terminal back with the last frame left in the scrollback.
// While it runs nothing else may write to that terminal, log lines included.
// [Render] draws one frame and depends on nothing but its arguments.
//
// Colour never carries a meaning alone: returns have the word and a minus sign,
// states have a symbol, troubles have an exclamation mark. NO_COLOR is honoured.
package terminal

import (
	"os"
	"runtime"

	"github.com/mattn/go-isatty"
)

// Interactive reports whether both files are terminals on which the view can be
// redrawn in place. TERM=dumb, and no TERM at all outside Windows, are not.
func Interactive(in, out *os.File) bool {
	if in == nil || out == nil {
		return false
	}
	switch os.Getenv("TERM") {
	case "dumb":
		return false
	case "":
		if runtime.GOOS != "windows" {
			return false
		}
	}
	return isatty.IsTerminal(in.Fd()) && isatty.IsTerminal(out.Fd())
}
