package database

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Root may write everywhere, so what a file forbids is only seen by others: as root
// the test runs itself once more as nobody.
func TestFileThatMayNotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		const nobody = 65534
		again := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
		again.Dir = os.TempDir()
		again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := again.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Errorf("as nobody: %v\n%s", err, out)
		}
		return
	}
	file := filepath.Join(t.TempDir(), "a.db")
	db, err := Create(t.Context(), "sqlite:"+file)
	if err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	if err := os.Chmod(file, 0o400); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(t.Context(), "sqlite:"+file); err == nil {
		_, err = db.Exec(t.Context(), "CREATE TABLE x (a INT)")
		_ = db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "may not write") {
		t.Errorf("got %v", err)
	}
}
