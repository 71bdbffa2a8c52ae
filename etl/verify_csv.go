package etl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"tillstream/internal/journal"
	"tillstream/internal/sale"
)

// scanLiveFiles shows every whole row of the consumers' files to visit, those of a directory oldest first.
func scanLiveFiles(ctx context.Context, dirs []string, visit func(row *sale.Row)) error {
	for _, dir := range dirs {
		if err := scanLiveDir(ctx, dir, visit); err != nil {
			return err
		}
	}
	return nil
}

func scanLiveDir(ctx context.Context, dir string, visit func(row *sale.Row)) (err error) {
	files, err := openLiveFiles(dir)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, f := range files {
		for offset := int64(0); ; {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			end, err := journal.ReadFrom(f, offset, func(row *sale.Row) error {
				visit(row)
				return nil
			})
			if err != nil {
				return fmt.Errorf("reading %s: %w", f.Name(), err)
			}
			if end == offset {
				break
			}
			offset = end
		}
	}
	return nil
}

// openLiveFiles opens all of the consumer's files at a moment when none is being renamed.
func openLiveFiles(dir string) (files []*os.File, err error) {
	for {
		before, err := journal.Files(dir)
		if err != nil {
			return nil, err
		}
		for _, path := range before {
			f, err := os.Open(path)
			if errors.Is(err, os.ErrNotExist) {
				continue // the newest need not be there
			}
			if err != nil {
				return files, fmt.Errorf("opening the CSV: %w", err)
			}
			files = append(files, f)
		}
		after, err := journal.Files(dir)
		if err != nil {
			return files, err
		}
		if slices.Equal(before, after) {
			if len(files) == 0 {
				return nil, fmt.Errorf("there is no %s in %s; --csv is the directory that `tillstream consume` writes to", journal.Name, dir)
			}
			return files, nil
		}
		for _, f := range files {
			_ = f.Close() // it was only read
		}
		files = nil
	}
}
