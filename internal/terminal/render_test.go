package terminal

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/mattn/go-runewidth"
)

var update = flag.Bool("update", false, "write the golden frames anew: go test ./internal/terminal -update")

// scenes are the frames that testdata shows: look at them after a change.
func scenes() map[string]frame {
	scene := func(s Snapshot, rates []float64, width, height int) frame {
		return frame{Snapshot: s, rates: rates, width: width, height: height, keys: allKeys}
	}
	paused := day()
	paused.Paused, paused.TargetRate = true, 0.5
	unready := day()
	unready.Ready, unready.Reason = false, "broker 127.0.0.1:9092: connection refused; trying again in 5s"
	unready.Conflicts = 2
	help := scene(day(), minute(), 80, 24)
	help.help = true
	finish := scene(day(), minute(), 80, 24)
	finish.phase = finishing
	last := scene(day(), minute(), 80, 49)
	last.phase, last.average = ended, 120.48
	return map[string]frame{
		"day-60x24":     scene(day(), minute(), 60, 24),
		"day-60x12":     scene(day(), minute(), 60, 12),
		"day-80x24":     scene(day(), minute(), 80, 24),
		"day-80x50":     scene(day(), minute(), 80, 50),
		"day-110x24":    scene(day(), minute(), 110, 24),
		"day-120x40":    scene(day(), minute(), 120, 40),
		"day-200x60":    scene(day(), minute(), 200, 60),
		"opening-80x24": scene(opening(), nil, 80, 24),
		"huge-60x24":    scene(huge(), minute(), 60, 24),
		"huge-120x40":   scene(huge(), minute(), 120, 40),
		"loss-80x24":    scene(loss(), minute(), 80, 24),
		"loss-120x40":   scene(loss(), minute(), 120, 40),
		"paused-80x24":  scene(paused, minute()[:7], 80, 24),
		"unready-80x24": scene(unready, minute(), 80, 24),
		"help-80x24":    help,
		"finish-80x24":  finish,
		"ended-80x50":   last,
		"default-size":  scene(day(), minute(), 0, 0),
	}
}

func TestFramesAreGolden(t *testing.T) {
	for name, f := range scenes() {
		t.Run(name, func(t *testing.T) {
			got := f.String() + "\n"
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("frame differs from %s (if it is meant to: -update, and look at it)\n%s", path, got)
			}
		})
	}
}

// TestFramesFit draws every snapshot at every size: no line is wider than the
// terminal by anybody's measure, and there are exactly as many as it has.
func TestFramesFit(t *testing.T) {
	looks := newPalette(colorprofile.TrueColor, true)
	nobody := Snapshot{}
	crowd := day()
	for i := range 60 {
		crowd.Countries = append(crowd.Countries, Country{"XX", fmt.Sprintf("Country of a long name %d", i), int64(i - 20)})
	}
	snapshots := map[string]Snapshot{
		"day": day(), "opening": opening(), "huge": huge(), "loss": loss(), "nobody": nobody, "crowd": crowd,
	}
	for name, s := range snapshots {
		for width := 1; width <= 210; width += 1 + width/8 {
			for height := 1; height <= 64; height += 1 + height/8 {
				f := frame{Snapshot: s, rates: minute(), width: width, height: height, keys: allKeys}
				if width%2 == 0 {
					f.palette = looks
				}
				checkFits(t, name, f)
			}
		}
	}
	for name, f := range scenes() {
		if f.width > 0 && f.phase != ended {
			checkFits(t, name, f)
		}
	}
}

func checkFits(t *testing.T, name string, f frame) {
	t.Helper()
	lines := strings.Split(f.String(), "\n")
	if len(lines) != f.height {
		t.Fatalf("%s: %d lines at %dx%d", name, len(lines), f.width, f.height)
	}
	narrow := runewidth.Condition{StrictEmojiNeutral: true}
	for i, text := range lines {
		plain := ansi.Strip(text)
		if w := narrow.StringWidth(plain); w > f.width {
			t.Fatalf("%s: line %d is %d columns wide at %dx%d: %q", name, i+1, w, f.width, f.height, plain)
		}
		// Bubble Tea lays out cells by the first measure, or by the second where the
		// terminal says that it knows graphemes (mode 2027).
		for _, method := range []ansi.Method{ansi.WcWidth, ansi.GraphemeWidth} {
			if w := method.StringWidth(text); w != narrow.StringWidth(plain) {
				t.Fatalf("%s: line %d: ansi measures %d columns: %q", name, i+1, w, plain)
			}
		}
	}
}

// TestWideCharactersKeepColumnsAligned finds the amount of every transaction at
// the same column, whatever the city is written in.
func TestWideCharactersKeepColumnsAligned(t *testing.T) {
	s := day()
	for _, width := range []int{60, 80, 120, 200} {
		ends := map[int]string{}
		rows := 0
		for line := range strings.SplitSeq(Render(s, nil, width, 40), "\n") {
			if !strings.Contains(line, "15:42") {
				continue
			}
			rows++
			at := strings.LastIndex(line, ".") // the cents of the amount in USD
			ends[columns(line[:at])] = line
		}
		if rows < 4 || len(ends) != 1 {
			t.Errorf("%d columns: %d rows of transactions end at %d different columns: %v", width, rows, len(ends), ends)
		}
	}
}

// TestMessagesCannotDriveTheTerminal: names come from messages that anybody may
// have sent.
func TestMessagesCannotDriveTheTerminal(t *testing.T) {
	s := day()
	evil := "Bad\x1b[2J\x1b]0;title\x07\r\nnext\tcell\u202egnorw\u200b\u009b31m\x9b31m\xff end"
	s.Source, s.Reason, s.CSV, s.Ready = evil, evil, evil, false
	s.Countries[0].Name = evil
	s.Latest[0] = Sale{City: evil, Country: evil, Product: evil, Payment: evil, Amount: evil}
	for _, width := range []int{60, 80, 120, 200} {
		got := Render(s, nil, width, 40)
		if i := strings.IndexAny(got, "\x1b\x07\r\t\u009b\u202e\u200b\ufffd"); i >= 0 {
			t.Errorf("%d columns: a control character reached the screen: %q", width, got[i:min(i+20, len(got))])
		}
		if n := strings.Count(got, "\n"); n != 39 {
			t.Errorf("%d columns: %d line breaks, want 39", width, n)
		}
	}
}

func TestStates(t *testing.T) {
	contains := func(f frame, want ...string) {
		t.Helper()
		f.width, f.height = 80, 24
		got := f.String()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("no %q in\n%s", w, got)
			}
		}
	}
	scenes := scenes()
	contains(scenes["day-80x24"], "● ready", "80%", "10,000 of 12,500", "$484,289.01", "United States", "29.0%")
	contains(scenes["paused-80x24"], "▌▌ paused", "target 0.5", "p go on")
	contains(scenes["unready-80x24"], "○ not ready", "! broker 127.0.0.1:9092: connection refused", "Conflicts ! 2")
	contains(scenes["finish-80x24"], "finishing: writing what is in flight", "ctrl+c")
	contains(scenes["opening-80x24"], "waiting for the first line", "none yet", "0 lines")
	contains(scenes["loss-80x24"], "░", "-$134,443.04")
	contains(frame{Snapshot: day()}, "? help")

	without := scenes["day-80x24"]
	without.keys = keys{quit: true}
	for _, key := range []string{"p pause", "+ faster", "- slower"} {
		if strings.Contains(without.String(), key) {
			t.Errorf("%q is offered though its action is nil", key)
		}
	}
}

// TestColoursCarryNoMeaningAlone: without its colours a frame is the same text.
func TestColoursCarryNoMeaningAlone(t *testing.T) {
	for _, profile := range []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ANSI256, colorprofile.ANSI, colorprofile.ASCII} {
		for _, dark := range []bool{true, false} {
			for name, f := range scenes() {
				plain := f.String()
				f.palette = newPalette(profile, dark)
				coloured := f.String()
				// Blanks at the end of a line may be inside a colour.
				for i, line := range strings.Split(ansi.Strip(coloured), "\n") {
					if want := strings.Split(plain, "\n")[i]; strings.TrimRight(line, " ") != want {
						t.Fatalf("%s: in colour line %d is %q, without %q", name, i+1, line, want)
					}
				}
				if (coloured == plain) != (profile == colorprofile.ASCII) {
					t.Errorf("%s: profile %v: coloured = %v", name, profile, coloured != plain)
				}
			}
		}
	}
}

func TestRenderIsPure(t *testing.T) {
	s, rates := day(), minute()
	first := Render(s, rates, 120, 40)
	if second := Render(s, rates, 120, 40); first != second {
		t.Error("two frames of one snapshot differ")
	}
	if s.Countries[0].Code != "PT" {
		t.Error("Render sorted its caller's countries")
	}
	if frame := (frame{Snapshot: s, rates: rates, width: 120, height: 40, keys: allKeys}); frame.String() != first {
		t.Error("Render does not draw the frame that Run draws")
	}
}

func BenchmarkRender(b *testing.B) {
	looks := newPalette(colorprofile.TrueColor, true)
	s, rates := day(), minute()
	for len(s.Latest) < 60 {
		s.Latest = append(s.Latest, s.Latest...)
	}
	s.Elapsed = time.Hour
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			f := frame{Snapshot: s, rates: rates, width: size[0], height: size[1], keys: allKeys, palette: looks}
			b.ReportAllocs()
			for b.Loop() {
				_ = f.String()
			}
		})
	}
}
