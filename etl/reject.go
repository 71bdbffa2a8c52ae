package etl

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"tillstream/internal/database"
)

// rejected is a row that cannot be used.
type rejected struct {
	source  string // the table or the kind of file it comes from
	key     string // its identity as far as it can be told: invoice and line, or its ID
	reason  string // see sale.Reason
	detail  string // for people
	content string // the row as CSV
}

// The lengths of columns of dw.etl_reject, in characters.
const (
	maxRejectKey     = 128
	maxRejectDetail  = 400
	maxRejectContent = 2000
)

// hash tells a row that was seen before.
func (r *rejected) hash() int64 {
	return int64(xxhash.Sum64String(r.reason + "\x00" + r.content))
}

// reject records rows that cannot be used and counts them. A row that an earlier
// run has recorded already is counted, but not recorded again.
func (r *run) reject(ctx context.Context, rows []rejected) error {
	if len(rows) == 0 {
		return nil
	}
	if err := r.recordRejects(ctx, rows); err != nil {
		return fmt.Errorf("recording %d rejected rows: %w", len(rows), err)
	}
	r.rejected += int64(len(rows))
	return nil
}

func (r *run) recordRejects(ctx context.Context, rows []rejected) error {
	table := r.stage("rejects")
	if _, err := r.dw.Exec(ctx, "CREATE TABLE "+table+` (
		source        NVARCHAR(64)   NOT NULL,
		business_key  NVARCHAR(128)  NOT NULL,
		reason        NVARCHAR(32)   NOT NULL,
		detail        NVARCHAR(400)  NOT NULL,
		content       NVARCHAR(2000) NOT NULL,
		content_hash  BIGINT         NOT NULL
	)`); err != nil {
		return err
	}
	bulk, err := r.dw.Bulk(ctx, table, []string{"source", "business_key", "reason", "detail", "content", "content_hash"})
	if err != nil {
		return err
	}
	type seen struct {
		source string
		hash   int64
	}
	known := make(map[seen]bool, len(rows))
	for i := range rows {
		row := &rows[i]
		id := seen{row.source, row.hash()}
		if known[id] {
			continue
		}
		known[id] = true
		// An error shows again in Close.
		_ = bulk.Add(row.source, cut(row.key, maxRejectKey), row.reason, cut(row.detail, maxRejectDetail),
			cut(row.content, maxRejectContent), id.hash)
	}
	if _, err := bulk.Close(); err != nil {
		return err
	}
	return r.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO dw.etl_reject (run_id, step, source, business_key, reason, detail, content, content_hash, rejected_at)
			SELECT @run, @step, s.source, s.business_key, s.reason, s.detail, s.content, s.content_hash, @at
			FROM `+table+` s
			WHERE NOT EXISTS (SELECT 1 FROM dw.etl_reject r WHERE r.source = s.source AND r.content_hash = s.content_hash)`,
			sql.Named("run", r.id), sql.Named("step", r.step), sql.Named("at", time.Now().UTC())); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DROP TABLE "+table)
		return err
	})
}
