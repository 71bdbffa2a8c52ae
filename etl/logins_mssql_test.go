//go:build mssql

package etl

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"tillstream/internal/database"
)

// Each login can do what it is for and nothing else, and a password is in no
// message.
func TestLogins(t *testing.T) {
	l := newLab(t)
	l.reference()
	l.sell(lineDefaults)
	// The logins belong to the server: what another run of this test gave them is
	// replaced.
	passwords := Logins{ETL: "Etl'" + rand.Text() + "a1!", Reader: "Reader'" + rand.Text() + "a1!"}
	for range 2 { // the second time they are there
		s, err := Init(t.Context(), l.cfg, passwords)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(s.Logins, " ") != "tillstream_etl grafana_reader" {
			t.Errorf("logins %v", s.Logins)
		}
	}
	as := func(address, user, password string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(user, password)
		return u.String()
	}
	cfg := l.cfg
	cfg.Source, cfg.Warehouse = as(l.cfg.Source, loginETL, passwords.ETL), as(l.cfg.Warehouse, loginETL, passwords.ETL)
	if s, err := Load(t.Context(), cfg, LoadOptions{}); err != nil || s.NetUSD != "100.00" {
		t.Fatalf("load as %s: %+v, %v", loginETL, s, err)
	}
	for _, test := range []struct {
		address, user, password string
		allowed, denied         []string
	}{
		{l.cfg.Source, loginETL, passwords.ETL,
			[]string{"SELECT COUNT(*) FROM dbo.stores"},
			[]string{"DELETE FROM dbo.stores", "CREATE TABLE dbo.x (a INT)", "CREATE DATABASE tillstream_x"}},
		{l.cfg.Warehouse, loginETL, passwords.ETL,
			[]string{"UPDATE dw.etl_run SET detail = ''", "CREATE TABLE stage.x (a INT)", "DROP TABLE stage.x", "SELECT COUNT(*) FROM report.sales_by_day"},
			[]string{"CREATE TABLE dw.x (a INT)", "DROP TABLE dw.fact_sales", "DROP VIEW report.sales_by_day",
				"CREATE DATABASE tillstream_x", "CREATE LOGIN tillstream_x WITH PASSWORD = 'Tillstream-x1'", "DROP LOGIN grafana_reader"}},
		{l.cfg.Warehouse, loginReader, passwords.Reader,
			[]string{"SELECT COUNT(*) FROM report.sales_by_day", "SELECT COUNT(*) FROM report.customers"},
			[]string{"SELECT COUNT(*) FROM dw.fact_sales", "SELECT name FROM dw.dim_customer", "SELECT COUNT(*) FROM dbo.schema_version",
				"UPDATE dw.etl_run SET detail = ''", "DELETE FROM report.stores", "UPDATE report.stores SET store_name = ''",
				"CREATE TABLE stage.y (a INT)", "CREATE TABLE report.y (a INT)", "CREATE TABLE dbo.y (a INT)", "DROP VIEW report.stores",
				"CREATE DATABASE tillstream_y"}},
		{l.cfg.Source, loginReader, passwords.Reader, nil,
			[]string{"SELECT COUNT(*) FROM dbo.stores", "SELECT [Name] FROM dbo.customers", "DELETE FROM dbo.customers"}},
	} {
		for i, statement := range append(test.allowed, test.denied...) {
			db, err := database.Open(t.Context(), as(test.address, test.user, test.password))
			if err == nil {
				_, err = db.Exec(t.Context(), statement)
				_ = db.Close()
			}
			if allowed := i < len(test.allowed); (err == nil) != allowed {
				t.Errorf("%s as %s: %v", statement, test.user, err)
			}
			if err != nil && strings.Contains(err.Error(), test.password) {
				t.Errorf("the password is in %v", err)
			}
		}
	}
	l.readerSeesNobody(as(l.cfg.Warehouse, loginReader, passwords.Reader))
	if _, err := Init(t.Context(), l.cfg, Logins{ETL: "x"}); err != nil && strings.Contains(err.Error(), "'x'") {
		t.Errorf("the password is in %v", err)
	}
}

// readerSeesNobody reads all that the login for dashboards can: what it finds about
// a customer of the tests is not who that is.
func (l *lab) readerSeesNobody(address string) {
	l.Helper()
	reader := openDatabase(l, address)
	views := queryText(l, l.dw, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'report'")
	found := false
	for _, view := range views {
		for _, row := range queryText(l, reader, "SELECT * FROM report."+view) {
			for _, secret := range []string{"Kayla", "Lawson", "k@example.org", "+1-555", "1990-06-15"} {
				if strings.Contains(row, secret) {
					l.Errorf("report.%s shows %s of a customer: %s", view, secret, row)
				}
			}
			found = found || view == "customers" && strings.Contains(row, "|7|")
		}
	}
	if len(views) < 15 || !found {
		l.Errorf("the customer's sales were not found in %d views", len(views))
	}
}
