package etl

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tillstream/internal/database"
	"tillstream/internal/store"
)

// factColumns are fact_sales' columns in the order of fact_resolve.sql. The first
// two are the key.
var factColumns = []string{"invoice_id", "line_number", "date_key", "time_key", "sold_at",
	"store_key", "employee_key", "customer_key", "product_key", "size_key", "campaign_key",
	"country", "transaction_type", "payment_method", "color", "sku", "currency", "quantity", "discount_micros",
	"unit_price_micros", "line_total_micros", "invoice_total_micros", "usd_micros", "list_usd_micros", "opens_invoice",
	"origin", "row_hash", "run_id", "loaded_at"}

// factStageColumns are the stage's, in the order of fact.values.
var factStageColumns = []string{"seq", "state", "invoice_id", "line_number", "date_key", "time_key", "sold_at", "sold_on",
	"store_id", "employee_id", "customer_id", "product_id", "size", "category", "country", "country_name",
	"transaction_type", "payment_method", "color", "sku", "currency", "quantity", "discount_micros",
	"unit_price_micros", "line_total_micros", "invoice_total_micros", "usd_micros", "list_usd_micros", "opens_invoice", "row_hash"}

// The states of a staged line, as fact_classify.sql works them out.
const (
	stateNew      = 1
	stateConflict = 4
)

// values are a fact's values for the stage, as a new line until it is compared.
func (f *fact) values(seq int) []any {
	opens := 0
	if f.opens {
		opens = 1
	}
	return []any{seq, stateNew, f.invoiceID, f.lineNumber, dateKey(f.soldAt), timeKey(f.soldAt), f.soldAt, database.Date(f.soldAt),
		f.storeID, f.employeeID, f.customerID, f.productID, f.size, f.category, f.country, store.CountryName(f.country),
		f.transactionType(), f.payment, f.color, f.sku, f.currency, f.quantity, f.discount,
		f.unitPrice, f.lineTotal, f.invoice, f.usd, f.listUSD, opens, f.hash}
}

// factWriter brings chunks of lines into fact_sales, for load and for live.
type factWriter struct {
	run   *run
	live  bool
	stage *stage
	years map[int]bool // that dim_date has
	texts map[string]string
}

// The two origins of a fact.
const (
	originBatch = "batch"
	originLive  = "live"
)

func newFactWriter(ctx context.Context, r *run, live bool) (*factWriter, error) {
	w := &factWriter{run: r, live: live, years: make(map[int]bool), texts: make(map[string]string)}
	data := struct {
		Stage, Resolve  string
		Live            bool
		Columns, Values []string
	}{Stage: r.stage("facts"), Live: live, Columns: factColumns, Values: factColumns[2:]}
	var err error
	if data.Resolve, err = loadText(r.dw, "fact_resolve", data); err != nil {
		return nil, err
	}
	for _, name := range []string{"fact_stage", "fact_check", "fact_classify", "fact_close_invoices", "fact_infer", "fact_insert", "fact_update", "fact_open"} {
		if w.texts[name], err = loadText(r.dw, name, data); err != nil {
			return nil, err
		}
	}
	w.stage, err = newStage(ctx, r.dw, data.Stage, w.texts["fact_stage"], factStageColumns)
	return w, err
}

// written is what a chunk has changed.
type written struct{ inserted, updated int64 }

// write brings the chunk into the warehouse in one transaction, which settle ends:
// it moves the watermark. Rejects are recorded before, so that the watermark never
// passes one that is not. All of it can be done again.
func (w *factWriter) write(ctx context.Context, c *chunk, settle func(context.Context, *database.Tx) error) (written, error) {
	for {
		if err := w.run.reject(ctx, c.rejects); err != nil {
			return written{}, err
		}
		if len(c.facts) > 0 {
			if err := w.extendDates(ctx, c); err != nil {
				return written{}, err
			}
			if err := w.fill(ctx, c); err != nil {
				return written{}, err
			}
		}
		var did written
		var conflicts map[int]bool
		err := w.run.dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) (err error) {
			did, conflicts = written{}, nil
			if err := lockFacts(ctx, tx); err != nil {
				return err
			}
			if len(c.facts) > 0 {
				if did, conflicts, err = w.merge(ctx, tx); err != nil {
					return err
				}
				if len(conflicts) > 0 {
					return errConflicts
				}
			}
			return settle(ctx, tx)
		})
		if len(conflicts) == 0 {
			return did, err
		}
		c = c.without(conflicts, w.live)
	}
}

// errConflicts takes a transaction back in which conflicts were found: they are to
// be recorded first.
var errConflicts = fmt.Errorf("lines of the chunk are conflicts")

// fill stages the chunk and compares what has arrived with what was sent.
func (w *factWriter) fill(ctx context.Context, c *chunk) error {
	type sums struct{ rows, usd, lineTotal, quantity int64 }
	var sent, arrived sums
	err := w.stage.fill(ctx, func(add func(values ...any) error) error {
		for i := range c.facts {
			f := &c.facts[i]
			sent.rows++
			sent.usd += f.usd
			sent.lineTotal += f.lineTotal
			sent.quantity += f.quantity
			if err := add(f.values(i)...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := w.run.dw.QueryRow(ctx, w.texts["fact_check"]).Scan(&arrived.rows, &arrived.usd, &arrived.lineTotal, &arrived.quantity); err != nil {
		return fmt.Errorf("checking %s: %w", w.stage.name, err)
	}
	if sent != arrived {
		return fmt.Errorf("checking %s: sent rows, USD, line totals and quantities add up to %v, but those that have arrived to %v", w.stage.name, sent, arrived)
	}
	return nil
}

// merge updates and inserts by key. It returns where in the chunk conflicts are,
// which it has left out.
func (w *factWriter) merge(ctx context.Context, tx *database.Tx) (did written, conflicts map[int]bool, err error) {
	fail := func(what string, err error) (written, map[int]bool, error) {
		return written{}, nil, fmt.Errorf("%s: %w", what, err)
	}
	origin := originBatch
	if w.live {
		origin = originLive
	}
	id, named := sql.Named("run", w.run.id), []any{sql.Named("origin", origin), sql.Named("run", w.run.id), sql.Named("now", time.Now().UTC())}
	classify := []any{id}
	if w.live {
		classify = nil
	}
	if _, err := tx.Exec(ctx, w.texts["fact_classify"], classify...); err != nil {
		return fail("comparing with the facts", err)
	}
	if conflicts, err = w.conflicts(ctx, tx); err != nil || len(conflicts) > 0 {
		return written{}, conflicts, err
	}
	if _, err := tx.Exec(ctx, w.texts["fact_close_invoices"]); err != nil {
		return fail("counting invoices", err)
	}
	if _, err := tx.Exec(ctx, w.texts["fact_infer"], sql.Named("system", systemInferred)); err != nil {
		return fail("adding inferred members", err)
	}
	touched := "SELECT invoice_id FROM " + w.stage.name + " WHERE state IN (1, 2, 3)"
	err = refreshAggregates(ctx, tx, touched, func() (err error) {
		if did.updated, err = tx.Exec(ctx, w.texts["fact_update"], named...); err != nil {
			return fmt.Errorf("updating facts: %w", err)
		}
		if _, err = tx.Exec(ctx, w.texts["fact_open"]); err != nil {
			return fmt.Errorf("counting invoices: %w", err)
		}
		if did.inserted, err = tx.Exec(ctx, w.texts["fact_insert"], named...); err != nil {
			return fmt.Errorf("inserting facts: %w", err)
		}
		return nil
	})
	if err != nil {
		return written{}, nil, err
	}
	return did, nil, nil
}

// conflicts returns where in the chunk the lines are that are conflicts.
func (w *factWriter) conflicts(ctx context.Context, tx *database.Tx) (map[int]bool, error) {
	rows, err := tx.Query(ctx, "SELECT seq FROM "+w.stage.name+" WHERE state = @state", sql.Named("state", stateConflict))
	if err != nil {
		return nil, fmt.Errorf("looking for conflicts: %w", err)
	}
	defer rows.Close()
	found := make(map[int]bool)
	for rows.Next() {
		var seq int
		if err := rows.Scan(&seq); err != nil {
			return nil, fmt.Errorf("looking for conflicts: %w", err)
		}
		found[seq] = true
	}
	return found, rows.Err()
}
