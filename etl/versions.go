package etl

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tillstream/internal/database"
)

// versionWriter brings members into a dimension of type 2.
type versionWriter struct {
	run       *run
	dimension *dimension
	stage     *stage
	sizes     *stage // of products, else nil
	texts     map[string]string
}

func newVersionWriter(ctx context.Context, r *run, d *dimension) (*versionWriter, error) {
	w := &versionWriter{run: r, dimension: d, texts: make(map[string]string)}
	data := struct {
		Table, ID, Key, Stage, Sizes string
		Columns, Definitions         []string
	}{Table: d.table, ID: d.id, Key: d.key(), Stage: r.stage(d.table), Sizes: r.stage("sizes")}
	data.Definitions = []string{d.id + " NVARCHAR(255) NOT NULL"}
	for _, a := range d.attributes {
		definition, err := r.dw.Render(a.definition, nil)
		if err != nil {
			return nil, err
		}
		data.Columns = append(data.Columns, a.name)
		data.Definitions = append(data.Definitions, definition)
	}
	for _, name := range []string{"version_stage", "version_mark", "version_touched", "version_fill", "version_close", "version_insert", "product_sizes"} {
		text, err := loadText(r.dw, name, data)
		if err != nil {
			return nil, err
		}
		w.texts[name] = text
	}
	columns := append(append([]string{d.id}, data.Columns...), "row_hash", "in_place")
	var err error
	if w.stage, err = newStage(ctx, r.dw, data.Stage, w.texts["version_stage"], columns); err != nil {
		return nil, err
	}
	if d == &productDimension {
		w.sizes, err = newStage(ctx, r.dw, data.Sizes,
			"CREATE TABLE "+data.Sizes+" (product_id NVARCHAR(255) NOT NULL, size NVARCHAR(255) NOT NULL)", []string{"product_id", "size"})
	}
	return w, err
}

// write brings members, each ID once, into the dimension in one transaction, which
// settle ends.
func (w *versionWriter) write(ctx context.Context, members []member, settle func(context.Context, *database.Tx) error) (did written, err error) {
	if len(members) > 0 {
		if err := w.fill(ctx, members); err != nil {
			return written{}, err
		}
	}
	err = w.run.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
		did = written{}
		if err := lockFacts(ctx, tx); err != nil {
			return err
		}
		if len(members) > 0 {
			if did, err = w.merge(ctx, tx); err != nil {
				return fmt.Errorf("updating %s: %w", w.dimension.table, err)
			}
		}
		return settle(ctx, tx)
	})
	return did, err
}

func (w *versionWriter) fill(ctx context.Context, members []member) error {
	err := w.stage.fill(ctx, func(add func(...any) error) error {
		row := make([]any, 0, len(w.stage.columns))
		for _, m := range members {
			row = append(append(append(row[:0], m.id), m.values...), m.hash, 0)
			if err := add(row...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The sum of the hashes wraps around, so it is compared in two halves.
	var sent, arrived struct{ rows, high, low int64 }
	for _, m := range members {
		sent.rows++
		sent.high += m.hash >> 32
		sent.low += m.hash & 0xffffffff
	}
	rows, err := w.run.dw.Query(ctx, "SELECT row_hash FROM "+w.stage.name)
	if err != nil {
		return fmt.Errorf("checking %s: %w", w.stage.name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash int64
		if err := rows.Scan(&hash); err != nil {
			return fmt.Errorf("checking %s: %w", w.stage.name, err)
		}
		arrived.rows++
		arrived.high += hash >> 32
		arrived.low += hash & 0xffffffff
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("checking %s: %w", w.stage.name, err)
	}
	if sent != arrived {
		return fmt.Errorf("checking %s: sent rows and hashes add up to %v, but those that have arrived to %v", w.stage.name, sent, arrived)
	}
	if w.sizes == nil {
		return nil
	}
	return w.sizes.fill(ctx, func(add func(...any) error) error {
		for _, m := range members {
			for _, size := range splitSizes(m.values[len(m.values)-1].(string)) {
				if err := add(m.id, size); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// merge fills inferred members, closes the versions that have changed, and inserts
// new ones.
func (w *versionWriter) merge(ctx context.Context, tx *database.Tx) (did written, err error) {
	effective, system := sql.Named("effective", w.run.cfg.Effective), sql.Named("system", systemSource)
	marked, err := tx.Exec(ctx, w.texts["version_mark"], effective)
	if err != nil {
		return written{}, err
	}
	if marked > 0 {
		if err := w.refresh(ctx, tx, marked, func() error {
			_, err := tx.Exec(ctx, w.texts["version_fill"], system)
			return err
		}); err != nil {
			return written{}, err
		}
	}
	closed, err := tx.Exec(ctx, w.texts["version_close"], effective)
	if err != nil {
		return written{}, err
	}
	inserted, err := tx.Exec(ctx, w.texts["version_insert"], effective, system)
	if err != nil {
		return written{}, err
	}
	if w.sizes != nil {
		if _, err := tx.Exec(ctx, w.texts["product_sizes"]); err != nil {
			return written{}, err
		}
	}
	return written{inserted: inserted - closed, updated: marked + closed}, nil
}

// mostRefreshed is how many members may change in place before it is less work to
// add all facts up anew at the end of the load.
const mostRefreshed = 10_000

// refresh runs a change of members in place, with the aggregates that go by what
// these members say.
func (w *versionWriter) refresh(ctx context.Context, tx *database.Tx, members int64, change func() error) error {
	switch {
	case !w.dimension.aggregated:
		return change()
	case members > mostRefreshed:
		if err := suspendAggregates(ctx, tx); err != nil {
			return err
		}
	}
	return refreshAggregates(ctx, tx, w.texts["version_touched"], change)
}

// sizeSeparator is between the sizes of a product.
const sizeSeparator = "|"

// splitSizes returns the sizes of a product, each once.
func splitSizes(text string) (sizes []string) {
	seen := make(map[string]bool)
	for _, size := range strings.Split(text, sizeSeparator) {
		if size = strings.TrimSpace(size); size != "" && !seen[size] {
			seen[size] = true
			sizes = append(sizes, size)
		}
	}
	return sizes
}
