//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tillstream/internal/interop"
)

// oneReport is the result of the single instance.
type oneReport struct {
	rounds, unread, unwritten, written int // kills, by what the instance had done
	torn, midRotation, rotated         int
	lines, messages, duplicates        int64
	took                               time.Duration
}

func (r *oneReport) String() string {
	return fmt.Sprintf(`| one instance, 4 partitions | |
|---|---|
| kills | %d |
| of these before the CSV was read again | %d |
| after that and before the first row | %d |
| while rows were being written | %d |
| found: a torn row at the end | %d |
| found: no newest file, in the middle of a rotation | %d |
| files rotated | %d |
| lines produced | %d |
| messages, %d duplicates among them | %d |
| lines lost | 0 |
| lines twice | 0 |
| rows torn | 0 |
| totals in /metrics = CSV = source, by store, to the micro-USD | yes |
| committed offsets = end offsets | yes |
| seconds | %.0f |
`, r.rounds, r.unread, r.unwritten, r.written, r.torn, r.midRotation, r.rotated, r.lines, r.duplicates, r.messages, r.took.Seconds())
}

// one kills a single instance again and again.
func (l *lab) one(kills int, rate float64) (*oneReport, error) {
	const (
		topic, group   = "one", "one"
		partitions     = 4
		secondsOfRound = 4 // with the bursts, so that the source is not through before the last round
		progress       = 10
	)
	began := time.Now()
	if err := l.kafka.CreateTopic(l.ctx, topic, partitions); err != nil {
		return nil, err
	}
	path, err := l.generate("one-source", max(300_000, int(rate)*secondsOfRound*kills))
	if err != nil {
		return nil, err
	}
	out := newDirectory(filepath.Join(l.dir, "one"))
	tills, err := l.produce(topic, path, rate, "--duplicate-ratio", "0.01")
	if err != nil {
		return nil, err
	}
	args := []string{"consume", "--topic", topic, "--group", group, "--out", out.path, "--session-timeout", sessionOfOne.String()}
	r := &oneReport{}
	for r.rounds < kills {
		if err := l.round(r, out, tills, append(args, "--listen", "")); err != nil {
			return nil, fmt.Errorf("round %d: %w", r.rounds+1, err)
		}
		if r.rounds%progress == 0 {
			say("one instance: %d kills, %d rows, %d torn, %d rotated files", r.rounds, len(out.lines), r.torn, len(out.rotated()))
		}
		if l.random.IntN(4) == 0 {
			factor := 0.25 + 1.5*l.random.Float64()
			if l.random.IntN(4) == 0 {
				factor = 6 // for appends so long that a kill can tear them
			}
			if err := tills.setRate(l.ctx, rate*factor); err != nil {
				return nil, err
			}
		}
	}
	sent, err := tills.stop()
	if err != nil {
		return nil, err
	}
	want, err := readSource(path, sent.Lines)
	if err != nil {
		return nil, err
	}
	if err := l.finish(out, topic, group, want, args); err != nil {
		return nil, err
	}
	r.rotated = len(out.rotated())
	r.lines, r.messages, r.duplicates = sent.Lines, sent.Produced, sent.Duplicates
	r.took = time.Since(began)
	return r, nil
}

// round starts the instance, kills it and looks at what it has left.
func (l *lab) round(r *oneReport, out *directory, tills *tills, args []string) error {
	rotating := l.random.IntN(3) == 0
	if rotating {
		args = append(args, "--rotate-bytes", strconv.Itoa(50_000+l.random.IntN(400_000)))
	}
	before := out.live()
	p, err := l.start(fmt.Sprintf("one-%03d", r.rounds+1), args...)
	if err != nil {
		return err
	}
	grew := func() bool { return out.live() != before }
	// A new instance has to wait until the group has given up the killed one. So
	// most instants of a round are start, recovery and joining; to hit those that
	// matter most, many kills wait for the first rows.
	plan := []instant{{60 * time.Millisecond, nil}, {1500 * time.Millisecond, nil}}
	if tills.alive() {
		plan = append(plan, instant{20 * time.Microsecond, grew}, instant{3 * time.Millisecond, grew}, instant{400 * time.Millisecond, grew})
		if rotating {
			plan = append(plan, instant{2 * time.Millisecond, func() bool { return out.live().inode != before.inode }})
		}
	}
	if err := plan[l.random.IntN(len(plan))].wait(l, p); err != nil {
		return err
	}
	if err := p.kill(); err != nil {
		return err
	}
	r.rounds++
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err
	}
	switch {
	case grew():
		r.written++
	case strings.Contains(string(log), "took up the CSV"):
		r.unwritten++
	default:
		r.unread++
	}
	if out.isMidRotation() {
		r.midRotation++
	}
	torn, err := out.check()
	if torn > 0 {
		r.torn++
	}
	return err
}

// instant is when to kill: up to so long after something has happened.
type instant struct {
	most  time.Duration
	after func() bool // nil is the start
}

func (i instant) wait(l *lab, p *process) error {
	if i.after != nil {
		err := l.until("rows are written", atOnce, stuck, func() (bool, error) {
			if !p.alive() {
				return false, p.failure("it ended by itself")
			}
			return i.after(), nil
		})
		if err != nil {
			return errors.Join(err, p.failure("it writes nothing"))
		}
	}
	return l.pause(rand.N(i.most)) // not from the seed: the machine decides what it hits
}

// finish lets an instance write what is left, and compares everything.
func (l *lab) finish(out *directory, topic, group string, want *source, args []string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	p, err := l.start("one-last", append(args, "--listen", address)...)
	if err != nil {
		return err
	}
	err = l.until("all is committed", calmly, stuck, func() (bool, error) {
		if !p.alive() {
			return false, p.failure("it ended by itself")
		}
		return l.settled(group, topic)
	})
	if err != nil {
		return errors.Join(err, p.failure("it does not finish"))
	}
	metrics := l.get(address, "/metrics")
	var summary struct {
		CSVRows int64  `json:"csv_rows"`
		NetUSD  string `json:"net_usd"`
	}
	if _, err := p.leave(leaveTime, &summary); err != nil {
		return err
	}
	if err := out.clean(); err != nil {
		return err
	}
	if err := sameLines(want, out); err != nil {
		return err
	}
	if err := sameSums("the CSV says", out.sums.places, want.sums.places); err != nil {
		return err
	}
	counted, err := sumsOfMetrics(metrics)
	if err == nil {
		err = sameSums("/metrics says", counted, want.sums.places)
	}
	if err != nil {
		return err
	}
	if written := fmt.Sprintf("\ntillstream_written_lines_total %v\n", float64(want.sums.lines)); !strings.Contains(metrics, written) {
		return fmt.Errorf("/metrics does not say %q", strings.TrimSpace(written))
	}
	python, err := interop.Recount(l.ctx, out.paths()...)
	if err != nil {
		return err
	}
	if int64(python.Rows) != want.sums.lines || python.NetMicroUSD != want.sums.net || summary.CSVRows != want.sums.lines || summary.NetUSD != python.NetUSD {
		return fmt.Errorf("the source has %d lines of %d micro-USD; Python counts %d of %d, the summary says %d of %s USD",
			want.sums.lines, want.sums.net, python.Rows, python.NetMicroUSD, summary.CSVRows, summary.NetUSD)
	}
	return nil
}

// sameLines compares what was sent with what is in directories together. That no
// line is twice in one of them was seen when it was read.
func sameLines(want *source, directories ...*directory) error {
	lost, foreign, changed := 0, 0, 0
	for id := range want.lines {
		found := false
		for _, d := range directories {
			_, ok := d.lines[id]
			found = found || ok
		}
		if !found {
			lost++
		}
	}
	for _, d := range directories {
		for id, text := range d.texts {
			switch sent, ok := want.lines[id]; {
			case !ok:
				foreign++
			case sent != text:
				changed++
			}
		}
	}
	if lost+foreign+changed > 0 {
		return fmt.Errorf("of %d lines that were sent %d are lost, %d differ in another column than Date; %d lines were never sent",
			len(want.lines), lost, changed, foreign)
	}
	return nil
}
