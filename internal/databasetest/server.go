//go:build mssql

package databasetest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"
)

func init() { address = ServerAddress }

// ServerAddress is Address for a test that is about the server alone.
func ServerAddress(t testing.TB, purpose string) string {
	t.Helper()
	u, err := url.Parse(os.Getenv("MSSQL_URL"))
	if err != nil || u.Host == "" { // the error quotes the address, the password with it
		t.Fatal("MSSQL_URL is not set; it is sqlserver://user:password@host:1433")
	}
	name := "t_" + purpose + "_" + strings.ToLower(rand.Text()[:12])
	t.Cleanup(func() {
		master, err := sql.Open("sqlserver", withDatabase(*u, "master"))
		if err != nil {
			t.Error(err)
			return
		}
		defer master.Close()
		if _, err := master.Exec("DROP DATABASE IF EXISTS " + mssql.TSQLQuoter{}.ID(name)); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
	})
	return withDatabase(*u, name)
}

func withDatabase(u url.URL, name string) string {
	query := u.Query()
	query.Set("database", name)
	if recording() {
		query.Set("log", logStatements)
	}
	u.RawQuery = query.Encode()
	return u.String()
}
