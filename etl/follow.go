package etl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// follower reads the consumer's CSV files as they grow.
//
// A file is known by its first record, not by its name, which rotation changes, nor
// by anything of the file system, which a copy or a restore changes. How far it was
// read is kept by the warehouse, with a hash of what was before that position: a
// power cut can take the end of a file away, and the consumer then writes other
// lines there. Where the hash does not fit, the file is read from its start, and
// the warehouse finds that it has most of it.
type follower struct {
	dir string
	log *slog.Logger
	// committed returns the position that the warehouse has for a file, as it was
	// written, empty for none.
	committed func(ctx context.Context, source string) (string, error)

	positions map[string]position // of files, as far as they were asked for
	looks     map[string]look     // of paths

	looked   time.Time // when it was last asked
	caughtUp time.Time // all there was then is in the warehouse
}

// position is how far a file has been read.
type position struct {
	offset int64
	tail   uint64 // hash of the bytes before it
}

// look is what a file looked like when all of it had been read.
type look struct {
	size     int64
	modified time.Time
}

// part is some of a file's records.
type part struct {
	path   string
	source string // the file as dw.etl_watermark knows it
	rows   []sale.Row
	next   position
	// reaches says that all there was when it was read is in it, or before it.
	reaches bool
}

const (
	// firstBytes hold the header and the first record of a file.
	firstBytes = 64 << 10
	// tailBytes are compared before a file is read on.
	tailBytes = 64 << 10
)

func newFollower(dir string, log *slog.Logger, committed func(context.Context, string) (string, error)) *follower {
	return &follower{dir: dir, log: log, committed: committed, positions: make(map[string]position), looks: make(map[string]look)}
}

func (p position) String() string { return fmt.Sprintf("%d %016x", p.offset, p.tail) }

func parsePosition(text string) (p position, err error) {
	offset, tail, _ := strings.Cut(text, " ")
	if p.offset, err = strconv.ParseInt(offset, 10, 64); err == nil {
		p.tail, err = strconv.ParseUint(tail, 16, 64)
	}
	if err != nil {
		return position{}, fmt.Errorf("%q is no position in a file", text)
	}
	return p, nil
}

// read returns records that were not read before, of one file, the oldest first;
// nil where there are none. done is to be called when they are in the warehouse.
func (f *follower) read(ctx context.Context) (*part, error) {
	paths, err := journal.Files(f.dir)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		p, err := f.readFile(ctx, path, paths)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is being rotated, or has not begun
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		if p != nil {
			p.reaches = p.reaches && path == paths[len(paths)-1]
			return p, nil
		}
	}
	return nil, nil
}

// done takes note that a part is in the warehouse.
func (f *follower) done(p *part) { f.positions[p.source] = p.next }

func (f *follower) readFile(ctx context.Context, path string, all []string) (*part, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	now := look{info.Size(), info.ModTime()}
	if f.looks[path] == now {
		return nil, nil
	}
	source, ok, err := sourceOf(file)
	if err != nil || !ok {
		return nil, err
	}
	from, err := f.position(ctx, source)
	if err != nil {
		return nil, err
	}
	if from.offset > 0 {
		tail, err := tailHash(file, from.offset)
		if err != nil {
			return nil, err
		}
		if tail != from.tail {
			if now.size < from.offset && filepath.Base(path) != journal.Name && f.hasTwin(path, source, now.size, all) {
				f.looks[path] = now
				return nil, nil
			}
			f.log.Warn("the CSV has been cut back or changed since it was read; reading it again from its start", "path", path)
			from = position{}
		}
	}
	p := &part{path: path, source: source}
	end, err := journal.ReadFrom(file, from.offset, func(row *sale.Row) error {
		p.rows = append(p.rows, *row)
		return nil
	})
	switch {
	case err != nil && len(p.rows) == 0:
		return nil, err
	case len(p.rows) == 0:
		f.looks[path] = now
		return nil, nil
	}
	p.next.offset = end
	p.reaches = end >= now.size
	p.next.tail, err = tailHash(file, end)
	return p, err
}

// position returns how far a file has been read.
func (f *follower) position(ctx context.Context, source string) (position, error) {
	if p, ok := f.positions[source]; ok {
		return p, nil
	}
	text, err := f.committed(ctx, source)
	if err != nil || text == "" {
		return position{}, err
	}
	p, err := parsePosition(text)
	if err != nil {
		return position{}, fmt.Errorf("the watermark of %s: %w; delete it from dw.etl_watermark to read the file again", source, err)
	}
	f.positions[source] = p
	return p, nil
}

// hasTwin reports whether another file begins like this one and is at least so
// long: then this one is an old copy of it.
func (f *follower) hasTwin(path, source string, size int64, all []string) bool {
	for _, other := range all {
		if other == path {
			continue
		}
		file, err := os.Open(other)
		if err != nil {
			continue
		}
		info, err := file.Stat()
		twin, ok, readErr := sourceOf(file)
		_ = file.Close() // it was only read
		if err == nil && readErr == nil && ok && twin == source && info.Size() >= size {
			f.log.Warn("an old copy of a CSV is passed over", "path", path, "copy_of", filepath.Base(other))
			return true
		}
	}
	return false
}

// sourceOf names a file by its first record. It reports false while it has none.
func sourceOf(file io.ReaderAt) (source string, ok bool, err error) {
	stop := errors.New("one is enough")
	_, err = journal.ReadFrom(io.NewSectionReader(file, 0, firstBytes), 0, func(row *sale.Row) error {
		source = fmt.Sprintf("live %016x", xxhash.Sum64(sale.AppendRecord(nil, row)))
		return stop
	})
	if errors.Is(err, stop) {
		return source, true, nil
	}
	return "", false, err
}

// tailHash is a hash of the bytes before a position. Where the file is shorter it is
// that of what there is.
func tailHash(file io.ReaderAt, offset int64) (uint64, error) {
	begin := max(0, offset-tailBytes)
	data := make([]byte, offset-begin)
	n, err := file.ReadAt(data, begin)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return xxhash.Sum64(data[:n]), nil
}
