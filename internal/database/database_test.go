package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
)

// What is wrong with an address or a file is said with what to try, and never with
// a password.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		address string
		want    []string
	}{
		"no address":      {"warehouse.db", []string{"no address of a database", "sqlite:FILE"}},
		"empty":           {"", []string{"no address of a database"}},
		"other database":  {"postgres://user:secret@host/db", []string{"no address of a database"}},
		"missing file":    {"sqlite:" + filepath.Join(dir, "none.db"), []string{"none.db", "no such file", "etl init"}},
		"directory":       {"sqlite:" + dir, []string{"it is a directory"}},
		"no database":     {"sqlite:" + text, []string{"notes.txt", "no SQLite database"}},
		"no name":         {"sqlserver://sa:secret@localhost", []string{"names no database", "?database="}},
		"unescaped":       {"sqlserver://sa:se%cret@localhost?database=x", []string{"cannot be read", "%40"}},
		"bad port":        {"sqlserver://sa:secret@localhost:port?database=x", []string{"cannot be read"}},
		"nobody is there": {"sqlserver://sa:secret@127.0.0.1:1?database=x", []string{"sqlserver://sa@127.0.0.1:1?database=x", "does the server run"}},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), test.address)
			if err == nil {
				_ = db.Close()
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "se%cret") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

func TestRedact(t *testing.T) {
	for address, want := range map[string]string{
		"sqlite:data/source.db": "sqlite:data/source.db",
		"sqlserver://sa:secret@host:1433?database=x&encrypt=disable":   "sqlserver://sa@host:1433?database=x",
		"sqlserver://host?database=x&user+id=sa&password=secret":       "sqlserver://host?database=x",
		"sqlserver://sa:sec/ret@host?database=x":                       "sqlserver:...",
		"sqlserver:secret":                                             "sqlserver:...",
		"sqlserver://sa:secret@host/instance?database=x&app+name=test": "sqlserver://sa@host/instance?database=x",
	} {
		if got := Redact(address); got != want {
			t.Errorf("%s is shown as %s, want %s", address, got, want)
		}
	}
}

// A name with characters that mean something in a URL is a file like any other.
func TestOddFileNames(t *testing.T) {
	for _, name := range []string{"a b.db", "50%.db", "what?.db", "a#b.db", "città & 北京.db", "x=y&mode=ro.db"} {
		path := filepath.Join(t.TempDir(), name)
		db, err := Create(t.Context(), "sqlite:"+path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mustExec(t, db, "CREATE TABLE dbo.x (a INT)")
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestRender(t *testing.T) {
	const text = "SELECT {{top 5}} a FROM dw.fact f JOIN report.x, dbo.[y z], stage.s -- dw.no\nWHERE b = 'dw.text' AND madw.c = 1 {{limit 5}}"
	for engine, want := range map[Engine]string{
		SQLServer: "SELECT TOP (5) a FROM dw.fact f JOIN report.x, dbo.[y z], stage.s -- dw.no\nWHERE b = 'dw.text' AND madw.c = 1 ",
		SQLite:    "SELECT  a FROM dw_fact f JOIN report_x, [y z], temp.s -- dw.no\nWHERE b = 'dw.text' AND madw.c = 1 LIMIT 5",
	} {
		if got, err := engine.render(text, nil, nil); got != want || err != nil {
			t.Errorf("%s:\n got %s, %v\nwant %s", engine, got, err, want)
		}
	}
	if _, err := SQLite.render("{{nonsense}}", nil, nil); err == nil {
		t.Error("a function that does not exist is no error")
	}
}

// An error says which database it is about, wherever it comes up. That there is no
// row is none of the database's.
func TestErrorsOfAQuery(t *testing.T) {
	db := create(t)
	var n int
	_, exec := db.Exec(t.Context(), "DELETE FROM dw.nothing")
	_, query := db.Query(t.Context(), "SELECT n FROM dw.nothing")
	row := db.QueryRow(t.Context(), "SELECT n FROM dw.nothing").Scan(&n)
	for what, err := range map[string]error{"exec": exec, "query": query, "row": row} {
		if err == nil || !strings.Contains(err.Error(), db.Address()) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := db.QueryRow(t.Context(), "SELECT 1 WHERE 1 = 0").Scan(&n); err != sql.ErrNoRows { //nolint:errorlint // it alone
		t.Errorf("no row: %v", err)
	}
	if err := db.QueryRow(t.Context(), "SELECT {{nonsense}}").Scan(&n); err == nil {
		t.Error("a template that cannot be rendered: no error")
	}
}

func TestTimes(t *testing.T) {
	db := create(t)
	at := time.Date(2024, 2, 29, 23, 59, 58, 7e6, time.UTC)
	mustExec(t, db, "CREATE TABLE dbo.times (a DATETIME2(3), b DATETIME2(0), c {{date}})")
	mustExec(t, db, "INSERT INTO dbo.times VALUES (@a, @b, @c)", sql.Named("a", at), sql.Named("b", at.Truncate(time.Second)), sql.Named("c", Date(at)))
	var a, b, c string
	if err := db.QueryRow(t.Context(), "SELECT * FROM dbo.times").Scan(&a, &b, &c); err != nil {
		t.Fatal(err)
	}
	if a != "2024-02-29 23:59:58.007" || b != "2024-02-29 23:59:58" || c != "2024-02-29" {
		t.Errorf("SQLite keeps %q, %q, %q", a, b, c)
	}
	var got Time
	if err := db.QueryRow(t.Context(), "SELECT a FROM dbo.times WHERE a > @early AND c = @day", sql.Named("early", at.Add(-time.Millisecond)), sql.Named("day", Date(at))).Scan(&got); err != nil || !got.Equal(at) {
		t.Errorf("read %v, %v", got, err)
	}
}

// files of migrations.
func files(texts map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, text := range texts {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func TestMigrate(t *testing.T) {
	db := create(t)
	texts := map[string]string{
		"sql/shared.sql":    `{{define "columns"}}a INT, b INT{{end}}`,
		"sql/x/001_a.sql":   "CREATE TABLE dbo.a ({{template \"columns\"}});\nGO\nCREATE VIEW report.a AS SELECT a FROM dbo.a\n go \n",
		"sql/x/002_b.sql":   "INSERT INTO dbo.a VALUES (1, 2)",
		"sql/x/ignored.txt": "",
	}
	applied, err := db.Migrate(t.Context(), files(texts), "sql/x")
	if err != nil || strings.Join(applied, " ") != "001_a.sql 002_b.sql" {
		t.Fatalf("%v, %v", applied, err)
	}
	texts["sql/x/003_c.sql"] = "INSERT INTO dbo.a VALUES (3, 4)"
	applied, err = db.Migrate(t.Context(), files(texts), "sql/x")
	if err != nil || strings.Join(applied, " ") != "003_c.sql" {
		t.Fatalf("%v, %v", applied, err)
	}
	if n := number(t, db, "SELECT SUM(a) FROM report.a"); n != 4 {
		t.Errorf("the sum is %d", n)
	}
	// Another component of the same database has its own numbers.
	if applied, err = db.Migrate(t.Context(), files(map[string]string{"sql/y/001_a.sql": "CREATE TABLE dbo.y (a INT)"}), "sql/y"); len(applied) != 1 || err != nil {
		t.Errorf("%v, %v", applied, err)
	}
	texts["sql/x/002_b.sql"] += " "
	if _, err = db.Migrate(t.Context(), files(texts), "sql/x"); err == nil || !strings.Contains(err.Error(), "x/002_b.sql was applied with other content") {
		t.Errorf("a file that has changed: %v", err)
	}
}

// A migration that fails in the middle leaves nothing, and is applied from its
// beginning when it is right.
func TestMigrateThatFails(t *testing.T) {
	db := create(t)
	texts := map[string]string{"sql/x/001_a.sql": "CREATE TABLE dbo.a (a INT)\nGO\nINSERT INTO dbo.a VALUES (1)\nGO\nINSERT INTO dbo.none VALUES (1)"}
	if _, err := db.Migrate(t.Context(), files(texts), "sql/x"); err == nil || !strings.Contains(err.Error(), "sql/x/001_a.sql") {
		t.Fatalf("got %v", err)
	}
	if exists, err := db.TableExists(t.Context(), "dbo", "a"); exists || err != nil {
		t.Errorf("the table is there: %v, %v", exists, err)
	}
	texts["sql/x/001_a.sql"] = "CREATE TABLE dbo.a (a INT)"
	if applied, err := db.Migrate(t.Context(), files(texts), "sql/x"); len(applied) != 1 || err != nil {
		t.Errorf("%v, %v", applied, err)
	}
	if _, err := db.Migrate(t.Context(), files(map[string]string{"sql/z/1_a.sql": ""}), "sql/z"); err == nil {
		t.Error("a name without three digits is no error")
	}
}

// Two that write take turns, also when they are two processes.
func TestWritersTakeTurns(t *testing.T) {
	db := create(t)
	other, err := Open(t.Context(), db.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	mustExec(t, db, "CREATE TABLE dbo.counter (n INT)")
	mustExec(t, db, "INSERT INTO dbo.counter VALUES (0)")
	const each = 25
	done := make(chan error)
	for _, one := range []*DB{db, db, other, other} {
		go func() {
			for range each {
				if err := one.Transact(t.Context(), func(ctx context.Context, tx *Tx) error {
					var n int
					if err := tx.QueryRow(ctx, "SELECT n FROM dbo.counter").Scan(&n); err != nil {
						return err
					}
					_, err := tx.Exec(ctx, "UPDATE dbo.counter SET n = @n", sql.Named("n", n+1))
					return err
				}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := number(t, db, "SELECT n FROM dbo.counter"); n != 4*each {
		t.Errorf("it counts %d, want %d", n, 4*each)
	}
}

// What passes is tried again, what does not is not, and each attempt begins from
// nothing.
func TestTransactTriesAgain(t *testing.T) {
	db := create(t)
	mustExec(t, db, "CREATE TABLE dbo.x (n INT)")
	deadlock := mssql.Error{Number: 1205, Message: "deadlock victim"}
	tries := 0
	err := db.Transact(t.Context(), func(ctx context.Context, tx *Tx) error {
		tries++
		if _, err := tx.Exec(ctx, "INSERT INTO dbo.x VALUES (1)"); err != nil {
			return err
		}
		if tries < 3 {
			return deadlock
		}
		return nil
	})
	if err != nil || tries != 3 || number(t, db, "SELECT COUNT(*) FROM dbo.x") != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
	tries = 0
	wrong := errors.New("wrong")
	if err := db.Transact(t.Context(), func(context.Context, *Tx) error { tries++; return wrong }); !errors.Is(err, wrong) || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tries = 0
	if err := db.Transact(ctx, func(context.Context, *Tx) error { tries++; cancel(); return deadlock }); err == nil || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestIsDuplicate(t *testing.T) {
	db := create(t)
	mustExec(t, db, "CREATE TABLE dbo.x (a INT NOT NULL PRIMARY KEY, b INT)")
	mustExec(t, db, "INSERT INTO dbo.x VALUES (1, 1)")
	if _, err := db.Exec(t.Context(), "INSERT INTO dbo.x VALUES (1, 2)"); !IsDuplicate(err) {
		t.Errorf("got %v", err)
	}
	if _, err := db.Exec(t.Context(), "INSERT INTO dbo.x (b) VALUES (NULL)"); IsDuplicate(err) && err != nil {
		t.Errorf("got %v", err)
	}
	if !IsDuplicate(mssql.Error{Number: 1750, All: []mssql.Error{{Number: 1505}, {Number: 1750}}}) {
		t.Error("an index that cannot be built is none")
	}
}

// A lock keeps others out for as long as they wait, and is free when it is given
// back.
func TestLock(t *testing.T) {
	db := create(t)
	other, err := Open(t.Context(), db.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	release, err := db.Lock(t.Context(), "step", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Lock(t.Context(), "step", 50*time.Millisecond); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "wait until it is done") {
		t.Errorf("got %v", err)
	}
	another, err := other.Lock(t.Context(), "other", 0)
	if err != nil {
		t.Errorf("a lock of another name: %v", err)
	} else if err := another(); err != nil {
		t.Error(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = other.Lock(t.Context(), "step", time.Second); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Lock(ctx, "step", time.Minute); err == nil {
		t.Error("a lock for somebody who has gone")
	}
}

// The stage is not in the file.
func TestStageIsTemporary(t *testing.T) {
	db := create(t)
	mustExec(t, db, "CREATE TABLE stage.x (a INT)")
	mustExec(t, db, "INSERT INTO stage.x VALUES (7)")
	mustExec(t, db, "CREATE TABLE dbo.y (a INT)")
	mustExec(t, db, "INSERT INTO dbo.y SELECT a FROM stage.x")
	if n := number(t, db, "SELECT y.a + x.a FROM dbo.y y JOIN stage.x x ON x.a = y.a"); n != 14 {
		t.Errorf("got %d", n)
	}
	other, err := Open(t.Context(), db.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if n := number(t, other, "SELECT COUNT(*) FROM stage.sqlite_schema"); n != 0 {
		t.Errorf("another process sees %d tables of the stage", n)
	}
}

func TestTransient(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{mssql.Error{Number: 1205}, true},
		{mssql.Error{Number: 33557097, Message: "canceling statement due to lock timeout"}, true},
		{mssql.Error{Number: 33557097, Message: "relation does not exist"}, false},
		{mssql.Error{Number: 2627}, false},
		{&Error{Err: mssql.Error{Number: 1205}}, true},
		{driver.ErrBadConn, true},
		{context.Canceled, false},
		{errors.New("something else"), false},
		{nil, false},
	} {
		if got := IsTransient(test.err); got != test.want {
			t.Errorf("%v is transient: %v", test.err, got)
		}
	}
}

// Without WAL everything works as with it, also when somebody else has the file
// open; and afterwards it is on again.
func TestWithoutWAL(t *testing.T) {
	for _, shared := range []bool{false, true} {
		db := create(t)
		mustExec(t, db, "CREATE TABLE dbo.x (a INT)")
		number(t, db, "SELECT COUNT(*) FROM dbo.x") // by a connection that stays
		if shared {
			other, err := Open(t.Context(), db.Address())
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			number(t, other, "SELECT COUNT(*) FROM dbo.x")
		}
		mode := func() (m string) {
			if err := db.QueryRow(t.Context(), "PRAGMA journal_mode").Scan(&m); err != nil {
				t.Fatal(err)
			}
			return m
		}
		began := time.Now()
		err := db.WithoutWAL(t.Context(), func() error {
			if m := mode(); (m == "wal") != shared {
				t.Errorf("shared=%v: the journal's mode is %s", shared, m)
			}
			_, err := db.Exec(t.Context(), "INSERT INTO dbo.x VALUES (1)")
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > busyTimeout/2 {
			t.Errorf("it has waited %v for the other one", took)
		}
		if m, n := mode(), number(t, db, "SELECT COUNT(*) FROM dbo.x"); m != "wal" || n != 1 {
			t.Errorf("afterwards the mode is %s, and there are %d rows", m, n)
		}
	}
}
