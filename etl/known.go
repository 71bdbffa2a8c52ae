package etl

import (
	"context"
	"fmt"

	"github.com/kamstrup/intmap"

	"tillstream/internal/database"
)

// mostKnown is how many rows are compared in one pass over a source that has no
// row versions. It bounds the memory: a row takes about 30 bytes. A larger table
// is read in several passes, each of which takes the keys that are its own.
var mostKnown int64 = 4_000_000 // not a constant for the tests' sake

// known is what the warehouse holds of a source's table: a hash of each key with
// the hash of its row. It finds what is new, what has changed, and what comes
// twice.
type known struct {
	rows        *intmap.Map[uint64, uint64]
	part, parts uint64
}

// verdict is what a row of the source is.
type verdict int

const (
	isNew verdict = iota
	isSame
	isChanged
	isAgain    // the same row was read before, in this pass
	isConflict // the same key was read before with other content
)

// passes returns how many passes so many rows take.
func passes(rows int64) uint64 { return uint64(rows/mostKnown) + 1 }

// newKnown reads what the warehouse holds by a query for key and row hash; scan
// reads one of its rows.
func newKnown(ctx context.Context, dw *database.DB, query string, part, parts uint64, scan func(scan func(...any) error) (key uint64, hash int64, err error)) (*known, error) {
	k := &known{rows: intmap.New[uint64, uint64](1024), part: part, parts: parts}
	rows, err := dw.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading what the warehouse has: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		key, hash, err := scan(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("reading what the warehouse has: %w", err)
		}
		if k.mine(key) {
			k.rows.Put(key, held(hash))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading what the warehouse has: %w", err)
	}
	return k, nil
}

// The lowest bit of what is held says whether the row was read in this pass.
const readBit = 1

func held(hash int64) uint64 { return uint64(hash) &^ readBit }

// mine reports whether a key belongs to this pass.
func (k *known) mine(key uint64) bool { return key%k.parts == k.part }

// look returns what a row is, without taking note of it.
func (k *known) look(key uint64, hash int64) verdict {
	have, ok := k.rows.Get(key)
	same := have&^readBit == held(hash)
	switch {
	case !ok:
		return isNew
	case have&readBit != 0 && same:
		return isAgain
	case have&readBit != 0:
		return isConflict
	case same:
		return isSame
	}
	return isChanged
}

// note takes note that the row was read. The first of a key is the one that counts.
func (k *known) note(key uint64, hash int64) { k.rows.Put(key, held(hash)|readBit) }
