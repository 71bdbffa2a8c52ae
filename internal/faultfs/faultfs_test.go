package faultfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tillstream/internal/faultfs"
)

func TestFaults(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	fs := faultfs.New()
	f, err := fs.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	fs.Add(faultfs.Fault{Op: faultfs.Write, Nth: 2, Times: 1, Short: 2, Err: syscall.ENOSPC})
	fs.Add(faultfs.Fault{Op: faultfs.Sync, Err: syscall.EIO})
	for i, want := range []struct {
		n   int
		err error
	}{{3, nil}, {2, syscall.ENOSPC}, {3, nil}} {
		if n, err := f.Write([]byte("abc")); n != want.n || !errors.Is(err, want.err) {
			t.Errorf("write %d: %d, %v", i, n, err)
		}
	}
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync: %v", err)
	}
	fs.Heal()
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Error(err)
	}
	if data, err := os.ReadFile(name); string(data) != "abcababc" || err != nil {
		t.Errorf("the file holds %q, %v", data, err)
	}
	if n := fs.Count(faultfs.Sync); n != 2 {
		t.Errorf("%d syncs are recorded", n)
	}
}

// A power cut takes what was not synced: bytes, new names, renames.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	fs := faultfs.New()
	fs.WatchPower()
	old, now := filepath.Join(dir, "old"), filepath.Join(dir, "now")
	f, err := fs.OpenFile(old, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, names faultfs.Names, survival string, want map[string]string) {
		t.Helper()
		left := t.TempDir()
		if err := fs.PowerCut(left, faultfs.Survivals[survival], names); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(left)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(want) {
			t.Errorf("%s: %v is left, want %v", what, entries, want)
		}
		for name, text := range want {
			if data, err := os.ReadFile(filepath.Join(left, name)); string(data) != text {
				t.Errorf("%s: %s holds %q, %v, want %q", what, name, data, err, text)
			}
		}
	}
	const synced, all = "only what was synced", "all that was written"
	write("ab")
	check("nothing synced", faultfs.NoNames, all, nil)
	if err := errors.Join(f.Sync(), fs.SyncDir(dir)); err != nil {
		t.Fatal(err)
	}
	write("cd")
	check("bytes not synced", faultfs.NoNames, synced, map[string]string{"old": "ab"})
	check("bytes not synced", faultfs.NoNames, all, map[string]string{"old": "abcd"})
	check("bytes not synced", faultfs.NoNames, "half of the rest", map[string]string{"old": "abc"})
	check("bytes not synced", faultfs.NoNames, "zeros for the rest", map[string]string{"old": "ab\x00\x00"})
	if err := fs.Rename(old, now); err != nil {
		t.Fatal(err)
	}
	check("name not synced", faultfs.NoNames, synced, map[string]string{"old": "ab"})
	check("name not synced", faultfs.AllNames, synced, map[string]string{"now": "ab"})
	if err := errors.Join(f.Sync(), fs.SyncDir(dir), f.Close()); err != nil {
		t.Fatal(err)
	}
	check("all synced", faultfs.NoNames, synced, map[string]string{"now": "abcd"})
}
