//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tillstream/internal/interop"
)

const (
	fleetTopic, fleetGroup = "fleet", "fleet"
	fleetPartitions        = 8
	fleetSize              = 3
	fleetSession           = 3 * time.Second
	fleetRotation          = 2_000_000 // bytes: some files for each instance
)

// fleetReport is the result of several instances.
type fleetReport struct {
	joins, leaves, kills   int
	lines, gracefulLines   int64
	repeated, rotated      int
	slowestLeave, took     time.Duration
	longestTail, killsWith int // of kills that left uncommitted rows
}

func (r *fleetReport) String() string {
	return fmt.Sprintf(`| up to %d instances, %d partitions | |
|---|---|
| joins, graceful leaves, kills | %d, %d, %d |
| lines produced | %d |
| files rotated | %d |
| lines lost | 0 |
| lines twice after graceful hand-overs only, over all files (%d lines) | 0 |
| lines twice in one instance's files | 0 |
| lines in a second instance's file, each from the uncommitted tail of a killed one | %d |
| kills that left such a tail, lines of the longest | %d, %d |
| committed offsets went back | never |
| slowest graceful leave | %.1f s |
| seconds | %.0f |
`, fleetSize, fleetPartitions, r.joins, r.leaves, r.kills, r.lines, r.rotated, r.gracefulLines, r.repeated, r.killsWith, r.longestTail,
		r.slowestLeave.Seconds(), r.took.Seconds())
}

// instance is a member of the fleet with its own --out, which it comes back to.
type instance struct {
	name  string
	out   *directory
	now   *process // nil while it is away
	runs  int
	begun int32 // rows that were there when it was started
	tails []tail
}

// tail is what a kill has left: the rows of the run that was killed, of which
// those are not committed that are at or after these offsets.
type tail struct {
	from, to  int32
	committed map[int]int64
	repeated  int
}

// holds reports whether a row was in the uncommitted tail.
func (t *tail) holds(row int32, at position) bool {
	committed, ok := t.committed[at.partition]
	return row >= t.from && row < t.to && (!ok || at.offset >= committed)
}

type fleet struct {
	*lab
	report    fleetReport
	instances []*instance
}

// fleet lets instances come and go, the second half of the time with kills.
func (l *lab) fleet(events int, rate float64) (r *fleetReport, err error) {
	const secondsOfEvent = 3
	began := time.Now()
	if err := l.kafka.CreateTopic(l.ctx, fleetTopic, fleetPartitions); err != nil {
		return nil, err
	}
	path, err := l.generate("fleet-source", max(50_000, int(rate)*secondsOfEvent*events))
	if err != nil {
		return nil, err
	}
	tills, err := l.produce(fleetTopic, path, rate, "--duplicate-ratio", "0.01")
	if err != nil {
		return nil, err
	}
	f := &fleet{lab: l}
	for i := range fleetSize {
		name := "fleet-" + strconv.Itoa(i)
		f.instances = append(f.instances, &instance{name: name, out: newDirectory(filepath.Join(l.dir, name))})
	}
	watching, stop := context.WithCancel(l.ctx)
	watched := make(chan error, 1)
	go func() { watched <- l.watchOffsets(watching, fleetGroup, fleetTopic, fleetPartitions) }()
	err = f.play(events)
	stop()
	if err = errors.Join(err, <-watched); err != nil {
		return nil, err
	}
	sent, err := tills.stop()
	if err != nil {
		return nil, err
	}
	if err := f.finish(path, sent.Lines); err != nil {
		return nil, err
	}
	f.report.lines, f.report.took = sent.Lines, time.Since(began)
	return &f.report, nil
}

// play makes the events happen.
func (f *fleet) play(events int) error {
	const progress = 10
	for n := range events {
		if n == events/2 {
			if err := f.half(); err != nil {
				return err
			}
		}
		if err := f.event(n >= events/2); err != nil {
			return fmt.Errorf("event %d: %w", n+1, err)
		}
		if (n+1)%progress == 0 {
			say("fleet: %d joins, %d leaves, %d kills", f.report.joins, f.report.leaves, f.report.kills)
		}
		// Some events come in the middle of what the last one has caused.
		wait := f.between(50*time.Millisecond, time.Second)
		if f.random.IntN(3) == 0 {
			wait = f.between(time.Second, 4*time.Second)
		}
		if err := f.pause(wait); err != nil {
			return err
		}
	}
	return nil
}

// half lets all leave and looks at what only graceful hand-overs have left.
func (f *fleet) half() error {
	if err := f.allLeave(); err != nil {
		return err
	}
	owner := make(map[digest]string)
	for _, i := range f.instances {
		for id := range i.out.lines {
			if other, twice := owner[id]; twice {
				return fmt.Errorf("after graceful hand-overs only, a line is in the files of both %s and %s (row %d)", other, i.name, i.out.lines[id])
			}
			owner[id] = i.name
		}
	}
	f.report.gracefulLines = int64(len(owner))
	say("fleet: no line twice in %d after graceful hand-overs", len(owner))
	return nil
}

func (f *fleet) event(mayKill bool) error {
	running := 0
	for _, i := range f.instances {
		if i.now == nil {
			continue
		}
		running++
		if !i.now.alive() {
			return i.now.failure("it ended by itself")
		}
	}
	at := f.instances[f.random.IntN(len(f.instances))]
	for running == 0 && at.now != nil || running == 1 && f.random.IntN(2) == 0 && at.now != nil {
		at = f.instances[f.random.IntN(len(f.instances))] // rarely none at all
	}
	switch {
	case at.now == nil:
		return f.join(at)
	case mayKill && f.random.IntN(3) > 0:
		return f.kill(at)
	default:
		return f.leave(at)
	}
}

func (f *fleet) join(i *instance) (err error) {
	f.report.joins++
	i.runs++
	i.begun = int32(len(i.out.lines))
	i.now, err = f.start(fmt.Sprintf("%s-%02d", i.name, i.runs), "consume", "--topic", fleetTopic, "--group", fleetGroup,
		"--out", i.out.path, "--session-timeout", fleetSession.String(), "--listen", "",
		"--rotate-bytes", strconv.Itoa(fleetRotation))
	return err
}

func (f *fleet) leave(i *instance) error {
	f.report.leaves++
	took, err := i.now.leave(leaveTime, nil)
	f.report.slowestLeave = max(f.report.slowestLeave, took)
	if err != nil {
		return err
	}
	i.now = nil
	return i.out.clean()
}

func (f *fleet) kill(i *instance) error {
	f.report.kills++
	if err := i.now.kill(); err != nil {
		return err
	}
	i.now = nil
	// Nobody else has its partitions before its session is over.
	committed, err := f.committed(f.ctx, fleetGroup, fleetTopic, fleetPartitions)
	if err != nil {
		return err
	}
	_, err = i.out.check()
	i.tails = append(i.tails, tail{from: i.begun, to: int32(len(i.out.lines)), committed: committed})
	return err
}

func (f *fleet) allLeave() error {
	for _, i := range f.instances {
		if i.now != nil {
			if err := f.leave(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish lets all of them write what is left, and compares everything.
func (f *fleet) finish(path string, lines int64) error {
	for _, i := range f.instances {
		if i.now == nil {
			if err := f.join(i); err != nil {
				return err
			}
		}
	}
	say("fleet: waiting until all is committed")
	if err := f.until("all is committed", calmly, stuck, func() (bool, error) { return f.settled(fleetGroup, fleetTopic) }); err != nil {
		return err
	}
	if err := f.allLeave(); err != nil {
		return err
	}
	want, err := readSource(path, lines)
	if err != nil {
		return err
	}
	var directories []*directory
	arguments := []string{"--repeats-across-files"}
	for _, i := range f.instances {
		directories = append(directories, i.out)
		arguments = append(arguments, i.out.paths()...)
		f.report.rotated += len(i.out.rotated())
	}
	if err := sameLines(want, directories...); err != nil {
		return err
	}
	if err := f.explain(); err != nil {
		return err
	}
	python, err := interop.Recount(f.ctx, arguments...)
	if err != nil {
		return err
	}
	if int64(python.Rows) != want.sums.lines || python.NetMicroUSD != want.sums.net || python.Repeats != f.report.repeated {
		return fmt.Errorf("the source has %d lines of %d micro-USD, %d are repeated; Python counts %d of %d, %d repeated",
			want.sums.lines, want.sums.net, f.report.repeated, python.Rows, python.NetMicroUSD, python.Repeats)
	}
	return nil
}

// explain finds for each line that is in more than one file the kills that
// account for it: all of its rows but one were in the uncommitted tail of an
// instance that was killed.
func (f *fleet) explain() error {
	positions, err := f.positions(fleetTopic)
	if err != nil {
		return err
	}
	for id, at := range positions {
		var unexplained []string
		var tails []*tail
		for _, i := range f.instances {
			row, ok := i.out.lines[id]
			if !ok {
				continue
			}
			if t := i.tailWith(row, at); t != nil {
				tails = append(tails, t)
			} else {
				unexplained = append(unexplained, fmt.Sprintf("row %d of %s", row, i.name))
			}
		}
		if len(unexplained) > 1 {
			return fmt.Errorf("the line at offset %d of partition %d is %s, of which no kill explains more than one",
				at.offset, at.partition, strings.Join(unexplained, " and "))
		}
		if count := len(unexplained) + len(tails); count > 1 {
			f.report.repeated += count - 1
			for _, t := range tails {
				t.repeated++
			}
		}
	}
	for _, i := range f.instances {
		for _, t := range i.tails {
			if t.repeated > 0 {
				f.report.killsWith++
				f.report.longestTail = max(f.report.longestTail, t.repeated)
			}
		}
	}
	return nil
}

// tailWith is the tail that a row was in, nil for none.
func (i *instance) tailWith(row int32, at position) *tail {
	for n := range i.tails {
		if i.tails[n].holds(row, at) {
			return &i.tails[n]
		}
	}
	return nil
}
