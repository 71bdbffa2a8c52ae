package terminal

import (
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// model is the state of the view. Bubble Tea's event loop owns it.
type model struct {
	frame
	meter   meter
	acts    Actions
	profile colorprofile.Profile // the colours that the terminal has
	// do hands a call of an action to the goroutine that makes it.
	do func(func())

	latestAt    time.Time // when the transactions shown were taken
	latestLines int64     // how many lines there were then

	taken       bool // there is a snapshot
	interrupted bool // ctrl+c was pressed after the program was asked to end
	panicked    *panicked
}

// taken is a message: the pipeline at one moment.
type taken struct {
	snapshot Snapshot
	at       time.Time
	last     bool // the context has ended: there will be no more
}

// panicked is a message: code that was called by a goroutine of Run's panicked.
type panicked struct {
	value any
	stack []byte
}

// newModel starts with the colours for a dark background, or a light one, until
// the terminal tells which it has.
func newModel(act Actions, profile colorprofile.Profile, dark bool) model {
	return model{
		frame:   frame{keys: keysOf(act), palette: newPalette(profile, dark)},
		acts:    act,
		profile: profile,
		do:      func(call func()) { call() },
	}
}

// Init asks the terminal for its background, and does not wait: many never answer.
// All else comes from outside.
func (m model) Init() tea.Cmd {
	if m.profile < colorprofile.ANSI {
		return nil
	}
	return tea.RequestBackgroundColor
}

// View draws the frame, once there is something to show.
func (m model) View() tea.View {
	view := tea.View{AltScreen: true}
	view.KeyboardEnhancements.ReportAlternateKeys = true // see letter
	if m.taken {
		view.SetContent(m.String())
	}
	return view
}

// Update takes a message in.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case taken:
		m.show(msg)
		m.meter.observe(msg.at, msg.snapshot.Lines)
		m.rates = m.meter.samples
		if msg.last {
			m.average = m.meter.average(msg.at, msg.snapshot.Lines)
			return m, tea.Quit
		}
	case panicked:
		m.panicked = &msg
		return m, tea.Quit
	case tea.BackgroundColorMsg:
		m.palette = newPalette(m.profile, msg.IsDark())
	case tea.KeyPressMsg:
		return m.pressed(msg.Key())
	}
	return m, nil
}

// show takes a snapshot. The transactions of a fast stream stay for a second, so
// that a person can read them; those of a slow one come as they happen.
func (m *model) show(now taken) {
	const few = 3 // lines since the last snapshot shown that leave the eye a chance
	latest := m.Latest
	fast := now.snapshot.Lines-m.latestLines > few
	m.Snapshot, m.taken = now.snapshot, true
	if fast && len(latest) > 0 && now.at.Sub(m.latestAt) < time.Second && !now.last {
		m.Latest = latest
		return
	}
	m.latestAt, m.latestLines = now.at, now.snapshot.Lines
}

// pressed does what a key asks for. What is pasted is another message, which
// nobody takes.
func (m model) pressed(key tea.Key) (tea.Model, tea.Cmd) {
	if !key.Mod.Contains(tea.ModCtrl) {
		for _, r := range key.Text {
			m.typed(r)
		}
		return m, nil
	}
	switch letter(key) {
	case 'c':
		if m.phase == finishing || m.acts.Quit == nil {
			m.interrupted = true
			return m, tea.Quit
		}
		m.quit()
	case 'l':
		return m, tea.ClearScreen
	}
	return m, nil
}

// letter is the key that is pressed together with ctrl. Terminals that speak the
// Kitty protocol send the letter of the keyboard's layout, where it is Cyrillic
// or Greek too, and then the Latin one of the same key beside it.
func letter(key tea.Key) rune {
	if key.Code > unicode.MaxASCII && key.BaseCode != 0 {
		return unicode.ToLower(key.BaseCode)
	}
	return unicode.ToLower(key.Code)
}

func (m *model) typed(key rune) {
	switch key {
	case 'q', 'Q':
		m.quit()
	case 'p', 'P':
		if m.acts.SetPaused != nil && m.phase == running {
			m.Paused = !m.Paused // shown at once; the next snapshot confirms it
			paused := m.Paused
			m.do(func() { m.acts.SetPaused(paused) })
		}
	case '+', '=':
		m.setRate(faster(m.TargetRate))
	case '-', '_':
		m.setRate(slower(m.TargetRate, m.rates))
	case '?', 'h', 'H':
		m.help = !m.help
	}
}

func (m *model) quit() {
	if m.acts.Quit != nil && m.phase == running {
		m.phase = finishing
		m.do(m.acts.Quit)
	}
}

func (m *model) setRate(perSecond float64) {
	if m.acts.SetRate != nil && m.phase == running && perSecond != m.TargetRate {
		m.TargetRate = perSecond
		m.do(func() { m.acts.SetRate(perSecond) })
	}
}

// The rates that keys can set, lines a second. Doubled beyond the highest there
// is no limit any more; halved below the lowest it stays.
const (
	lowestRate  = 0.1
	highestRate = 1_000_000
)

// faster is the target rate after +; 0 is no limit.
func faster(target float64) float64 {
	if target <= 0 || 2*target > highestRate {
		return 0
	}
	return 2 * target
}

// slower is the target rate after -. Where there is no limit yet, it is half of
// the pace that there is; without any, nothing changes.
func slower(target float64, rates []float64) float64 {
	if target <= 0 {
		if len(rates) == 0 || rates[len(rates)-1] < 2 {
			return target
		}
		return float64(int64(rates[len(rates)-1] / 2))
	}
	if target/2 < lowestRate {
		return target
	}
	return target / 2
}
