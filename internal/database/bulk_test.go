package database

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// create makes a database of the test's own.
func create(t testing.TB) *DB {
	t.Helper()
	db, err := Create(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func mustExec(t testing.TB, db *DB, text string, args ...any) int64 {
	t.Helper()
	n, err := db.Exec(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

func number(t testing.TB, db *DB, text string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRow(t.Context(), text, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

func TestBulkCopiesEveryKindOfValue(t *testing.T) {
	db := create(t)
	mustExec(t, db, "CREATE TABLE stage.things (n BIGINT, name NVARCHAR(40), at DATETIME2(3), day {{date}}, ratio FLOAT, yes BIT)")
	bulk, err := db.Bulk(t.Context(), "stage.things", []string{"n", "name", "at", "day", "ratio", "yes"})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2024, 2, 29, 9, 8, 7, 60e6, time.UTC)
	if err := bulk.Add(int64(-1)<<63, "Málaga 北京 'x'", at, Date(at), 0.5, true); err != nil {
		t.Fatal(err)
	}
	if err := bulk.Add(nil, nil, nil, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := bulk.Close(); n != 2 || err != nil {
		t.Fatalf("%d rows, %v", n, err)
	}
	var (
		n     int64
		name  string
		got   Time
		day   Time
		ratio float64
		yes   bool
	)
	if err := db.QueryRow(t.Context(), "SELECT n, name, at, day, ratio, yes FROM stage.things WHERE n IS NOT NULL").Scan(&n, &name, &got, &day, &ratio, &yes); err != nil {
		t.Fatal(err)
	}
	if n != int64(-1)<<63 || name != "Málaga 北京 'x'" || !got.Equal(at) || day.Format(dateForm) != "2024-02-29" || ratio != 0.5 || !yes {
		t.Errorf("it holds %v %q %v %v %v %v", n, name, got, day, ratio, yes)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM stage.things WHERE n IS NULL AND name IS NULL AND at IS NULL AND day IS NULL AND ratio IS NULL AND yes IS NULL"); n != 1 {
		t.Errorf("%d rows of NULLs, want 1", n)
	}
}

func TestBulkOfManyRows(t *testing.T) {
	db := create(t)
	for _, rows := range []int{0, 1, feedBatch - 1, feedBatch, feedBatch + 1, 10 * feedBatch} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			mustExec(t, db, "CREATE TABLE stage.numbers (n BIGINT NOT NULL)")
			defer mustExec(t, db, "DROP TABLE stage.numbers")
			bulk, err := db.Bulk(t.Context(), "stage.numbers", []string{"n"})
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				if err := bulk.Add(i); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := bulk.Close(); n != int64(rows) || err != nil {
				t.Errorf("%d rows, %v", n, err)
			}
			if n := number(t, db, "SELECT COALESCE(SUM(n), 0) FROM stage.numbers"); n != int64(rows)*int64(rows-1)/2 {
				t.Errorf("their sum is %d", n)
			}
		})
	}
}

func TestBulkThatFailsLeavesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		fail func(*Bulk, context.CancelFunc) error
	}{
		"a value that may not be there": {func(b *Bulk, _ context.CancelFunc) error { return b.Add(nil) }},
		"too many values":               {func(b *Bulk, _ context.CancelFunc) error { return b.Add(1, 2) }},
		"cancelled":                     {func(b *Bulk, cancel context.CancelFunc) error { cancel(); return nil }},
		"given up":                      {func(b *Bulk, _ context.CancelFunc) error { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			db := create(t)
			mustExec(t, db, "CREATE TABLE dw.numbers (n BIGINT NOT NULL)")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			bulk, err := db.Bulk(ctx, "dw.numbers", []string{"n"})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 * feedBatch {
				if err := bulk.Add(i); err != nil {
					t.Fatal(err)
				}
			}
			err = test.fail(bulk, cancel)
			if name == "given up" {
				why := errors.New("enough")
				if err := bulk.Abort(why); !errors.Is(err, why) {
					t.Errorf("Abort: %v", err)
				}
			} else if n, closed := bulk.Close(); closed == nil {
				t.Errorf("%d rows, no error; Add said %v", n, err)
			}
			if n := number(t, db, "SELECT COUNT(*) FROM dw.numbers"); n != 0 {
				t.Errorf("%d rows are there", n)
			}
			// It can be written to, and no feed has stayed.
			mustExec(t, db, "INSERT INTO dw.numbers (n) VALUES (1)")
			if n := number(t, db, "SELECT COUNT(*) FROM stage.sqlite_schema"); n != 0 {
				t.Errorf("%d tables have stayed", n)
			}
		})
	}
}

func BenchmarkBulk(b *testing.B) {
	db := create(b)
	if _, err := db.Exec(b.Context(), "CREATE TABLE stage.things (a BIGINT, b NVARCHAR(40), c NVARCHAR(40), d BIGINT)"); err != nil {
		b.Fatal(err)
	}
	bulk, err := db.Bulk(b.Context(), "stage.things", []string{"a", "b", "c", "d"})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if err := bulk.Add(i, "INV-US-001-03012345", "some text", 17); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := bulk.Close(); err != nil {
		b.Fatal(err)
	}
}
