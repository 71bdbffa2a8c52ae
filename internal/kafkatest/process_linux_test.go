package kafkatest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be its own child: a test process that starts a
// program and dies without any cleanup.
func TestMain(m *testing.M) {
	if os.Getenv("KAFKATEST_DIE") == "" {
		os.Exit(m.Run())
	}
	p, err := startProcess(exec.Command("sleep", "600"))
	if err != nil {
		panic(err)
	}
	fmt.Println(p.cmd.Process.Pid)
	// Not before the parent has seen that the program runs.
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	panic("a test that panics")
}

func TestChildDiesWithItsTest(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "KAFKATEST_DIE=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid := strings.TrimSpace(line)
	if !runs(pid) {
		t.Fatalf("process %s does not run while its parent lives", pid)
	}
	if _, err := fmt.Fprintln(in); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(stderr.String(), "a test that panics") {
		t.Fatalf("the parent ended with %v, %s; want its panic", err, &stderr)
	}
	for deadline := time.Now().Add(10 * time.Second); runs(pid); {
		if time.Now().After(deadline) {
			t.Fatalf("process %s outlived its parent", pid)
		}
		time.Sleep(time.Millisecond)
	}
}

// runs reports whether the process is there and not a zombie: in a container
// whose first process reaps nobody, orphans stay as such for ever.
func runs(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, state, found := bytes.Cut(stat, []byte(") "))
	return found && len(state) > 0 && state[0] != 'Z'
}
