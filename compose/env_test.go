package compose

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// makeEnv runs env.sh on a copy of the tree.
func makeEnv(t *testing.T, dir string) (output string, err error) {
	t.Helper()
	if err := os.MkdirAll(dir+"/compose", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"compose/env.sh", ".env.example"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(dir + "/compose/env.sh").CombinedOutput()
	return string(out), err
}

// passwords are what env.sh made up.
func passwords(t *testing.T, dir string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(dir + "/.env")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && isPassword(name) {
			found[name] = value
		}
	}
	return found
}

func TestEnvironmentIsStrong(t *testing.T) {
	seen := make(map[string]string)
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		output, err := makeEnv(t, dir)
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		info, err := os.Stat(dir + "/.env")
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it: %v, %v", info.Mode(), err)
		}
		for name, value := range passwords(t, dir) {
			if name == "KAFKA_SASL_PASSWORD" {
				if value != "" {
					t.Error("it made up a password of somebody else's Kafka")
				}
				continue
			}
			if len(value) < 32 || strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
				t.Errorf("%s has %d characters, or some that mean something in an address", name, len(value))
			}
			if other := seen[value]; other != "" {
				t.Errorf("%s and %s are the same", name, other)
			}
			seen[value] = name
			if strings.Contains(output, value) {
				t.Errorf("it shows %s", name)
			}
		}
	}
	// The databases know the passwords: a second run must not change them.
	before := passwords(t, dirs[0])
	if output, err := makeEnv(t, dirs[0]); err == nil || !strings.Contains(output, "stays as it is") {
		t.Errorf("once more: %v, %s", err, output)
	}
	for name, value := range passwords(t, dirs[0]) {
		if before[name] != value {
			t.Errorf("a second run changed %s", name)
		}
	}
	if len(before) < 4 {
		t.Errorf("there are %d passwords", len(before))
	}
}
