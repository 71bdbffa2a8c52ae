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
// running, tables of the stage) is dead, and open clears it away.
type run struct {
	cfg     Config
	dw      *database.DB
	step    string
	id      int64 // 0 before it was first opened
	began   time.Time
	release func() error
	whole   trace.Span

	// What it has done so far, for the record. One goroutine counts.
	read, inserted, updated, duplicates, rejected int64
}

// begin opens a new run of a step. It must be finished. The context that it returns
// carries the step's span.
func begin(ctx context.Context, cfg Config, dw *database.DB, step string) (context.Context, *run, error) {
	r := &run{cfg: cfg, step: step, began: time.Now()}
	ctx, err := r.open(ctx, dw)
	if err != nil {
		return ctx, nil, err
	}
	return ctx, r, nil
}

// open takes the step's lock and records that the run is under way. A run that was
// finished because of a trouble can be opened again when that is over, and goes on
// in its row.
func (r *run) open(ctx context.Context, dw *database.DB) (_ context.Context, err error) {
	r.dw = dw
	if r.release, err = dw.Lock(ctx, "etl-"+r.step, lockWait); err != nil {
		return ctx, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.release())
		}
	}()
	if err := dropStage(ctx, dw, r.step); err != nil {
		return ctx, err
	}
	id := r.id
	err = dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		r.id = id
		if _, err := tx.Exec(ctx, "UPDATE dw.etl_run SET status = 'interrupted' WHERE step = @step AND status = 'running'",
			sql.Named("step", r.step)); err != nil {
			return err
		}
		if id != 0 {
			n, err := tx.Exec(ctx, "UPDATE dw.etl_run SET status = 'running', finished_at = NULL, detail = '' WHERE run_id = @run AND step = @step",
				sql.Named("run", id), sql.Named("step", r.step))
			if n > 0 || err != nil {
				return err
			}
			// The warehouse is not the one that it was.
		}
		return tx.QueryRow(ctx, `INSERT INTO dw.etl_run (step, started_at, status, rows_read, rows_inserted, rows_updated, rows_rejected, detail)
			{{if sqlserver}}OUTPUT INSERTED.run_id{{end}}
			VALUES (@step, @at, 'running', 0, 0, 0, 0, '')
			{{if not sqlserver}}RETURNING run_id{{end}}`,
			sql.Named("step", r.step), sql.Named("at", r.began.UTC())).Scan(&r.id)
	})
	if err != nil {
		r.id = id
		return ctx, fmt.Errorf("recording the run: %w", err)
	}
	return r.traceRun(ctx), nil
}

// record writes how many rows the run has dealt with so far.
func (r *run) record(ctx context.Context) error {
	err := r.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE dw.etl_run SET rows_read = @read, rows_inserted = @inserted, rows_updated = @updated, rows_rejected = @rejected
			WHERE run_id = @run`, r.counts()...)
		return err
	})
	if err != nil {
		return fmt.Errorf("recording how far the run is: %w", err)
	}
	return nil
}

// counts are the arguments of a statement that records what was done.
func (r *run) counts() []any {
	return []any{sql.Named("read", r.read), sql.Named("inserted", r.inserted), sql.Named("updated", r.updated), sql.Named("rejected", r.rejected), sql.Named("run", r.id)}
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
			append(r.counts(), sql.Named("at", time.Now().UTC()), sql.Named("status", status), sql.Named("detail", detail))...)
		return err
	})
	if recorded != nil {
		recorded = fmt.Errorf("recording the end of the run: %w", recorded)
	}
	r.whole.SetAttributes(counted(r.read, r.inserted, r.updated, r.rejected)...)
	failSpan(r.whole, err)
	r.whole.End()
	dropped := dropStage(ctx, r.dw, r.step)
	all := errors.Join(err, recorded, dropped, r.release())
	if database.IsTransient(err) {
		return err // the others follow from it, and the next open makes up for them
	}
	return all
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
