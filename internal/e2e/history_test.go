//go:build kafka && unix

package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"tillstream/internal/interop"
)

// The warehouse holds what Python counts in the files, by country and month, to the
// micro-dollar.
func TestHistoryAgreesWithPython(t *testing.T) {
	dir := t.TempDir()
	data, warehouse := filepath.Join(dir, "data"), filepath.Join(dir, "warehouse.db")
	databases := []string{"--source-db", "sqlite:" + filepath.Join(dir, "source.db"), "--warehouse", "sqlite:" + warehouse}
	ok(t, "generate", "--lines", "60000", "--seed", "7", "--out", data)
	type holding struct {
		NetUSD string `json:"net_usd"`
	}
	ok(t, append([]string{"etl", "init"}, databases...)...)
	imported := decode[holding](t, ok(t, append([]string{"etl", "import", "--from", data}, databases...)...).stdout)
	loaded := decode[holding](t, ok(t, append([]string{"etl", "load"}, databases...)...).stdout)
	python, err := interop.Recount(t.Context(), "--months", filepath.Join(data, "transactions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if imported.NetUSD != python.NetUSD || loaded.NetUSD != python.NetUSD {
		t.Errorf("the import says %s, the load %s, Python %s", imported.NetUSD, loaded.NetUSD, python.NetUSD)
	}
	db, err := sql.Open("sqlite", warehouse)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT country, date_key / 10000, date_key / 100 % 100, COUNT(*), SUM(usd_micros),
		SUM(CASE WHEN transaction_type = 'Sale' THEN quantity ELSE 0 END), SUM(CASE WHEN transaction_type = 'Return' THEN quantity ELSE 0 END)
		FROM dw_fact_sales GROUP BY 1, 2, 3`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	months := 0
	for ; rows.Next(); months++ {
		var country string
		var year, month int
		var got interop.Sums
		if err := rows.Scan(&country, &year, &month, &got.Rows, &got.NetMicroUSD, &got.ItemsSold, &got.ItemsReturned); err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%s %04d-%02d", country, year, month)
		want := python.Months[name]
		if got.Rows != want.Rows || got.NetMicroUSD != want.NetMicroUSD || got.ItemsSold != want.ItemsSold || got.ItemsReturned != want.ItemsReturned {
			t.Errorf("%s: the warehouse has %+v, Python counts %+v", name, got, want)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if months == 0 || months != len(python.Months) {
		t.Errorf("the warehouse has %d months of countries, Python %d", months, len(python.Months))
	}
}
