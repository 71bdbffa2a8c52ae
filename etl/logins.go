package etl

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"tillstream/internal/database"
)

// The logins that Init makes on SQL Server beside the one that it uses itself.
const (
	loginETL    = "tillstream_etl"
	loginReader = "grafana_reader"
)

// grants are what a login may do in a database.
type grants struct {
	db     *database.DB
	rights []string
}

// makeLogins gives each login that has a password its rights, and only these, and
// returns their names. Grants are on schemas: what comes later in a schema is
// covered. The views of report read the tables of dw for those who may not, since
// both schemas belong to the same owner (ownership chaining).
func makeLogins(ctx context.Context, source, dw *database.DB, logins Logins) (made []string, err error) {
	made = []string{}
	if dw.Engine() == database.SQLite {
		return made, nil
	}
	for _, login := range []struct {
		name, password string
		grants         []grants
	}{
		{loginETL, logins.ETL, []grants{
			{source, []string{"SELECT ON SCHEMA::dbo"}},
			{dw, []string{
				"SELECT ON SCHEMA::dw", "INSERT ON SCHEMA::dw", "UPDATE ON SCHEMA::dw", "DELETE ON SCHEMA::dw",
				"SELECT ON SCHEMA::report",
				createTable, // in the stage, which belongs to it
			}},
		}},
		{loginReader, logins.Reader, []grants{{dw, []string{"SELECT ON SCHEMA::report"}}}},
	} {
		if login.password == "" {
			continue
		}
		if err := makeLogin(ctx, dw, login.name, login.password); err != nil {
			return made, fmt.Errorf("making the login %s: %w", login.name, err)
		}
		if login.name == loginETL {
			if err := ownStage(ctx, dw, login.name); err != nil {
				return made, fmt.Errorf("giving the schema stage to the login %s: %w", login.name, err)
			}
		}
		for _, g := range login.grants {
			if g.db.Engine() == database.SQLite {
				continue
			}
			if err := grant(ctx, g, login.name); err != nil {
				return made, fmt.Errorf("granting the login %s its rights in %s: %w", login.name, g.db.Address(), err)
			}
		}
		made = append(made, login.name)
	}
	return made, nil
}

// makeLogin makes a login, or gives the one that is there the password.
func makeLogin(ctx context.Context, db *database.DB, name, password string) error {
	var n int
	if err := db.QueryRow(ctx, "SELECT COUNT(*) FROM sys.server_principals WHERE name = @name", sql.Named("name", name)).Scan(&n); err != nil {
		return err
	}
	verb := "CREATE"
	if n > 0 {
		verb = "ALTER"
	}
	// No parameter can stand here. A quote in a string is written twice.
	statement := verb + " LOGIN " + name + " WITH PASSWORD = N'" + strings.ReplaceAll(password, "'", "''") + "'"
	if _, err := db.Pool().ExecContext(ctx, statement); err != nil {
		// Whatever the server quotes of the statement.
		return errors.New(strings.ReplaceAll(err.Error(), password, "..."))
	}
	return nil
}

// makeUser lets a login into a database.
func makeUser(ctx context.Context, db *database.DB, login string) error {
	var n int
	err := db.QueryRow(ctx, "SELECT COUNT(*) FROM sys.database_principals WHERE name = @name", sql.Named("name", login)).Scan(&n)
	if n > 0 || err != nil {
		return err
	}
	_, err = db.Exec(ctx, "CREATE USER "+login+" FOR LOGIN "+login)
	return err
}

// ownStage makes the schema stage the login's own: it makes and drops tables there
// and nowhere else. The schema is made anew, since not all servers can give one to
// another owner; nothing is in it between runs.
func ownStage(ctx context.Context, dw *database.DB, login string) error {
	if err := makeUser(ctx, dw, login); err != nil {
		return err
	}
	var owner string
	err := dw.QueryRow(ctx, `SELECT p.name FROM sys.schemas s JOIN sys.database_principals p ON p.principal_id = s.principal_id
		WHERE s.name = 'stage'`).Scan(&owner)
	if err != nil || owner == login {
		return err
	}
	if _, err := dw.Exec(ctx, "DROP SCHEMA stage"); err != nil {
		return fmt.Errorf("is a step at work? %w", err)
	}
	_, err = dw.Exec(ctx, "CREATE SCHEMA stage AUTHORIZATION "+login)
	return err
}

// createTable is a right that a compatible server such as Babelfish cannot grant:
// there, to own the schema is enough.
const createTable = "CREATE TABLE"

func grant(ctx context.Context, g grants, login string) error {
	if err := makeUser(ctx, g.db, login); err != nil {
		return err
	}
	for _, right := range g.rights {
		if _, err := g.db.Exec(ctx, "GRANT "+right+" TO "+login); err != nil {
			if right == createTable && database.IsUnsupported(err) {
				continue
			}
			return fmt.Errorf("%s: %w", right, err)
		}
	}
	return nil
}
