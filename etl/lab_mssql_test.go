//go:build mssql

package etl

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	"tillstream/internal/database"
)

// Each test has two databases of its own on the server that MSSQL_URL names.
func init() {
	newDatabases = func(t testing.TB) (source, warehouse string) {
		t.Helper()
		return serverDatabase(t, "source"), serverDatabase(t, "warehouse")
	}
	hideWarehouse = behindProxy
}

// serverDatabase names a database that is dropped when the test ends.
func serverDatabase(t testing.TB, purpose string) string {
	t.Helper()
	address := os.Getenv("MSSQL_URL")
	if address == "" {
		t.Fatal("MSSQL_URL is not set; it is sqlserver://user:password@host:1433")
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := "t_" + purpose + "_" + strings.ToLower(rand.Text()[:12])
	query := u.Query()
	query.Set("database", name)
	here := *u
	here.RawQuery = query.Encode()
	query.Set("database", "master")
	u.RawQuery = query.Encode()
	t.Cleanup(func() {
		master, err := sql.Open("sqlserver", u.String())
		if err != nil {
			t.Error(err)
			return
		}
		defer master.Close()
		if _, err := master.Exec("DROP DATABASE IF EXISTS " + database.QuoteName(name)); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return here.String()
}
