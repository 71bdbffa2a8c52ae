//go:build mssql

package database

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tillstream/internal/databasetest"
)

func createServer(t testing.TB) *DB {
	t.Helper()
	db, err := Create(t.Context(), databasetest.ServerAddress(t, "database"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	mustExec(t, db, "CREATE SCHEMA stage")
	return db
}

// A server refuses who has the wrong password or names no database of its own.
func TestServerRefuses(t *testing.T) {
	u, err := url.Parse(databasetest.ServerAddress(t, "database"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), u.String()); err == nil || !strings.Contains(err.Error(), "etl init") {
		t.Errorf("a database that does not exist: %v", err)
	}
	wrong := *u
	wrong.User = url.UserPassword(u.User.Username(), "wrong-secret")
	if _, err := Open(t.Context(), wrong.String()); err == nil || !strings.Contains(err.Error(), "check user and password") || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("a wrong password: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, u.String()); err == nil {
		t.Error("a context that has ended: no error")
	}
}

// Every kind of value arrives as it was sent, over several connections at once.
func TestServerBulk(t *testing.T) {
	db := createServer(t)
	mustExec(t, db, "CREATE TABLE stage.things (n BIGINT, name NVARCHAR(40), at DATETIME2(3), day {{date}}, ratio FLOAT, yes BIT, part INT)")
	at := time.Date(2024, 2, 29, 9, 8, 7, 60e6, time.UTC)
	const each = 2000
	var group sync.WaitGroup
	for part := range 3 {
		group.Go(func() {
			bulk, err := db.Bulk(t.Context(), "stage.things", []string{"n", "name", "at", "day", "ratio", "yes", "part"})
			if err != nil {
				t.Error(err)
				return
			}
			for i := range each {
				if err := bulk.Add(int64(i)-1<<62, "Málaga 北京 'x'", at, Date(at), 0.5, true, part); err != nil {
					t.Error(err)
				}
			}
			if err := bulk.Add(nil, nil, nil, nil, nil, nil, part); err != nil {
				t.Error(err)
			}
			if n, err := bulk.Close(); n != each+1 || err != nil {
				t.Errorf("%d rows, %v", n, err)
			}
		})
	}
	group.Wait()
	if n := number(t, db, "SELECT COUNT(*) FROM stage.things WHERE name = N'Málaga 北京 ''x''' AND at = @at AND day = @day AND ratio = 0.5 AND yes = 1",
		sql.Named("at", at), sql.Named("day", Date(at))); n != 3*each {
		t.Errorf("%d rows are as they were sent", n)
	}
	if n := number(t, db, "SELECT COUNT(*) FROM stage.things WHERE n IS NULL AND name IS NULL AND at IS NULL AND day IS NULL AND ratio IS NULL AND yes IS NULL"); n != 3 {
		t.Errorf("%d rows of NULLs", n)
	}
	var sum string
	if err := db.QueryRow(t.Context(), "SELECT CAST(SUM(CAST(n AS DECIMAL(38,0))) AS NVARCHAR(40)) FROM stage.things").Scan(&sum); err != nil || sum != "-27670116110564321427000" {
		t.Errorf("the sum is %s, %v", sum, err)
	}
}

// A copy that fails gives an error, and the database works on.
func TestServerBulkThatFails(t *testing.T) {
	db := createServer(t)
	mustExec(t, db, "CREATE TABLE stage.numbers (n INT NOT NULL PRIMARY KEY)")
	bulk, err := db.Bulk(t.Context(), "stage.numbers", []string{"n"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_ = bulk.Add(1)
	}
	if _, err := bulk.Close(); !IsDuplicate(err) {
		t.Errorf("a key that comes twice: %v", err)
	}
	if bulk, err = db.Bulk(t.Context(), "stage.numbers", []string{"n"}); err != nil {
		t.Fatal(err)
	}
	if err := bulk.Add(1); err != nil {
		t.Fatal(err)
	}
	why := errors.New("enough")
	if err := bulk.Abort(why); !errors.Is(err, why) {
		t.Errorf("Abort: %v", err)
	}
	mustExec(t, db, "INSERT INTO stage.numbers VALUES (7)")
	if n := number(t, db, "SELECT COUNT(*) FROM stage.numbers WHERE n = 7"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// Wherever in a packet a copy ends, its row is there and the next question gets its
// own answer. A packet has 4,088 bytes, and a row of a text two for each letter.
func TestServerBulkEndsAnywhere(t *testing.T) {
	db := createServer(t)
	db.Pool().SetMaxOpenConns(1)
	mustExec(t, db, "CREATE TABLE stage.texts (s NVARCHAR(4000) NOT NULL)")
	fill := func(bulk *Bulk, letters int) (int64, error) {
		if err := bulk.Add(strings.Repeat("x", letters)); err != nil {
			return 0, bulk.Abort(err)
		}
		return bulk.Close()
	}
	want := 0
	for letters := 2000; letters <= 2050; letters++ {
		bulk, err := db.Bulk(t.Context(), "stage.texts", []string{"s"})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := fill(bulk, letters); n != 1 || err != nil {
			t.Fatalf("%d rows, %v", n, err)
		}
		want++
		// The same, held: the row is there after a commit, and not at all after an error,
		// which must be worth another try.
		held, err := db.HeldBulk(t.Context(), "stage.texts", []string{"s"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = fill(held.Bulk, letters); err == nil {
			err = held.Commit()
			want++
		}
		held.Rollback()
		if err != nil && !IsTransient(err) {
			t.Fatalf("%d letters: %v", letters, err)
		}
		for ask := range 3 {
			if n := number(t, db, "SELECT @n", sql.Named("n", ask)); n != int64(ask) {
				t.Fatalf("after a copy of %d letters the answer to %d is %d", letters, ask, n)
			}
		}
		if n := number(t, db, "SELECT COUNT(*) FROM stage.texts"); n != int64(want) {
			t.Fatalf("%d rows are there, want %d", n, want)
		}
	}
}

// The rows of a copy that is held are there after Commit, and after Rollback as if
// they had never been sent.
func TestServerHeldBulk(t *testing.T) {
	db := createServer(t)
	mustExec(t, db, "CREATE TABLE stage.numbers (n INT NOT NULL)")
	copies := func() []*HeldBulk {
		var all []*HeldBulk
		for part := range 2 { // side by side
			held, err := db.HeldBulk(t.Context(), "stage.numbers", []string{"n"})
			if err != nil {
				t.Fatal(err)
			}
			if err := held.Add(part); err != nil {
				t.Fatal(err)
			}
			if n, err := held.Close(); n != 1 || err != nil {
				t.Fatalf("%d rows, %v", n, err)
			}
			all = append(all, held)
		}
		return all
	}
	for _, held := range copies() {
		held.Rollback()
	}
	if n := number(t, db, "SELECT COUNT(*) FROM stage.numbers"); n != 0 {
		t.Errorf("%d rows are there after Rollback", n)
	}
	for _, held := range copies() {
		if err := held.Commit(); err != nil {
			t.Error(err)
		}
		held.Rollback()
	}
	if n := number(t, db, "SELECT COUNT(*) FROM stage.numbers"); n != 2 {
		t.Errorf("%d rows are there after Commit", n)
	}
}

// Two transactions that wait for each other: the one that the server ends is run
// again.
func TestServerDeadlock(t *testing.T) {
	db := createServer(t)
	mustExec(t, db, "CREATE TABLE dbo.x (id INT NOT NULL PRIMARY KEY, n INT NOT NULL)")
	mustExec(t, db, "INSERT INTO dbo.x VALUES (1, 0), (2, 0)")
	var meet sync.WaitGroup
	meet.Add(2)
	tries := make([]int, 2)
	var group sync.WaitGroup
	for i, order := range [][2]int{{1, 2}, {2, 1}} {
		group.Go(func() {
			err := db.Transact(t.Context(), func(ctx context.Context, tx *Tx) error {
				tries[i]++
				for step, id := range order {
					if step == 1 && tries[i] == 1 {
						meet.Done()
						meet.Wait()
					}
					if _, err := tx.Exec(ctx, "UPDATE dbo.x SET n = n + 1 WHERE id = @id", sql.Named("id", id)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := number(t, db, "SELECT SUM(n) FROM dbo.x"); n != 4 {
		t.Errorf("the sum is %d, want 4", n)
	}
	if tries[0]+tries[1] != 3 {
		t.Errorf("tried %v times; the server ended none or both", tries)
	}
}

// A connection that breaks in a transaction is replaced.
func TestServerConnectionBreaks(t *testing.T) {
	address := databasetest.ServerAddress(t, "database")
	direct, err := Create(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close() })
	mustExec(t, direct, "CREATE TABLE dbo.x (n INT)")
	hidden, away, back := databasetest.Hide(t, address)
	db, err := Open(t.Context(), hidden)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tries := 0
	err = db.Transact(t.Context(), func(ctx context.Context, tx *Tx) error {
		tries++
		if _, err := tx.Exec(ctx, "INSERT INTO dbo.x VALUES (1)"); err != nil {
			return err
		}
		if tries > 1 {
			return nil
		}
		away()
		back()
		_, err := tx.Exec(ctx, "INSERT INTO dbo.x VALUES (2)")
		if err == nil {
			return errors.New("the connection has ended, but goes on")
		}
		return err
	})
	if err != nil || tries != 2 || number(t, direct, "SELECT COUNT(*) FROM dbo.x") != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestServerLock(t *testing.T) {
	db := createServer(t)
	release, err := db.Lock(t.Context(), "step", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Lock(t.Context(), "step", 100*time.Millisecond); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = db.Lock(t.Context(), "step", time.Second); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// A lock ends with its connection, which is all that release is for.
func TestServerLockEndsWithItsConnection(t *testing.T) {
	address := databasetest.ServerAddress(t, "database")
	direct, err := Create(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close() })
	hidden, away, _ := databasetest.Hide(t, address)
	db, err := Open(t.Context(), hidden)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	release, err := db.Lock(t.Context(), "step", 0)
	if err != nil {
		t.Fatal(err)
	}
	away()
	if err := release(); err != nil {
		t.Errorf("the server is away, and the lock cannot be let go of: %v", err)
	}
	if release, err = direct.Lock(t.Context(), "step", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestServerMigrateThatFails(t *testing.T) {
	db := createServer(t)
	mustExec(t, db, "CREATE SCHEMA report")
	texts := map[string]string{"sql/x/001_a.sql": "CREATE TABLE dbo.a (a INT)\nGO\nCREATE VIEW report.a AS SELECT a FROM dbo.a\nGO\nINSERT INTO dbo.none VALUES (1)"}
	if _, err := db.Migrate(t.Context(), files(texts), "sql/x"); err == nil {
		t.Fatal("no error")
	}
	if exists, err := db.TableExists(t.Context(), "dbo", "a"); exists || err != nil {
		t.Errorf("the table is there: %v, %v", exists, err)
	}
	texts["sql/x/001_a.sql"] = "CREATE TABLE dbo.a (a INT)"
	if applied, err := db.Migrate(t.Context(), files(texts), "sql/x"); len(applied) != 1 || err != nil {
		t.Errorf("%v, %v", applied, err)
	}
}
