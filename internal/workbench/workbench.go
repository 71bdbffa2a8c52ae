//go:build unix

// Package workbench is where tillstream is measured: a scratch directory with the
// binary, programs that run to their end or beside the measuring, and what became of
// them. What is measured, and against whom, the benchmarks say themselves.
package workbench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bench is one run's surroundings.
type Bench struct {
	Context context.Context // ends with Ctrl-C
	Dir     string          // scratch
	Binary  string          // tillstream
}

// Main runs a benchmark from its beginning to the program's end.
func Main(name string, measure func(*Bench) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := within(ctx, name, measure)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func within(ctx context.Context, name string, measure func(*Bench) error) (err error) {
	b := &Bench{Context: ctx}
	if b.Dir, err = os.MkdirTemp("", "tillstream-"+name+"-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.Dir)) }()
	b.Binary = b.Path("tillstream")
	if _, err := b.Run("go", "build", "-o", b.Binary, "tillstream"); err != nil {
		return err
	}
	return measure(b)
}

// Path is a name in the scratch directory.
func (b *Bench) Path(name string) string { return filepath.Join(b.Dir, name) }

// Generate makes a data set of so many lines, once.
func (b *Bench) Generate(lines int) (dir string, err error) {
	dir = b.Path("data-" + strconv.Itoa(lines))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	Say("generating %d lines", lines)
	_, err = b.Run(b.Binary, "generate", "--lines", strconv.Itoa(lines), "--out", dir)
	return dir, err
}

// Remove takes files away, and what has their names with something behind it.
func (b *Bench) Remove(names ...string) error {
	for _, name := range names {
		found, err := filepath.Glob(b.Path(name) + "*")
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// Usage is what a program has used.
type Usage struct {
	Wall, CPU time.Duration
	Peak      int64 // bytes of memory
}

// Run runs a program to its end.
func (b *Bench) Run(name string, args ...string) (Usage, error) {
	return Finish(exec.CommandContext(b.Context, name, args...))
}

// RunFor runs a program to its end and reads the JSON object that it prints, unless
// summary is nil.
func (b *Bench) RunFor(summary any, name string, args ...string) (Usage, error) {
	cmd := exec.CommandContext(b.Context, name, args...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	used, err := Finish(cmd)
	if err == nil && summary != nil {
		err = json.Unmarshal(stdout.Bytes(), summary)
	}
	return used, err
}

// Finish runs a command to its end. Its error has what the program had to say.
func Finish(cmd *exec.Cmd) (used Usage, err error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	err = cmd.Run()
	used.Wall = time.Since(began)
	if err != nil {
		// Not all arguments: there may be a password among them.
		return used, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args[:min(2, len(cmd.Args))], " "), err, stderr.Bytes())
	}
	used.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		used.Peak = r.Maxrss * kilobyteOrByte
	}
	return used, nil
}

// Say tells whoever waits what is being done. The figures go to stdout.
func Say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
