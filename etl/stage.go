package etl

import (
	"context"
	"fmt"

	"tillstream/internal/database"
)

// loadText renders one of the SQL texts of the load.
func loadText(db *database.DB, name string, data any) (string, error) {
	text, err := sqlFiles.ReadFile("sql/load/" + name + ".sql")
	if err != nil {
		return "", err
	}
	rendered, err := db.Render(string(text), data)
	if err != nil {
		return "", fmt.Errorf("%s.sql: %w", name, err)
	}
	return rendered, nil
}

// stage is a table of a run for rows on their way.
type stage struct {
	db      *database.DB
	name    string // stage.load_facts_12
	columns []string
}

// newStage makes the table by a statement.
func newStage(ctx context.Context, db *database.DB, name, create string, columns []string) (*stage, error) {
	if _, err := db.Exec(ctx, create); err != nil {
		return nil, fmt.Errorf("making the table %s: %w", name, err)
	}
	return &stage{db: db, name: name, columns: columns}, nil
}

// fill replaces what the stage holds by the rows that each adds. It can be done
// again after any error.
func (s *stage) fill(ctx context.Context, each func(add func(values ...any) error) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("filling %s: %w", s.name, err)
		}
	}()
	if _, err := s.db.Exec(ctx, "{{if sqlserver}}TRUNCATE TABLE{{else}}DELETE FROM{{end}} "+s.name); err != nil {
		return err
	}
	bulk, err := s.db.Bulk(ctx, s.name, s.columns)
	if err != nil {
		return err
	}
	var sent int64
	err = each(func(values ...any) error {
		sent++
		return bulk.Add(values...)
	})
	rows, closeErr := bulk.Close()
	switch {
	case err != nil:
		return err
	case closeErr != nil:
		return closeErr
	case rows != sent:
		return fmt.Errorf("%d rows were sent, but %d have arrived", sent, rows)
	}
	return nil
}
