//go:build unix

// Package toolcache keeps what the tests fetch from package registries (Kafka's
// jars, a Python environment) under the module's build directory, so that it is
// fetched once and not by every test process.
package toolcache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ModuleRoot returns the directory of the go.mod above the working directory,
// which for a test is its package's directory.
func ModuleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module's root: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding the module's root: no go.mod in %s or above it; run this inside the repository", start)
		}
	}
}

// Make returns dir/key. If it does not exist yet, build fills a temporary
// directory that then takes that name, so that dir/key is complete or absent,
// whenever a process dies. Any number of processes and goroutines may ask at
// once: one builds, the others wait for it.
//
// The key has to change with whatever the content depends on, because a directory
// that is in use is never changed.
func Make(ctx context.Context, dir, key string, build func(ctx context.Context, tmp string) error) (string, error) {
	target := filepath.Join(dir, key)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(target); err == nil { // another process was first
		return target, nil
	}

	// Under the lock, whatever has the temporary name was left by a process that
	// died. The name is fixed so that such leftovers cannot pile up.
	tmp := target + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return "", fmt.Errorf("removing an unfinished %s: %w", tmp, err)
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return "", fmt.Errorf("making the cache: %w", err)
	}
	if err := build(ctx, tmp); err != nil {
		return "", errors.Join(err, os.RemoveAll(tmp))
	}
	if err := os.Rename(tmp, target); err != nil {
		return "", fmt.Errorf("making the cache: %w", err)
	}
	return target, nil
}

// lock takes the lock file, which the kernel releases if this process dies. Each
// call opens the file anew, so it excludes goroutines of one process as well.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the cache: %w", err)
	}
	// Asked again and again, because a blocking flock cannot be cancelled.
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing releases it
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for %s, which another process holds: %w", path, ctx.Err()), f.Close())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
