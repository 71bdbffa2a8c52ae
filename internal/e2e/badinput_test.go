package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bad input gets one clear line and an exit code, and nothing is half written.
func TestBadInput(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() }) // after the parallel subtests, which defer would not wait for
	good := cashierStream(t, 10)
	const theirs = "Invoice,Line,Total\r\n1,1,2\r\n"
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "live_transactions.csv"), []byte(theirs), 0o600); err != nil {
		t.Fatal(err)
	}
	file := write(t, "file", "in the way")
	nobody := freeAddress(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"no such file", []string{"demo", "--source", "nowhere.csv"}, 1, []string{"nowhere.csv", "no such file"}},
		{"empty file", []string{"demo", "--source", write(t, "empty.csv", "")}, 1, []string{"empty.csv", "empty"}},
		{"no Invoice ID", []string{"demo", "--source", write(t, "bare.csv", "Line,Quantity\n1,2\n")}, 1, []string{"bare.csv", "Invoice ID"}},
		{"not UTF-8", []string{"demo", "--source", write(t, "latin.csv", "Invoice ID,Line,Color\nINV-FR-021-1,1,\xe9cru\n")}, 1, []string{"latin.csv", "UTF-8", "line 2", "iconv"}},
		{"a directory", []string{"demo", "--source", t.TempDir()}, 1, []string{"directory"}},
		{"output is a file", []string{"consume", "--out", file, "--listen", "", "--brokers", nobody}, 1, []string{file}},
		{"port in use", []string{"demo", "--source", good, "--listen", busy.Addr().String()}, 1, []string{busy.Addr().String(), "in use", "--listen"}},
		{"port in use, consume", []string{"consume", "--out", t.TempDir(), "--listen", busy.Addr().String()}, 1, []string{"in use"}},
		{"no broker", []string{"produce", "--source", good, "--brokers", nobody, "--give-up-after", "300ms", "--listen", ""}, 1, []string{nobody, "refused", "--brokers"}},
		{"no broker, consume", []string{"consume", "--out", t.TempDir(), "--brokers", nobody, "--give-up-after", "300ms", "--listen", ""}, 1, []string{nobody, "refused", "--brokers"}},
		{"another header", []string{"consume", "--out", foreign, "--listen", "", "--brokers", nobody}, 1, []string{"live_transactions.csv", "header", "--out"}},
		{"no source", []string{"produce"}, 2, []string{"--source"}},
		{"unknown flag", []string{"produce", "--sauce", good}, 2, []string{"sauce"}},
		{"unknown command", []string{"prodcue"}, 2, []string{"prodcue"}},
		{"stray argument", []string{"demo", good}, 2, []string{good}},
		{"negative rate", []string{"demo", "--rate", "-1", "--listen", ""}, 2, []string{"rate"}},
		{"ratio above one", []string{"demo", "--duplicate-ratio", "2", "--listen", ""}, 2, []string{"ratio"}},
		{"unknown stamp", []string{"demo", "--stamp", "never", "--listen", ""}, 2, []string{"stamp", "keep"}},
		{"address without port", []string{"consume", "--brokers", "kafka", "--listen", ""}, 2, []string{"kafka", "host:port"}},
		{"nothing to generate", []string{"generate", "--lines", "0"}, 2, []string{"--lines"}},
		{"generate into a file", []string{"generate", "--lines", "10", "--out", file}, 1, []string{file}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := run(t, c.args...)
			if o.code != c.code {
				t.Errorf("exit code %d, want %d", o.code, c.code)
			}
			var said []string
			for line := range strings.Lines(o.stderr) {
				if strings.HasPrefix(line, "tillstream: ") {
					said = append(said, line)
				} else if !strings.HasPrefix(line, "time=") {
					t.Errorf("stderr holds more than a log and one clear line: %q", line)
				}
			}
			if len(said) != 1 {
				t.Fatalf("%d error lines, want one:\n%s", len(said), o.stderr)
			}
			for _, word := range c.says {
				if !strings.Contains(said[0], word) {
					t.Errorf("the error does not say %q: %s", word, said[0])
				}
			}
		})
	}
	t.Cleanup(func() {
		if content, err := os.ReadFile(filepath.Join(foreign, "live_transactions.csv")); err != nil || string(content) != theirs {
			t.Errorf("a foreign CSV was touched: %v %q", err, content)
		}
	})
}
