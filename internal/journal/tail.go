package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tillstream/internal/sale"
)

// ErrBroken is returned for a file whose next bytes are no record and will not
// become one by waiting.
var ErrBroken = errors.New("no record of the journal")

// Files returns the paths of a journal's files, oldest first; the newest, which
// is last, need not be there.
func Files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing the journal: %w", err)
	}
	return pathsOf(dir, entries), nil
}

// pathsOf picks the journal's files from the entries of its directory.
func pathsOf(dir string, entries []fs.DirEntry) []string {
	var paths []string
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, rotatedPrefix) && strings.HasSuffix(name, rotatedSuffix) {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	slices.Sort(paths) // the time in the name sorts as text
	return append(paths, filepath.Join(dir, Name))
}

// ReadFrom reads whole records of the file f, which its owner may be appending
// to, from the position offset: 0, or what an earlier call returned. It returns
// where the last record that it has shown to visit ends. That is offset itself
// where there is no whole record yet; a record that is being written is left for
// the next time. It reads about a mebibyte at once, so after progress it pays to
// ask again.
//
// The row's text stays valid, the row itself does not. An error of visit ends the
// reading. Bytes that are no record are an ErrBroken, once what precedes them has
// been read.
func ReadFrom(f io.ReaderAt, offset int64, visit func(row *sale.Row) error) (end int64, err error) {
	data := make([]byte, readSize) // a new one each time: rows refer to it
	n, err := f.ReadAt(data, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return offset, err
	}
	data = data[:n]
	full := n == readSize
	end = offset
	if offset == 0 {
		length := headerLength(data)
		if length == 0 {
			if bytes.HasPrefix(header, data) {
				return 0, nil // nothing, or the beginning of the header
			}
			line, _, _ := bytes.Cut(data, []byte("\n"))
			return 0, fmt.Errorf("%w: it begins with %.60q, which is not the header of the %d columns of this version",
				ErrBroken, bytes.TrimSpace(line), sale.NumColumns)
		}
		data, end = data[length:], int64(length)
	}
	began := end
	var row sale.Row
	for len(data) > 0 {
		n, status := sale.ScanRecord(data, &row)
		if status != sale.Whole {
			stuck := end == began && (status == sale.Broken || full)
			if stuck {
				return end, fmt.Errorf("%w at byte %d", ErrBroken, end)
			}
			break
		}
		if err := visit(&row); err != nil {
			return end, err
		}
		data = data[n:]
		end += int64(n)
	}
	return end, nil
}
