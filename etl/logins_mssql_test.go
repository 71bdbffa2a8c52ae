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
		statement               string
		allowed                 bool
	}{
		{l.cfg.Source, loginETL, passwords.ETL, "SELECT COUNT(*) FROM dbo.stores", true},
		{l.cfg.Source, loginETL, passwords.ETL, "DELETE FROM dbo.stores", false},
		{l.cfg.Source, loginETL, passwords.ETL, "CREATE TABLE dbo.x (a INT)", false},
		{l.cfg.Warehouse, loginETL, passwords.ETL, "UPDATE dw.etl_run SET detail = ''", true},
		{l.cfg.Warehouse, loginETL, passwords.ETL, "CREATE TABLE stage.x (a INT)", true},
		{l.cfg.Warehouse, loginETL, passwords.ETL, "DROP TABLE stage.x", true},
		{l.cfg.Warehouse, loginETL, passwords.ETL, "CREATE TABLE dw.x (a INT)", false},
		{l.cfg.Warehouse, loginETL, passwords.ETL, "DROP TABLE dw.fact_sales", false},
		{l.cfg.Warehouse, loginReader, passwords.Reader, "SELECT COUNT(*) FROM report.sales_by_day", true},
		{l.cfg.Warehouse, loginReader, passwords.Reader, "SELECT COUNT(*) FROM dw.fact_sales", false},
		{l.cfg.Warehouse, loginReader, passwords.Reader, "SELECT COUNT(*) FROM dw.dim_customer", false},
		{l.cfg.Warehouse, loginReader, passwords.Reader, "UPDATE dw.etl_run SET detail = ''", false},
		{l.cfg.Warehouse, loginReader, passwords.Reader, "CREATE TABLE stage.y (a INT)", false},
		{l.cfg.Source, loginReader, passwords.Reader, "SELECT COUNT(*) FROM dbo.stores", false},
	} {
		db, err := database.Open(t.Context(), as(test.address, test.user, test.password))
		if err == nil {
			_, err = db.Exec(t.Context(), test.statement)
			_ = db.Close()
		}
		if (err == nil) != test.allowed {
			t.Errorf("%s as %s: %v", test.statement, test.user, err)
		}
		if err != nil && strings.Contains(err.Error(), test.password) {
			t.Errorf("the password is in %v", err)
		}
	}
	if _, err := Init(t.Context(), l.cfg, Logins{ETL: "x"}); err != nil && strings.Contains(err.Error(), "'x'") {
		t.Errorf("the password is in %v", err)
	}
}
