package terminal

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// model is the state of the view. Bubble Tea's event loop owns it.
type model struct {
	frame
	meter meter
	acts  Actions
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

func newModel(act Actions, looks palette) model {
	return model{
		frame: frame{keys: keysOf(act), palette: looks},
		acts:  act,
		do:    func(call func()) { call() },
	}
}

// Init has nothing to start: snapshots come from outside.
func (m model) Init() tea.Cmd { return nil }

// View draws the frame, once there is something to show.
func (m model) View() string {
	if !m.taken {
		return ""
	}
	return m.String()
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
	case tea.KeyMsg:
		return m.pressed(msg)
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

// pressed does what a key asks for. Keys that are typed fast arrive as one message.
func (m model) pressed(msg tea.KeyMsg) (tea.Model, tea.Cmd) {
	switch msg.Type {
	case tea.KeyCtrlC:
		if m.phase == finishing || m.acts.Quit == nil {
			m.interrupted = true
			return m, tea.Quit
		}
		m.quit()
	case tea.KeyCtrlL:
		return m, tea.ClearScreen
	case tea.KeyRunes:
		if msg.Paste {
			return m, nil
		}
		for _, r := range msg.Runes {
			m.typed(r)
		}
	}
	return m, nil
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
