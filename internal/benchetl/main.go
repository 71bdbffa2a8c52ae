//go:build unix

// Benchetl measures the warehouse's steps in one run: the import into SQLite against
// the sqlite3 shell's .import, the import into SQL Server against FreeTDS' freebcp or
// a bare bulk copy, and how the cost and the memory of an import and a full load grow
// with the lines. It prints ratios of medians, taken in turns: a bare time says
// little on a machine that others use too.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	lines := flag.Int("lines", 1_000_000, "lines of sale to import")
	runs := flag.Int("runs", 3, "runs of each, in turns; the median counts")
	loads := flag.String("loads", "200000,1000000,5000000", "lines of the full loads to compare, comma-separated")
	only := flag.String("only", "", "one part: sqlite, server or load")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *lines, *runs, *loads, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchetl:", err)
		os.Exit(1)
	}
}

// bench is one run's surroundings.
type bench struct {
	ctx    context.Context
	dir    string // scratch
	binary string
	lines  int
	runs   int
}

func run(ctx context.Context, lines, runs int, loads, only string) (err error) {
	b := &bench{ctx: ctx, lines: lines, runs: runs}
	if b.dir, err = os.MkdirTemp("", "tillstream-benchetl-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.binary = b.path("tillstream")
	if _, err := b.command(nil, "go", "build", "-o", b.binary, "tillstream"); err != nil {
		return err
	}
	fmt.Printf("%d processors, %s\n\n", runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	if only == "" || only == "sqlite" {
		if err := b.sqlite(); err != nil {
			return err
		}
	}
	address := os.Getenv("MSSQL_URL")
	switch {
	case (only == "" || only == "server") && address != "":
		if err := b.server(address); err != nil {
			return err
		}
	case only == "server":
		return errors.New("MSSQL_URL is not set; it is sqlserver://user:password@host:1433")
	case only == "":
		fmt.Println("no SQL Server: set MSSQL_URL to measure the import there")
	}
	if only == "" || only == "load" {
		return b.loads(loads)
	}
	return nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// generate makes a data set, once.
func (b *bench) generate(lines int) (dir string, err error) {
	dir = b.path("data-" + strconv.Itoa(lines))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	say("generating %d lines", lines)
	_, err = b.command(nil, b.binary, "generate", "--lines", strconv.Itoa(lines), "--out", dir)
	return dir, err
}

// usage is what a process has used.
type usage struct {
	wall, cpu time.Duration
	peak      int64 // bytes of memory
}

// command runs a program to its end; its output is decoded into summary, unless
// that is nil.
func (b *bench) command(summary any, name string, args ...string) (u usage, err error) {
	cmd := exec.CommandContext(b.ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err = cmd.Run()
	u.wall = time.Since(began)
	if err != nil {
		return u, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), args[0], err, stdout.Bytes(), stderr.Bytes())
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss * kilobyteOrByte
	}
	if summary == nil {
		return u, nil
	}
	return u, json.Unmarshal(stdout.Bytes(), summary)
}

// etl runs one of the etl commands.
func (b *bench) etl(summary any, source, warehouse, step string, args ...string) (usage, error) {
	return b.command(summary, b.binary, append([]string{"etl", step, "--source-db", source, "--warehouse", warehouse, "--log-level", "error"}, args...)...)
}

// imported is what the summary of an import says.
type imported struct {
	Read   int64  `json:"read"`
	NetUSD string `json:"net_usd"`
	Tables []struct {
		Table   string  `json:"table"`
		Rows    int64   `json:"rows"`
		Seconds float64 `json:"seconds"`
	} `json:"tables"`
}

// transactions returns how long the import of transactions.csv took.
func (i *imported) transactions() time.Duration {
	for _, t := range i.Tables {
		if t.Table == "transactions" {
			return time.Duration(t.Seconds * float64(time.Second))
		}
	}
	return 0
}

// sqlite compares the import of all six files with what the sqlite3 shell takes to
// read them into tables without keys.
func (b *bench) sqlite() error {
	if _, err := exec.LookPath("sqlite3"); err != nil {
		return errors.New("sqlite3 is not installed; install it with: apt-get install sqlite3")
	}
	data, err := b.generate(b.lines)
	if err != nil {
		return err
	}
	var shell, ours, shellCPU, oursCPU []time.Duration
	for round := range b.runs {
		say("SQLite, round %d of %d", round+1, b.runs)
		bare := b.path("bare.db")
		args := []string{bare, ".mode csv"}
		for _, name := range []string{"stores", "employees", "customers", "products", "discounts", "transactions"} {
			args = append(args, fmt.Sprintf(".import %s/%s.csv %[2]s", data, name))
		}
		u, err := b.command(nil, "sqlite3", args...)
		if err != nil {
			return err
		}
		shell, shellCPU = append(shell, u.wall), append(shellCPU, u.cpu)
		source, warehouse := "sqlite:"+b.path("source.db"), "sqlite:"+b.path("warehouse.db")
		if _, err := b.etl(nil, source, warehouse, "init"); err != nil {
			return err
		}
		if u, err = b.etl(nil, source, warehouse, "import", "--from", data); err != nil {
			return err
		}
		ours, oursCPU = append(ours, u.wall), append(oursCPU, u.cpu)
		if err := b.remove("bare.db", "source.db", "warehouse.db"); err != nil {
			return err
		}
	}
	fmt.Printf("| six files, %d lines of sale, into SQLite | seconds | processor seconds |\n|---|---|---|\n", b.lines)
	fmt.Printf("| sqlite3 .import, tables without keys | %.1f | %.1f |\n", median(shell).Seconds(), median(shellCPU).Seconds())
	fmt.Printf("| etl import | %.1f | %.1f |\n", median(ours).Seconds(), median(oursCPU).Seconds())
	fmt.Printf("| speed, as a share of .import's | %.2f | %.2f |\n\n", ratio(shell, ours), ratio(shellCPU, oursCPU))
	return nil
}

// loads shows how an import and a full load grow.
func (b *bench) loads(sizes string) error {
	fmt.Print("| into SQLite | seconds | processor seconds | microseconds of processor a line | peak memory, MiB |\n|---|---|---|---|---|\n")
	for _, size := range strings.Split(sizes, ",") {
		lines, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return fmt.Errorf("-loads: %w", err)
		}
		data, err := b.generate(lines)
		if err != nil {
			return err
		}
		source, warehouse := "sqlite:"+b.path("source.db"), "sqlite:"+b.path("warehouse.db")
		if _, err := b.etl(nil, source, warehouse, "init"); err != nil {
			return err
		}
		for _, step := range [][]string{{"import", "--from", data}, {"load"}} {
			say("%s of %d lines", step[0], lines)
			u, err := b.etl(nil, source, warehouse, step[0], step[1:]...)
			if err != nil {
				return err
			}
			fmt.Printf("| %s, %d lines | %.1f | %.1f | %.1f | %d |\n", step[0], lines, u.wall.Seconds(), u.cpu.Seconds(),
				float64(u.cpu.Microseconds())/float64(lines), u.peak>>20)
		}
		if err := errors.Join(b.remove("source.db", "warehouse.db"), os.RemoveAll(data)); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

// remove takes databases away with what SQLite has put beside them.
func (b *bench) remove(names ...string) error {
	for _, name := range names {
		beside, err := filepath.Glob(b.path(name) + "*")
		if err != nil {
			return err
		}
		for _, path := range beside {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func median(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

// ratio is how many times as fast as the peer we are.
func ratio(peer, ours []time.Duration) float64 {
	return median(peer).Seconds() / median(ours).Seconds()
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
