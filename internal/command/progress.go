package command

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
)

// redraw is how often the line of progress is drawn anew.
const redraw = 200 * time.Millisecond

// progress is one line at the foot of a terminal that says what a step is doing:
// its name, rows done, rows a second, and how long the rest will take. Where there
// is no terminal it is silent.
type progress struct {
	out io.Writer // nil is silent

	mu    sync.Mutex
	stage string
	began time.Time // of the stage
	drawn time.Time
	open  bool // the line is on the screen
}

// newProgress draws on w if that is a terminal.
func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return &progress{out: w}
	}
	return &progress{}
}

// report says how far a stage is; total is 0 where it is not known.
func (p *progress) report(stage string, done, total int64) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if stage != p.stage {
		p.stage, p.began, p.drawn = stage, now, time.Time{}
	}
	if now.Sub(p.drawn) < redraw {
		return
	}
	p.drawn, p.open = now, true
	_, _ = fmt.Fprint(p.out, "\r\x1b[K"+progressLine(stage, done, total, now.Sub(p.began)))
}

// end takes the line away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
		p.open = false
	}
}

func progressLine(stage string, done, total int64, took time.Duration) string {
	text := stage
	if done == 0 && total == 0 {
		return text
	}
	text += ": " + humanize.Comma(done)
	if total > 0 {
		text += fmt.Sprintf(" of %s (%d %%)", humanize.Comma(total), min(100, 100*done/total))
	}
	text += " rows"
	seconds := took.Seconds()
	if seconds < 1 || done == 0 { // too early to tell
		return text
	}
	perSecond := float64(done) / seconds
	text += fmt.Sprintf(", %s a second", humanize.Comma(int64(perSecond)))
	if left := total - done; left > 0 {
		text += fmt.Sprintf(", %v left", time.Duration(float64(left)/perSecond*float64(time.Second)).Round(time.Second))
	}
	return text
}
