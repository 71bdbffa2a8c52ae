//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tillstream/internal/workbench"
)

// aFew is which part of the lines comes later: one in so many.
const aFew = 100

// loads shows how an import and a full load grow with the lines, and what it takes to
// load 1 % more.
func (b *bench) loads(sizes string) error {
	fmt.Print("| into SQLite | seconds | processor seconds | microseconds of processor a line | peak memory, MiB |\n|---|---|---|---|---|\n")
	for _, size := range strings.Split(sizes, ",") {
		lines, err := strconv.Atoi(strings.TrimSpace(size))
		if err != nil {
			return fmt.Errorf("-loads: %w", err)
		}
		if err := b.load(lines); err != nil {
			return err
		}
	}
	fmt.Println()
	return nil
}

func (b *bench) load(lines int) error {
	most, few, err := b.split(lines)
	if err != nil {
		return err
	}
	source, warehouse := "sqlite:"+b.Path("source.db"), "sqlite:"+b.Path("warehouse.db")
	if _, err := b.etl(nil, source, warehouse, "init"); err != nil {
		return err
	}
	var whole workbench.Usage
	for _, step := range []struct {
		name  string
		lines int
		args  []string
	}{
		{"import", lines, []string{"import", "--from", most}},
		{"load", lines, []string{"load"}},
		{"import of 1 % more", lines / aFew, []string{"import", "--from", few}},
		{"load of 1 % more", lines / aFew, []string{"load"}},
	} {
		workbench.Say("%s, %d lines", step.name, lines)
		used, err := b.etl(nil, source, warehouse, step.args[0], step.args[1:]...)
		if err != nil {
			return err
		}
		note := ""
		switch step.name {
		case "load":
			whole = used
		case "load of 1 % more":
			note = fmt.Sprintf(": %.1f %% of the full load's time", 100*used.Wall.Seconds()/whole.Wall.Seconds())
		}
		fmt.Printf("| %s, %d lines%s | %.2f | %.2f | %.1f | %d |\n", step.name, step.lines, note, used.Wall.Seconds(), used.CPU.Seconds(),
			float64(used.CPU.Microseconds())/float64(step.lines), used.Peak>>20)
	}
	return errors.Join(b.Remove("source.db", "warehouse.db"), os.RemoveAll(most), os.RemoveAll(few))
}

// split generates so many lines and 1 % more, which come last in time, and returns the
// directories of the two parts. Both have all of the reference data.
func (b *bench) split(lines int) (most, few string, err error) {
	most, err = b.Generate(lines + lines/aFew)
	if err != nil {
		return "", "", err
	}
	few = most + "-last"
	if err := os.Mkdir(few, 0o700); err != nil {
		return "", "", err
	}
	files, err := filepath.Glob(filepath.Join(most, "*.csv"))
	if err != nil {
		return "", "", err
	}
	for _, path := range files {
		if err := os.Link(path, filepath.Join(few, filepath.Base(path))); err != nil {
			return "", "", err
		}
	}
	const name = "transactions.csv"
	if err := os.Remove(filepath.Join(few, name)); err != nil {
		return "", "", err
	}
	return most, few, cutFile(filepath.Join(most, name), filepath.Join(few, name), lines)
}

// cutFile moves the lines of a CSV behind the first so many to another file, which gets
// the header as well. No field of what generate writes goes over two lines.
func cutFile(from, to string, lines int) (err error) {
	in, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	reader, size := bufio.NewReader(in), int64(0)
	for n := range lines + 1 {
		line, err := reader.ReadBytes('\n')
		if err != nil {
			return err
		}
		size += int64(len(line))
		if n == 0 {
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
	}
	if _, err := io.Copy(out, reader); err != nil {
		return err
	}
	return in.Truncate(size)
}
