package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"tillstream/internal/sale"
)

// maxCut is the most that is cut off the newest file without asking. It is more
// than any write of the consumer.
const maxCut = 256 << 20

// readSize is how much of a file is read at once. No record is nearly as long: it
// is 19 fields of at most sale.MaxText bytes, quoted.
const readSize = 1 << 20

// Replay shows every row on disk to visit, oldest first, and cuts the newest file
// back to its last whole record. The row's text stays valid, the row itself does
// not. An error of visit ends the replay.
func (j *Journal) Replay(visit func(row *sale.Row) error) error {
	return j.ReplayFiles(visit, func(time.Time) error { return nil })
}

// ReplayFiles is Replay, and calls rotated after the rows of each older file with
// the time when it was rotated: none of its rows is younger.
func (j *Journal) ReplayFiles(visit func(row *sale.Row) error, rotated func(at time.Time) error) error {
	paths, err := j.files()
	if err != nil {
		return err
	}
	j.older = 0
	for _, path := range paths[:len(paths)-1] {
		f, err := j.opts.FS.OpenFile(path, os.O_RDONLY, 0)
		if err != nil {
			return fmt.Errorf("opening a rotated CSV: %w", err)
		}
		end, size, err := replay(f, path, visit)
		if err == nil && end != size {
			err = fmt.Errorf("%s ends in the middle of a record after byte %d: only the newest file may; mend the last line or move the file away", path, end)
		}
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
		j.older += size
		if at, ok := rotatedAt(path); ok {
			if err := rotated(at); err != nil {
				return err
			}
		}
	}
	if _, err := j.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("reading %s: %w", j.path, err)
	}
	end, size, err := replay(j.file, j.path, visit)
	if err != nil {
		return err
	}
	if size-end > maxCut {
		return fmt.Errorf("%s holds no record after byte %d, %d bytes before its end: more than a crash can have left; look at it, and cut or move it yourself",
			j.path, end, size-end)
	}
	if end != size {
		j.opts.Log.Warn("cutting off a record that a crash left unfinished; Kafka still has it",
			"path", j.path, "bytes", size-end)
	}
	if end == 0 { // an empty file: nothing of ours, but nothing of anybody's either
		if err := j.cut(0); err != nil {
			return err
		}
		return j.Append(header)
	}
	return j.cut(end)
}

// rotatedAt returns the time in the name of a rotated file.
func rotatedAt(path string) (time.Time, bool) {
	name := filepath.Base(path)
	at, err := time.Parse(rotatedPrefix+rotatedTime+rotatedSuffix, name)
	return at, err == nil
}

// replay reads one file. It returns where its last whole record ends and how long
// the file is.
func replay(f io.Reader, path string, visit func(row *sale.Row) error) (end, size int64, err error) {
	var (
		buffer  []byte
		data    []byte // what of buffer is not scanned yet
		eof     bool
		records int // the header is the first
		row     sale.Row
	)
	fill := func() error {
		buffer = append(make([]byte, 0, len(data)+readSize), data...) // a new one: rows still refer to the old
		n := len(buffer)
		m, err := io.ReadFull(f, buffer[n:n+readSize])
		buffer = buffer[:n+m]
		data = buffer
		size += int64(m)
		eof = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !eof {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		return nil
	}
	if err := fill(); err != nil {
		return 0, 0, err
	}
	n := headerLength(data)
	if n == 0 {
		if eof && bytes.HasPrefix(header, data) {
			return 0, size, nil // nothing, or the beginning of the header
		}
		line, _, _ := bytes.Cut(data, []byte("\n"))
		return 0, 0, fmt.Errorf("%s has another header than the %d columns of this version (it begins with %.60q); move it away or choose another --out",
			path, sale.NumColumns, bytes.TrimSpace(line))
	}
	data, end, records = data[n:], int64(n), 1
	for {
		n, status := sale.ScanRecord(data, &row)
		switch {
		case status == sale.Whole:
			records++
			if err := visit(&row); err != nil {
				return 0, 0, fmt.Errorf("%s, record %d: %w", path, records, err)
			}
			data = data[n:]
			end += int64(n)
			continue
		case !eof && len(data) < readSize:
			if err := fill(); err != nil {
				return 0, 0, err
			}
			continue
		}
		if len(data) == 0 {
			return end, size, nil
		}
		// The rest is no record. At the end of the file that is what a crash in
		// the middle of a write leaves. But whole records after it mean that
		// somebody changed the file, and cutting would lose them.
		rest, err := io.Copy(io.Discard, f)
		if err != nil {
			return 0, 0, fmt.Errorf("reading %s: %w", path, err)
		}
		size += rest
		if holdsRecord(data) {
			return 0, 0, fmt.Errorf("%s, record %d (byte %d) is no record of %d columns, but whole records follow it: the file was changed from outside; mend that line or move %s away",
				path, records+1, end, sale.NumColumns, filepath.Base(path))
		}
		return end, size, nil
	}
}

// holdsRecord reports whether a whole record begins at a line of data after the
// first. Zeros, which a power cut leaves where a block was not written yet, make
// it the end of the file all the same: what follows them was never synced, so
// Kafka still has it.
func holdsRecord(data []byte) bool {
	line, rest, found := bytes.Cut(data, []byte("\n"))
	var row sale.Row
	for found {
		if bytes.IndexByte(line, 0) >= 0 {
			return false
		}
		if _, status := sale.ScanRecord(rest, &row); status == sale.Whole {
			return true
		}
		line, rest, found = bytes.Cut(rest, []byte("\n"))
	}
	return false
}
