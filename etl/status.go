package etl

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// Status is how the warehouse and its etl are doing. Times are UTC.
type Status struct {
	Warehouse  string          `json:"warehouse"` // its address, without a password
	Lines      int64           `json:"lines"`     // facts, as the aggregates count them
	NetUSD     string          `json:"net_usd"`
	NewestSale string          `json:"newest_sale"` // latest business date that has sales, empty without any
	Aggregates string          `json:"aggregates"`  // current, or stale until a load adds them up
	Freshness  []StepFreshness `json:"freshness"`
	LastVerify *LastVerify     `json:"last_verify,omitempty"`
	Runs       []RunStatus     `json:"runs"` // the latest first
	Watermarks []WatermarkInfo `json:"watermarks"`
	Rejects    []RejectCount   `json:"rejects"` // all there are, not only the runs' listed here
}

// StepFreshness is when a step last ended well.
type StepFreshness struct {
	Step          string    `json:"step"`
	LastSuccessAt time.Time `json:"last_success_at"`
	AgeSeconds    float64   `json:"age_seconds"`
}

// LastVerify is what the last verify that got to its end has found.
type LastVerify struct {
	FinishedAt  time.Time `json:"finished_at"`
	Differences int64     `json:"differences"`
}

// RunStatus is one run of a step.
type RunStatus struct {
	Run         int64      `json:"run_id"`
	Step        string     `json:"step"`
	Status      string     `json:"status"` // running, done, failed or interrupted
	StartedAt   time.Time  `json:"started_at"`
	FinishedAt  *time.Time `json:"finished_at,omitempty"`
	Seconds     float64    `json:"seconds"` // so far, of one that runs
	Read        int64      `json:"read"`
	Inserted    int64      `json:"inserted"`
	Updated     int64      `json:"updated"`
	Rejected    int64      `json:"rejected"`
	Differences *int64     `json:"differences,omitempty"` // of a verify
	Detail      string     `json:"detail,omitempty"`
}

// WatermarkInfo is up to where a source has been loaded.
type WatermarkInfo struct {
	Source    string    `json:"source"`
	Position  string    `json:"position"`
	UpdatedAt time.Time `json:"updated_at"`
}

// RejectCount is how many rows were rejected for a reason.
type RejectCount struct {
	Step    string    `json:"step"`
	Source  string    `json:"source"`
	Reason  string    `json:"reason"`
	Rejects int64     `json:"rejects"`
	LastAt  time.Time `json:"last_at"`
}

// ReadStatus asks the warehouse how it is doing, with the latest so many runs. It
// needs no source.
func ReadStatus(ctx context.Context, cfg Config, runs int) (s Status, err error) {
	dw, err := database.Open(ctx, cfg.Warehouse)
	if err != nil {
		return s, fmt.Errorf("the warehouse: %w", err)
	}
	defer dw.Close()
	exists, err := dw.TableExists(ctx, "dw", "etl_run")
	if err != nil {
		return s, err
	}
	if !exists {
		return s, fmt.Errorf("%s is no warehouse: it has no table dw.etl_run; `tillstream etl init` makes it", dw.Address())
	}
	now := time.Now().UTC()
	s = Status{Warehouse: dw.Address(), Aggregates: markCurrent, Freshness: []StepFreshness{}, Runs: []RunStatus{}, Watermarks: []WatermarkInfo{}, Rejects: []RejectCount{}}
	for _, read := range []func(context.Context, *database.DB, time.Time, int) error{s.readFacts, s.readRuns, s.readFreshness, s.readWatermarks, s.readRejects} {
		if err := read(ctx, dw, now, runs); err != nil {
			return s, fmt.Errorf("reading the state of %s: %w", dw.Address(), err)
		}
	}
	return s, nil
}

func (s *Status) readFacts(ctx context.Context, dw *database.DB, _ time.Time, _ int) error {
	var net, newest int64
	err := dw.QueryRow(ctx, `SELECT COALESCE(SUM(CAST(sale_lines + return_lines AS BIGINT)), 0), COALESCE(SUM(sales_usd_micros - refunds_usd_micros), 0), COALESCE(MAX(date_key), 0)
		FROM dw.agg_day`).Scan(&s.Lines, &net, &newest)
	if err != nil {
		return err
	}
	s.NetUSD = sale.Micros(net).String()
	if newest > 0 {
		s.NewestSale = fmt.Sprintf("%04d-%02d-%02d", newest/10000, newest/100%100, newest%100)
	}
	if stale, err := aggregatesStale(ctx, dw); err != nil {
		return err
	} else if stale {
		s.Aggregates = markStale
	}
	return nil
}

func (s *Status) readRuns(ctx context.Context, dw *database.DB, now time.Time, most int) error {
	text, err := dw.Render(`SELECT {{top .}} run_id, step, status, started_at, finished_at, rows_read, rows_inserted, rows_updated, rows_rejected, differences, detail
		FROM dw.etl_run ORDER BY run_id DESC {{limit .}}`, most)
	if err != nil {
		return err
	}
	rows, err := dw.Query(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r RunStatus
		var started, finished database.Time
		var differences sql.NullInt64
		if err := rows.Scan(&r.Run, &r.Step, &r.Status, &started, &finished, &r.Read, &r.Inserted, &r.Updated, &r.Rejected, &differences, &r.Detail); err != nil {
			return err
		}
		r.StartedAt = started.Time
		until := now
		if !finished.IsZero() {
			r.FinishedAt, until = &finished.Time, finished.Time
		}
		r.Seconds = float64(until.Sub(started.Time).Milliseconds()) / 1000
		if differences.Valid {
			r.Differences = &differences.Int64
		}
		s.Runs = append(s.Runs, r)
	}
	return rows.Err()
}

func (s *Status) readFreshness(ctx context.Context, dw *database.DB, now time.Time, _ int) error {
	rows, err := dw.Query(ctx, "SELECT step, last_success_at FROM report.etl_freshness ORDER BY step")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f StepFreshness
		var at database.Time
		if err := rows.Scan(&f.Step, &at); err != nil {
			return err
		}
		f.LastSuccessAt, f.AgeSeconds = at.Time, now.Sub(at.Time).Seconds()
		s.Freshness = append(s.Freshness, f)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_ = rows.Close() // it has been read to its end
	verified, err := dw.Query(ctx, "SELECT finished_at, differences FROM report.last_verify")
	if err != nil {
		return err
	}
	defer verified.Close()
	for verified.Next() {
		var at database.Time
		s.LastVerify = &LastVerify{}
		if err := verified.Scan(&at, &s.LastVerify.Differences); err != nil {
			return err
		}
		s.LastVerify.FinishedAt = at.Time
	}
	return verified.Err()
}

func (s *Status) readWatermarks(ctx context.Context, dw *database.DB, _ time.Time, _ int) error {
	rows, err := dw.Query(ctx, "SELECT source, position, updated_at FROM dw.etl_watermark WHERE source <> @mark ORDER BY source", sql.Named("mark", aggregatesMark))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var w WatermarkInfo
		var at database.Time
		if err := rows.Scan(&w.Source, &w.Position, &at); err != nil {
			return err
		}
		w.UpdatedAt = at.Time
		s.Watermarks = append(s.Watermarks, w)
	}
	return rows.Err()
}

func (s *Status) readRejects(ctx context.Context, dw *database.DB, _ time.Time, _ int) error {
	rows, err := dw.Query(ctx, "SELECT step, source, reason, rejects, last_at FROM report.etl_rejects ORDER BY step, source, reason")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r RejectCount
		var at database.Time
		if err := rows.Scan(&r.Step, &r.Source, &r.Reason, &r.Rejects, &at); err != nil {
			return err
		}
		r.LastAt = at.Time
		s.Rejects = append(s.Rejects, r)
	}
	return rows.Err()
}

// Print writes the status for people.
func (s *Status) Print(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "%s: %s lines, net %s USD", s.Warehouse, humanize.Comma(s.Lines), s.NetUSD) // Flush returns the errors
	if s.NewestSale != "" {
		_, _ = fmt.Fprintf(w, ", up to %s", s.NewestSale)
	}
	_, _ = fmt.Fprintf(w, "; aggregates are %s\n", s.Aggregates)
	if s.LastVerify != nil {
		_, _ = fmt.Fprintf(w, "last verify: %s, %d differences\n", moment(s.LastVerify.FinishedAt), s.LastVerify.Differences)
	}
	_, _ = fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...any) {
		for _, c := range cells {
			_, _ = fmt.Fprintf(t, "%v\t", c)
		}
		_, _ = fmt.Fprintln(t)
	}
	row("run", "step", "status", "started (UTC)", "took", "read", "inserted", "updated", "rejected", "")
	for _, r := range s.Runs {
		detail := []rune(r.Detail)
		if len(detail) > 100 {
			detail = append(detail[:99], '…')
		}
		row(r.Run, r.Step, r.Status, moment(r.StartedAt), (time.Duration(r.Seconds * float64(time.Second))).Round(time.Millisecond),
			humanize.Comma(r.Read), humanize.Comma(r.Inserted), humanize.Comma(r.Updated), humanize.Comma(r.Rejected), string(detail))
	}
	if len(s.Freshness) > 0 {
		row()
		row("step", "last done (UTC)", "ago")
		for _, f := range s.Freshness {
			row(f.Step, moment(f.LastSuccessAt), time.Duration(f.AgeSeconds*float64(time.Second)).Round(time.Second))
		}
	}
	if len(s.Watermarks) > 0 {
		row()
		row("source", "loaded up to", "moved (UTC)")
		for _, m := range s.Watermarks {
			row(m.Source, m.Position, moment(m.UpdatedAt))
		}
	}
	if len(s.Rejects) > 0 {
		row()
		row("rejected by", "from", "reason", "rows", "last (UTC)")
		for _, r := range s.Rejects {
			row(r.Step, r.Source, r.Reason, humanize.Comma(r.Rejects), moment(r.LastAt))
		}
	}
	return t.Flush()
}

func moment(at time.Time) string { return at.Format(time.DateTime) }
