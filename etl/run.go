package etl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"tillstream/internal/database"
)

// lockWait is how long a step waits for another run of itself to end.
const lockWait = 5 * time.Second

// maxDetail is the length of dw.etl_run.detail, in characters.
const maxDetail = 1000

// run is a step under way: one row of dw.etl_run. A step has one run at a time,
// which its lock sees to; so what an earlier run has left behind (a row that says
// running, tables of the stage) is dead, and begin clears it away.
type run struct {
	cfg     Config
	dw      *database.DB
	step    string
	id      int64
	began   time.Time
	release func() error
	whole   trace.Span

	// What it has done so far, for finish to record. One goroutine counts.
	read, inserted, updated, duplicates, rejected int64
}

// begin opens a run of a step. It must be finished. The context that it returns
// carries the step's span.
func begin(ctx context.Context, cfg Config, dw *database.DB, step string) (_ context.Context, _ *run, err error) {
	r := &run{cfg: cfg, dw: dw, step: step, began: time.Now()}
	if r.release, err = dw.Lock(ctx, "etl-"+step, lockWait); err != nil {
		return ctx, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.release())
		}
	}()
	if err := dropStage(ctx, dw, step); err != nil {
		return ctx, nil, err
	}
	err = dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE dw.etl_run SET status = 'interrupted' WHERE step = @step AND status = 'running'",
			sql.Named("step", step)); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `INSERT INTO dw.etl_run (step, started_at, status, rows_read, rows_inserted, rows_updated, rows_rejected, detail)
			{{if sqlserver}}OUTPUT INSERTED.run_id{{end}}
			VALUES (@step, @at, 'running', 0, 0, 0, 0, '')
			{{if not sqlserver}}RETURNING run_id{{end}}`,
			sql.Named("step", step), sql.Named("at", r.began.UTC())).Scan(&r.id)
	})
	if err != nil {
		return ctx, nil, fmt.Errorf("recording the run: %w", err)
	}
	return r.traceRun(ctx), r, nil
}

// finish records how the run ended and lets the next one begin. It returns err with
// what went wrong in finishing.
func (r *run) finish(ctx context.Context, err error) error {
	// Also a run that was told to stop leaves its record.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	status, detail := "done", ""
	switch {
	case errors.Is(err, context.Canceled):
		status, detail = "interrupted", "it was told to stop"
	case err != nil:
		status, detail = "failed", cut(err.Error(), maxDetail)
	}
	recorded := r.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE dw.etl_run SET finished_at = @at, status = @status, rows_read = @read, rows_inserted = @inserted,
				rows_updated = @updated, rows_rejected = @rejected, detail = @detail
			WHERE run_id = @run`,
			sql.Named("at", time.Now().UTC()), sql.Named("status", status), sql.Named("read", r.read), sql.Named("inserted", r.inserted),
			sql.Named("updated", r.updated), sql.Named("rejected", r.rejected), sql.Named("detail", detail), sql.Named("run", r.id))
		return err
	})
	if recorded != nil {
		recorded = fmt.Errorf("recording the end of the run: %w", recorded)
	}
	r.whole.SetAttributes(counted(r.read, r.inserted, r.updated, r.rejected)...)
	failSpan(r.whole, err)
	r.whole.End()
	dropped := dropStage(ctx, r.dw, r.step)
	return errors.Join(err, recorded, dropped, r.release())
}

// summary is what the run has done. The caller adds what the target holds.
func (r *run) summary() Summary {
	return Summary{Step: r.step, Run: r.id, Read: r.read, Inserted: r.inserted, Updated: r.updated, Duplicates: r.duplicates,
		Rejected: r.rejected, Seconds: float64(time.Since(r.began).Milliseconds()) / 1000}
}

// stage returns the name of one of the run's own tables in the stage, such as
// stage.load_facts_17. They are dropped when the run is finished, or when the step's next
// one begins.
func (r *run) stage(purpose string) string {
	return fmt.Sprintf("stage.%s_%s_%d", r.step, purpose, r.id)
}

// dropStage drops what earlier runs of a step have left in the stage. In SQLite the
// stage ends with its process.
func dropStage(ctx context.Context, db *database.DB, step string) error {
	names, err := stageTables(ctx, db, step)
	if err != nil {
		return fmt.Errorf("looking for left tables of the stage: %w", err)
	}
	for _, name := range names {
		if _, err := db.Exec(ctx, "DROP TABLE stage."+database.QuoteName(name)); err != nil {
			return fmt.Errorf("dropping a left table of the stage: %w", err)
		}
	}
	return nil
}

func stageTables(ctx context.Context, db *database.DB, step string) (names []string, err error) {
	query := "SELECT table_name FROM information_schema.tables WHERE table_schema = 'stage'"
	if db.Engine() == database.SQLite {
		query = "SELECT name FROM stage.sqlite_schema WHERE type = 'table'"
	}
	rows, err := db.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if strings.HasPrefix(name, step+"_") {
			names = append(names, name)
		}
	}
	return names, rows.Err()
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
