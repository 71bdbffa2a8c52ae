package etl

import (
	"context"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// membersInChunk is how many members go to the warehouse in one transaction.
var membersInChunk = 20_000 // not a constant for the tests' sake

// loadDimension brings one dimension up to date.
func (l *loader) loadDimension(ctx context.Context, d *dimension) error {
	exists, err := l.source.TableExists(ctx, "dbo", d.source[len("dbo."):])
	if err != nil {
		return err
	}
	if !exists {
		l.run.cfg.Log.Warn("the source has no such table; its members are only known by their IDs", "table", d.source)
		return nil
	}
	table, err := openTable(ctx, l.source, d.source, d.columns, d.columns[:1])
	if err != nil {
		return err
	}
	writer, err := newVersionWriter(ctx, l.run, d)
	if err != nil {
		return err
	}
	complete := func([]string) {}
	if d == &productDimension {
		sizes, err := productSizes(ctx, l.source)
		if err != nil {
			return err
		}
		complete = func(row []string) {
			if list, ok := sizes[row[0]]; ok {
				row[len(row)-1] = list
			}
		}
	}
	m := &memberLoad{loader: l, dimension: d, table: table, writer: writer, complete: complete}
	return retrySource(ctx, func() error {
		if table.versioned && !l.full {
			return m.byVersion(ctx)
		}
		return m.byComparison(ctx)
	})
}

// memberLoad is the load of one dimension.
type memberLoad struct {
	*loader
	dimension *dimension
	table     *sourceTable
	writer    *versionWriter
	complete  func(row []string) // adds to a row what other tables know

	members []member
	rejects []rejected
	read    int64 // since the last flush
	done    int64 // in this pass
}

// byVersion loads the rows that are newer than the watermark.
func (m *memberLoad) byVersion(ctx context.Context) error {
	mark, err := m.watermarkOf(ctx, m.table)
	if err != nil {
		return err
	}
	total, err := m.table.count(ctx, mark.versions)
	if err != nil {
		return err
	}
	m.reset()
	m.done = 0
	seen := make(map[string]bool)
	var last int64
	err = m.table.scan(ctx, mark.versions, func(version int64, row []string) error {
		if len(m.members)+len(m.rejects) >= membersInChunk {
			// There may be more rows of the last version.
			if err := m.flush(ctx, total, func(ctx context.Context, tx *database.Tx) error { return mark.set(ctx, tx, last-1) }); err != nil {
				return err
			}
			clear(seen)
		}
		last = version
		m.read++
		if one, ok := m.take(row); ok && !seen[one.id] {
			seen[one.id] = true
			m.members = append(m.members, one)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.flush(ctx, total, func(ctx context.Context, tx *database.Tx) error { return mark.set(ctx, tx, mark.upTo) })
}

// byComparison reads the whole table and loads what differs.
func (m *memberLoad) byComparison(ctx context.Context) error {
	table := *m.table
	table.versioned = false
	total, err := table.count(ctx, versions{})
	if err != nil {
		return err
	}
	parts := passes(total)
	for part := range parts {
		have, err := newKnown(ctx, m.run.dw, "SELECT "+m.dimension.id+", row_hash FROM dw."+m.dimension.table+" WHERE is_current = 1 AND is_inferred = 0",
			part, parts, func(scan func(...any) error) (uint64, int64, error) {
				var id string
				var hash int64
				err := scan(&id, &hash)
				return xxhash.Sum64String(id), hash, err
			})
		if err != nil {
			return err
		}
		m.reset()
		m.done = 0
		none := func(context.Context, *database.Tx) error { return nil }
		err = table.scan(ctx, versions{}, func(_ int64, row []string) error {
			if len(m.members)+len(m.rejects) >= membersInChunk {
				if err := m.flush(ctx, total, none); err != nil {
					return err
				}
			}
			key := xxhash.Sum64String(idOf(row[0]))
			if !have.mine(key) {
				return nil
			}
			m.read++
			one, ok := m.take(row)
			if !ok {
				return nil
			}
			found := have.look(key, one.hash)
			switch found {
			case isNew, isChanged:
				m.members = append(m.members, one)
			case isAgain:
				m.run.duplicates++
			case isConflict:
				m.rejects = append(m.rejects, rejectedMember(m.table.short(), one.id, row, &sale.Reject{Reason: sale.Conflict,
					Detail: fmt.Sprintf("%s %s is there already with other content", m.dimension.columns[0], one.id)}))
			}
			if found != isAgain && found != isConflict {
				have.note(key, one.hash)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := m.flush(ctx, total, none); err != nil {
			return err
		}
	}
	return nil
}

func (m *memberLoad) reset() { m.members, m.rejects, m.read = m.members[:0], m.rejects[:0], 0 }

// take reads a row. One that is no member goes to the rejects.
func (m *memberLoad) take(row []string) (member, bool) {
	m.complete(row)
	one, err := m.dimension.member(row)
	var reason *sale.Reject
	if errors.As(err, &reason) {
		m.rejects = append(m.rejects, rejectedMember(m.table.short(), row[0], row, reason))
		return member{}, false
	}
	return one, true
}

// flush brings what has gathered into the warehouse.
func (m *memberLoad) flush(ctx context.Context, total int64, settle func(context.Context, *database.Tx) error) error {
	if err := m.run.reject(ctx, m.rejects); err != nil {
		return err
	}
	did, err := m.writer.write(ctx, m.members, settle)
	if err != nil {
		return err
	}
	m.run.read += m.read
	m.run.inserted += did.inserted
	m.run.updated += did.updated
	m.done += m.read
	m.run.cfg.Progress("loading "+m.table.short(), m.done, total)
	m.reset()
	return nil
}
