//go:build kafka

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tillstream/internal/kafkatest"
)

// A disk that is full makes it wait and say so; freed, it goes on by itself. Also
// when it was killed and started again meanwhile.
func TestFullDisk(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic, lines = "disk", 20_000
	source, out := cashierStream(t, lines), smallDisk(t, "8m")
	kafka.CreateTopic(t, topic, 4)
	c := consuming(t, kafka, topic, out)
	c.eventually(t, "it has its partitions", func() bool { return len(c.partitions(t)) == 4 })
	ballast := fill(t, out, 1<<20)
	p := producing(t, kafka, topic, source, "--rate", "8000")
	isFull := func(c *live) {
		t.Helper()
		c.eventually(t, "/readyz says that the disk is full", func() bool {
			code, why := c.ready(t)
			return code == http.StatusServiceUnavailable && strings.Contains(why, "csv") && strings.Contains(why, "no space left")
		})
	}
	isFull(c)
	p.finishes(t)
	tries := func() int { return len(c.troubles("no space left")) }
	c.eventually(t, "it says so in its log", func() bool { return tries() > 0 })
	written := c.metric(t, "tillstream_written_lines_total")
	if rows := len(rowsOf(t, out)); written != float64(rows) || rows == 0 || rows >= lines {
		t.Errorf("/metrics says %v lines while the disk is full, the CSV holds %d", written, rows)
	}
	var messages int64
	for _, offset := range committed(t, kafka, topic, 4) {
		messages += offset
	}
	if messages > int64(written) {
		t.Errorf("%d messages are committed, but only %v lines are on disk", messages, written)
	}
	c.eventually(t, "the lag is what is not committed", func() bool { return lagIsRight(t, c, kafka) })
	if n := tries(); n != 1 {
		t.Errorf("its log says %d times that the disk is full, not once:\n%s", n, c.stderr.String())
	}

	// Killed and started again on the full disk it waits as well.
	c.signal(t, syscall.SIGKILL)
	c.wait(t)
	c = consuming(t, kafka, topic, out)
	isFull(c)
	c.eventually(t, "after the restart the lag is what is not committed", func() bool { return lagIsRight(t, c, kafka) })
	if n := c.metric(t, "tillstream_written_lines_total"); n < written {
		t.Errorf("/metrics says %v lines after the restart, %v before", n, written)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	c.eventually(t, "it is ready again", func() bool { code, _ := c.ready(t); return code == http.StatusOK })
	c.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
	onceEach(t, c.leaves(t), source, out)
}

// smallDisk mounts a file system in memory.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mounting a small tmpfs: %v; this test needs root (and CAP_SYS_ADMIN in a container)", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}

// fill leaves only so many bytes free in the directory's file system. It returns
// the file to remove.
func fill(t *testing.T, dir string, free uint64) string {
	t.Helper()
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(stat.Bavail*uint64(stat.Bsize)-free)); err != nil {
		t.Fatal(err)
	}
	return path
}
