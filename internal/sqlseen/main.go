// Command sqlseen tells which of the project's T-SQL a server has never been sent.
// make test-mssql has the tests write down each statement that they send, and then
// runs this from the root of the repository:
//
//	go run ./internal/sqlseen DIR
//
// What it looks for are pieces: the literal text between two expressions, of the
// .sql files and of the strings in Go that hold SQL. Each has to be in a statement
// that was sent, but those for SQLite alone. Whether a server liked it, the tests
// know.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/sqlseen DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sqlseen:", err)
		os.Exit(1)
	}
}

// elsewhere are pieces that only servers are sent that lack something of SQL
// Server's: docs/warehouse.md has them in its table.
var elsewhere = map[string]bool{
	"SELECT CAST(@@DBTS AS BIGINT) - 1": true,
}

func run(dir string) error {
	seen, statements, err := readSeen(dir)
	if err != nil {
		return err
	}
	pieces, err := projectPieces()
	if err != nil {
		return err
	}
	var missing []string
	for _, p := range pieces {
		if !strings.Contains(seen, plain(p.text)) && !elsewhere[plain(p.text)] {
			missing = append(missing, fmt.Sprintf("%s:%d: %s", p.file, p.line, strings.TrimSpace(p.text)))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d of %d pieces of SQL were never sent to a server:\n%s", len(missing), len(pieces), strings.Join(missing, "\n"))
	}
	fmt.Printf("all %d pieces of the project's T-SQL were sent, in %d statements\n", len(pieces), statements)
	return nil
}

// readSeen returns all statements of a directory as one text.
func readSeen(dir string) (text string, statements int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.seen"))
	if err != nil {
		return "", 0, err
	}
	known := make(map[string]bool)
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return "", 0, err
		}
		for statement := range strings.SplitSeq(string(content), "\x00") {
			if statement != "" {
				known[plain(statement)] = true
			}
		}
	}
	if len(known) == 0 {
		return "", 0, fmt.Errorf("no statement was written down in %s; did the tests run with SQL_SEEN=%s?", dir, dir)
	}
	var b strings.Builder
	for statement := range known {
		b.WriteString(statement)
		b.WriteByte(0)
	}
	return b.String(), len(known), nil
}

var (
	comment = regexp.MustCompile(`--[^\n]*`)
	number  = regexp.MustCompile(`[0-9]+`)
)

// plain leaves out what makes no difference: comments and blanks; and numbers, so
// that statements which differ in those are one.
func plain(text string) string {
	text = strings.Join(strings.Fields(comment.ReplaceAllString(text, "")), " ")
	return number.ReplaceAllString(text, "0")
}
