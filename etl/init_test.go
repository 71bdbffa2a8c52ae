package etl

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tillstream/internal/databasetest"
)

// Migrations are applied once, and init can be run at any time.
func TestInitTwice(t *testing.T) {
	l := &lab{TB: t}
	l.cfg.Source, l.cfg.Warehouse = databasetest.Databases(t)
	first, err := Init(t.Context(), l.cfg, Logins{})
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Migrations) < 2 || first.Migrations[0] != "source/001_tables.sql" {
		t.Errorf("applied %v", first.Migrations)
	}
	again, err := Init(t.Context(), l.cfg, Logins{})
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Migrations) > 0 {
		t.Errorf("applied again: %v", again.Migrations)
	}
	l.source, l.dw = openDatabase(t, l.cfg.Source), openDatabase(t, l.cfg.Warehouse)
	checkCalendar(l)
	l.same("SELECT step, status FROM dw.etl_run", "init|done", "init|done")
}

// checkCalendar looks at dim_date and dim_time.
func checkCalendar(l *lab) {
	l.Helper()
	l.same("SELECT COUNT(*), MIN(time_key), MAX(time_key), COUNT(DISTINCT 100 * hour + minute) FROM dw.dim_time", "1440|0|1439|1440")
	l.same("SELECT hour, minute, part_of_day FROM dw.dim_time WHERE time_key IN (0, 359, 360, 725, 1439)",
		"0|0|Night", "5|59|Night", "6|0|Morning", "12|5|Afternoon", "23|59|Evening")
	days := 0
	for year := firstYear; year <= time.Now().Year()+1; year++ {
		days += time.Date(year, time.December, 31, 0, 0, 0, 0, time.UTC).YearDay()
	}
	l.same("SELECT COUNT(*), MIN(date_key) FROM dw.dim_date", fmt.Sprintf("%d|%d0101", days, firstYear))
	l.same("SELECT quarter, month_name, iso_year, iso_week, weekday_name FROM dw.dim_date WHERE date_key = 20201231", "4|December|2020|53|Thursday")
}

// A source that tillstream has not made is left as it stands.
func TestInitLeavesForeignTablesAlone(t *testing.T) {
	l := predecessorLab(t, "CREATE TABLE dbo.transactions ([Invoice ID] NVARCHAR(20), [Line] INT)")
	for _, table := range []string{"stores", "schema_version"} {
		if exists, err := l.source.TableExists(t.Context(), "dbo", table); exists || err != nil {
			t.Errorf("there is a table %s now: %v, %v", table, exists, err)
		}
	}
}

// Both in one file would wait for each other. One database of SQL Server would do.
func TestOneFileForBoth(t *testing.T) {
	source := databasetest.SQLite(t, "both")
	cfg := Config{Source: source, Warehouse: source}
	if _, err := Init(t.Context(), cfg, Logins{}); err == nil || !strings.Contains(err.Error(), "the same file") {
		t.Errorf("Init: %v", err)
	}
	if _, err := Import(t.Context(), cfg, sampleDir); err == nil || !strings.Contains(err.Error(), "the same file") {
		t.Errorf("Import: %v", err)
	}
}

// Killed anywhere, init can be run again, and makes what is missing.
func TestInitKilledAnywhere(t *testing.T) {
	newUnmade := func() *lab {
		l := &lab{TB: t}
		l.cfg.Source, l.cfg.Warehouse = databasetest.Databases(t)
		return l
	}
	whole := newUnmade().finish(stepInit, "")
	l := newUnmade()
	for killed := 0; killed < kills(t, 4); {
		cmd := l.child(stepInit, "")
		timer := time.AfterFunc(rand.N(whole), func() { _ = cmd.Process.Kill() }) // or it has just ended
		err := cmd.Wait()
		timer.Stop()
		if err != nil {
			killed++
		} else {
			l = newUnmade()
		}
	}
	l.finish(stepInit, "")
	l.source, l.dw = openDatabase(t, l.cfg.Source), openDatabase(t, l.cfg.Warehouse)
	checkCalendar(l)
	l.finish(stepImport, sampleDir)
	l.finish(stepLoad, "")
}
