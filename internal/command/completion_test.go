package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// typed returns what bash offers after the words, the last of which is not
// finished.
func typed(t *testing.T, words ...string) []string {
	t.Helper()
	var script bytes.Buffer
	app := App()
	app.Writer = &script
	if err := app.Run([]string{"tillstream", "completion", "bash"}); err != nil {
		t.Fatal(err)
	}
	// The test's own binary stands for the program, see TestMain.
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "tillstream")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", append([]string{"-euc", script.String() + `
		COMP_WORDS=(tillstream "$@")
		COMP_CWORD=$#
		_tillstream
		printf '%s\n' "${COMPREPLY[@]}"`, "bash"}, words...)...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), beTheProgram+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

// beTheProgram turns the test's binary into the program.
const beTheProgram = "TILLSTREAM_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(beTheProgram) != "" {
		os.Exit(ExitCode(App().Run(os.Args)))
	}
	os.Exit(m.Run())
}

func TestBashCompletes(t *testing.T) {
	for _, test := range []struct {
		words []string
		want  []string
	}{
		{[]string{"con"}, []string{"consume"}},
		{[]string{"etl", "l"}, []string{"live", "load"}},
		{[]string{"consume", "--dead"}, []string{"--dead-letter-topic"}},
		{[]string{"produce", "--source", "x.csv", "--renu"}, []string{"--renumber"}},
	} {
		got := typed(t, test.words...)
		slices.Sort(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%v completes to %v, want %v", test.words, got, test.want)
		}
	}
}

func TestCompletionOfOtherShells(t *testing.T) {
	for shell, want := range map[string]string{"zsh": "#compdef tillstream", "fish": "dead-letter-topic"} {
		var out bytes.Buffer
		app := App()
		app.Writer = &out
		if err := app.Run([]string{"tillstream", "completion", shell}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, %.200s", shell, err, out.String())
		}
	}
	app := App()
	app.Writer = &bytes.Buffer{}
	if err := app.Run([]string{"tillstream", "completion", "tcsh"}); ExitCode(err) != ExitUsage {
		t.Errorf("a shell that is not known: %v", err)
	}
}
