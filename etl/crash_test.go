package etl

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// What a child process of the crash tests is to do, and to which databases.
const (
	crashStep      = "TILLSTREAM_CRASH_STEP"
	crashSource    = "TILLSTREAM_CRASH_SOURCE"
	crashWarehouse = "TILLSTREAM_CRASH_WAREHOUSE"
	crashDir       = "TILLSTREAM_CRASH_DIR"
	crashKills     = "CRASH_KILLS" // how often to kill; default: a handful
)

// crashEffective is when the new versions of all loads of a crash test are valid from.
var crashEffective = at("2024-07-01 00:00:00")

func TestMain(m *testing.M) {
	if step := os.Getenv(crashStep); step != "" {
		if err := crashChild(step); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashChild is the process that is killed. Its chunks are so small that there are
// many between which it can be.
func crashChild(step string) error {
	linesInChunk, membersInChunk = 100, 100
	cfg := Config{Source: os.Getenv(crashSource), Warehouse: os.Getenv(crashWarehouse), Effective: crashEffective}
	dir := os.Getenv(crashDir)
	var err error
	switch step {
	case stepInit:
		_, err = Init(context.Background(), cfg, Logins{})
	case stepImport:
		_, err = Import(context.Background(), cfg, dir)
	case stepLoad:
		_, err = Load(context.Background(), cfg, LoadOptions{})
	case stepLive:
		_, err = NewLive(cfg, LiveOptions{Dirs: []string{dir}, Drain: true}).Run(context.Background())
	}
	return err
}

// child starts a step in a process of its own.
func (l *lab) child(step, dir string) *exec.Cmd {
	l.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashStep+"="+step, crashSource+"="+l.cfg.Source, crashWarehouse+"="+l.cfg.Warehouse, crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		l.Fatal(err)
	}
	return cmd
}

// finish runs a step in a process of its own to its end, and returns how long it took.
func (l *lab) finish(step, dir string) time.Duration {
	l.Helper()
	began := time.Now()
	if err := l.child(step, dir).Wait(); err != nil {
		l.Fatalf("%s: %v", step, err)
	}
	return time.Since(began)
}

func kills(t *testing.T, usual int) int {
	if text := os.Getenv(crashKills); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s is %q", crashKills, text)
		}
		return n
	}
	if testing.Short() {
		return 1
	}
	return usual
}

// crash kills a step at random instants and runs it again, until it was killed so
// often. Where it ends before it is killed, ended checks the result, and the next
// one begins with new databases.
func crash(t *testing.T, step, dir string, times int, begin func() *lab, check func(*lab)) {
	t.Helper()
	first := begin()
	whole := first.finish(step, dir)
	check(first)
	l, killed := begin(), 0
	for killed < times {
		cmd := l.child(step, dir)
		timer := time.AfterFunc(rand.N(whole), func() { _ = cmd.Process.Kill() }) // or it has just ended
		err := cmd.Wait()
		timer.Stop()
		if err != nil {
			killed++
			continue
		}
		check(l)
		l = begin()
	}
	l.finish(step, dir)
	check(l)
}

// sampleDir is data/sample: some 2,000 lines and what they refer to.
var sampleDir = filepath.Join("..", "data", "sample")

// A load that is killed anywhere and run again ends as one that was not.
func TestLoadKilledAnywhere(t *testing.T) {
	undisturbed := newLab(t)
	undisturbed.finish(stepImport, sampleDir)
	undisturbed.finish(stepLoad, "")
	want := undisturbed.content()
	begin := func() *lab {
		l := newLab(t)
		l.finish(stepImport, sampleDir)
		return l
	}
	crash(t, stepLoad, "", kills(t, 4), begin, func(l *lab) {
		if got := l.content(); got != want {
			l.Errorf("the content differs from an undisturbed load's: %s", firstDifference(got, want))
		}
		l.finish(stepLoad, "")
		if l.content() != want {
			l.Errorf("loading once more changes the content")
		}
	})
}

// The same of live, over rotated files.
func TestLiveKilledAnywhere(t *testing.T) {
	files := newTill(newLab(t))
	for i := range 10 {
		files.append(files.lines(150)...)
		files.rotate(fmt.Sprintf("20240305T1000%02d.000Z", i))
	}
	files.append(files.lines(150)...)
	files.drain()
	want := files.content()
	crash(t, stepLive, files.dir, kills(t, 4), func() *lab { return newLab(t) }, func(l *lab) {
		if got := l.content(); got != want {
			l.Errorf("the content differs from an undisturbed run's: %s", firstDifference(got, want))
		}
	})
}

// firstDifference is the first line in which two texts differ.
func firstDifference(got, want string) string {
	for i := 0; i < len(got) && i < len(want); i++ {
		if got[i] != want[i] {
			begin := max(0, i-80)
			return fmt.Sprintf("%q instead of %q", got[begin:min(i+80, len(got))], want[begin:min(i+80, len(want))])
		}
	}
	return fmt.Sprintf("%d bytes instead of %d", len(got), len(want))
}

// The same of an import: the source database holds what one that was not killed has
// brought in.
func TestImportKilledAnywhere(t *testing.T) {
	undisturbed := newLab(t)
	undisturbed.finish(stepImport, sampleDir)
	want := undisturbed.sourceContent()
	crash(t, stepImport, sampleDir, kills(t, 4), func() *lab { return newLab(t) }, func(l *lab) {
		if got := l.sourceContent(); got != want {
			l.Errorf("the content differs from an undisturbed import's: %s", firstDifference(got, want))
		}
		l.finish(stepImport, sampleDir)
		if l.sourceContent() != want {
			l.Errorf("importing once more changes the content")
		}
	})
}
