//go:build unix

package toolcache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestMakeBuildsOnceForAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	var built atomic.Int32
	build := func(_ context.Context, tmp string) error {
		built.Add(1)
		return os.WriteFile(filepath.Join(tmp, "file"), []byte("whole"), 0o644)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := Make(t.Context(), dir, "key", build)
			if err != nil {
				t.Errorf("Make: %v", err)
				return
			}
			content, err := os.ReadFile(filepath.Join(got, "file"))
			if err != nil || string(content) != "whole" {
				t.Errorf("the made file holds %q, %v", content, err)
			}
		})
	}
	all.Wait()
	if n := built.Load(); n != 1 {
		t.Errorf("built %d times, want once", n)
	}
}

func TestMakeLeavesNothingHalfMade(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("the registry hung up")
	if _, err := Make(t.Context(), dir, "key", func(_ context.Context, tmp string) error {
		if err := os.WriteFile(filepath.Join(tmp, "half"), nil, 0o644); err != nil {
			t.Error(err)
		}
		return broken
	}); !errors.Is(err, broken) {
		t.Fatalf("Make = %v, want the builder's error", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a failed build left a directory: %v", err)
	}

	// What a killed process left behind is not taken for the real thing either.
	if err := os.MkdirAll(filepath.Join(dir, "key.tmp", "half"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := Make(t.Context(), dir, "key", func(context.Context, string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(got); err != nil || len(left) != 0 {
		t.Errorf("the new directory holds %v, %v; want nothing of the unfinished one", left, err)
	}
}

func TestMakeGivesUpWithItsContext(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(t.Context(), filepath.Join(dir, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Make(ctx, dir, "key", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Make = %v, want it to end with its context", err)
	}
}
