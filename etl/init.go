package etl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillstream/internal/database"
)

// InitSummary is what Init reports.
type InitSummary struct {
	Step       string   `json:"step"`
	Run        int64    `json:"run_id"`
	Migrations []string `json:"migrations"` // those that were applied now
	Logins     []string `json:"logins"`     // those that have their rights now
	Seconds    float64  `json:"seconds"`
}

// Logins are the passwords of the logins that Init makes on SQL Server. A login
// without a password is left as it is. SQLite has no logins.
type Logins struct {
	ETL    string // of tillstream_etl, which reads the source and writes the schema dw
	Reader string // of grafana_reader, which reads the schema report and nothing else
}

// The years that dim_date has from the start: those of the published data and its
// campaigns, up to the next one. The load adds what else its sales need.
const firstYear = 2020

// Init makes what the other steps need: both databases, their schemas, tables and
// views, the calendar, and the logins. Migrations apply once and in order, so it
// can be run at any time, and must be after an update. A source database that
// tillstream has not made is left as it stands.
func Init(ctx context.Context, cfg Config, logins Logins) (s InitSummary, err error) {
	cfg = cfg.withDefaults()
	if err := checkApart(cfg); err != nil {
		return s, err
	}
	began := time.Now()
	s = InitSummary{Step: stepInit, Migrations: []string{}, Logins: []string{}}
	source, err := initSource(ctx, cfg, &s)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	dw, err := database.Create(ctx, cfg.Warehouse)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, dw.Close()) }()
	for _, schema := range []string{"dw", "report", "stage"} {
		if err := createSchema(ctx, dw, schema); err != nil {
			return s, err
		}
	}
	applied, err := dw.Migrate(ctx, sqlFiles, "sql/warehouse")
	s.note("warehouse/", applied)
	if err != nil {
		return s, fmt.Errorf("making the warehouse's tables: %w", err)
	}
	ctx, r, err := begin(ctx, cfg, dw, stepInit)
	if err != nil {
		return s, err
	}
	defer func() { err = r.finish(ctx, err) }()
	s.Run = r.id
	if err := fillCalendar(ctx, dw); err != nil {
		return s, err
	}
	if s.Logins, err = makeLogins(ctx, source, dw, logins); err != nil {
		return s, err
	}
	s.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return s, nil
}

func (s *InitSummary) note(prefix string, applied []string) {
	for _, name := range applied {
		s.Migrations = append(s.Migrations, prefix+name)
	}
}

// initSource makes the source database, unless it is the predecessor's.
func initSource(ctx context.Context, cfg Config, s *InitSummary) (_ *database.DB, err error) {
	source, err := database.Create(ctx, cfg.Source)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, source.Close())
		}
	}()
	own, err := isOwn(ctx, source)
	if err != nil {
		return nil, err
	}
	if !own {
		cfg.Log.Info("the source database was not made by tillstream; it is read as it stands", "source", source.Address())
		return source, nil
	}
	if err := createSchema(ctx, source, "stage"); err != nil {
		return nil, err
	}
	applied, err := source.Migrate(ctx, sqlFiles, "sql/source")
	s.note("source/", applied)
	if err != nil {
		return nil, fmt.Errorf("making the source's tables: %w", err)
	}
	return source, nil
}

// isOwn reports whether tillstream has made the database's tables, or may make
// them because there are none.
func isOwn(ctx context.Context, source *database.DB) (bool, error) {
	migrated, err := source.TableExists(ctx, "dbo", "schema_version")
	if migrated || err != nil {
		return migrated, err
	}
	foreign, err := source.TableExists(ctx, "dbo", "transactions")
	return !foreign, err
}

// createSchema makes a schema, unless it is there. SQLite has none: its names say
// which schema they belong to.
func createSchema(ctx context.Context, db *database.DB, name string) error {
	if db.Engine() == database.SQLite {
		return nil
	}
	var n int
	if err := db.QueryRow(ctx, "SELECT COUNT(*) FROM sys.schemas WHERE name = '"+name+"'").Scan(&n); err != nil {
		return fmt.Errorf("looking for the schema %s: %w", name, err)
	}
	if n > 0 {
		return nil
	}
	// CREATE SCHEMA has to be alone in its batch.
	if _, err := db.Exec(ctx, "CREATE SCHEMA "+name); err != nil {
		return fmt.Errorf("making the schema %s: %w", name, err)
	}
	return nil
}

// fillCalendar fills dim_date and dim_time.
func fillCalendar(ctx context.Context, dw *database.DB) error {
	for year := firstYear; year <= time.Now().Year()+1; year++ {
		if err := dw.Transact(ctx, func(ctx context.Context, tx *database.Tx) error {
			if err := lockFacts(ctx, tx); err != nil {
				return err
			}
			return addYear(ctx, tx, year)
		}); err != nil {
			return fmt.Errorf("filling dim_date: %w", err)
		}
	}
	if err := dw.Transact(ctx, addTimes); err != nil {
		return fmt.Errorf("filling dim_time: %w", err)
	}
	return nil
}

// addTimes adds the minutes of the day that dim_time does not have.
func addTimes(ctx context.Context, tx *database.Tx) error {
	const digits = `(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
		UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)`
	_, err := tx.Exec(ctx, `INSERT INTO dw.dim_time (time_key, hour, minute, part_of_day)
		SELECT n, n / 60, n % 60, CASE WHEN n < 360 THEN 'Night' WHEN n < 720 THEN 'Morning' WHEN n < 1080 THEN 'Afternoon' ELSE 'Evening' END
		FROM (
			SELECT 1000 * a.n + 100 * b.n + 10 * c.n + d.n AS n
			FROM (SELECT 0 AS n UNION ALL SELECT 1) a
				CROSS JOIN `+digits+` b CROSS JOIN `+digits+` c CROSS JOIN `+digits+` d
		) m
		WHERE n < 1440 AND NOT EXISTS (SELECT 1 FROM dw.dim_time WHERE time_key = n)`)
	return err
}
