package compose

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sh runs a script of the shell at the root of the tree, with a docker that answers
// `docker compose config --ANSWER` with these lines, and does nothing else.
func sh(t *testing.T, script, answer string, lines []string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	docker := "#!/bin/sh\n[ \"$*\" = 'compose config --" + answer + "' ] || exit 1\ncat <<'END'\n" + strings.Join(lines, "\n") + "\nEND\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(docker), 0o755); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	command := exec.Command("sh", "-euc", script)
	command.Dir = root
	command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	return string(out), err
}

// A back-up holds every volume, also those of a second consumer, but for what can be
// made again.
func TestABackupHoldsEveryVolume(t *testing.T) {
	var all, want []string
	for name := range project(t, everything).Volumes {
		all = append(all, name)
		if name != "sample" {
			want = append(want, name)
		}
	}
	out, err := sh(t, ". compose/volumes.sh; volumes", "volumes", all)
	got := strings.Fields(out)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) || !slices.Contains(got, "live-2") {
		t.Errorf("got %v, want %v (%v)", got, want, err)
	}
	if out, err := sh(t, "all=$(. compose/volumes.sh; volumes); echo went on", "nothing", nil); err == nil {
		t.Errorf("docker fails, and a back-up of nothing is made: %s", out)
	}
}
