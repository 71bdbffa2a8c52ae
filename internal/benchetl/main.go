//go:build unix

// Benchetl measures the warehouse's steps in one run: the import into SQLite against
// the sqlite3 shell's .import, the import into SQL Server against FreeTDS' freebcp or
// a bare bulk copy, how the cost and the memory of an import and a full load grow with
// the lines, what a few more lines cost, and how long a line takes from the till into
// the warehouse. It prints ratios of medians, taken in turns: a bare time says little on
// a machine that others use too.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"tillstream/internal/workbench"
)

func main() {
	lines := flag.Int("lines", 1_000_000, "lines of sale to import")
	runs := flag.Int("runs", 3, "runs of each, in turns; the median counts")
	loads := flag.String("loads", "200000,1000000,5000000", "lines of the full loads to compare, comma-separated")
	only := flag.String("only", "", "one part: sqlite, server, load or live")
	flag.Parse()
	workbench.Main("bench-etl", func(w *workbench.Bench) error {
		return run(&bench{Bench: w, lines: *lines, runs: *runs}, *loads, *only)
	})
}

// bench is one run's surroundings.
type bench struct {
	*workbench.Bench
	lines int
	runs  int
}

func run(b *bench, loads, only string) error {
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
		if err := b.loads(loads); err != nil {
			return err
		}
	}
	if only == "" || only == "live" {
		return b.live(address)
	}
	return nil
}

// etl runs one of the etl commands.
func (b *bench) etl(summary any, source, warehouse, step string, args ...string) (workbench.Usage, error) {
	return b.RunFor(summary, b.Binary, append([]string{"etl", step, "--source-db", source, "--warehouse", warehouse, "--log-level", "error"}, args...)...)
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
	data, err := b.Generate(b.lines)
	if err != nil {
		return err
	}
	var shell, ours, shellCPU, oursCPU []time.Duration
	for round := range b.runs {
		workbench.Say("SQLite, round %d of %d", round+1, b.runs)
		bare := b.Path("bare.db")
		args := []string{bare, ".mode csv"}
		for _, name := range []string{"stores", "employees", "customers", "products", "discounts", "transactions"} {
			args = append(args, fmt.Sprintf(".import %s/%s.csv %[2]s", data, name))
		}
		u, err := b.Run("sqlite3", args...)
		if err != nil {
			return err
		}
		shell, shellCPU = append(shell, u.Wall), append(shellCPU, u.CPU)
		source, warehouse := "sqlite:"+b.Path("source.db"), "sqlite:"+b.Path("warehouse.db")
		if _, err := b.etl(nil, source, warehouse, "init"); err != nil {
			return err
		}
		if u, err = b.etl(nil, source, warehouse, "import", "--from", data); err != nil {
			return err
		}
		ours, oursCPU = append(ours, u.Wall), append(oursCPU, u.CPU)
		if err := b.Remove("bare.db", "source.db", "warehouse.db"); err != nil {
			return err
		}
	}
	fmt.Printf("| six files, %d lines of sale, into SQLite | seconds | processor seconds |\n|---|---|---|\n", b.lines)
	fmt.Printf("| sqlite3 .import, tables without keys | %.1f | %.1f |\n", workbench.Median(shell).Seconds(), workbench.Median(shellCPU).Seconds())
	fmt.Printf("| etl import | %.1f | %.1f |\n", workbench.Median(ours).Seconds(), workbench.Median(oursCPU).Seconds())
	fmt.Printf("| speed, as a share of .import's | %.2f | %.2f |\n\n", ratio(shell, ours), ratio(shellCPU, oursCPU))
	return nil
}

// ratio is how many times as fast as the peer we are.
func ratio(peer, ours []time.Duration) float64 {
	return workbench.Median(peer).Seconds() / workbench.Median(ours).Seconds()
}
