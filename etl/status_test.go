package etl

import (
	"path/filepath"
	"strings"
	"testing"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

func TestStatus(t *testing.T) {
	l := newLab(t)
	empty, err := ReadStatus(t.Context(), l.cfg, 10)
	if err != nil || empty.Lines != 0 || empty.NewestSale != "" || empty.NetUSD != "0.00" || empty.LastVerify != nil || len(empty.Runs) != 1 || empty.Aggregates != "current" {
		t.Fatalf("%v: %+v", err, empty)
	}
	l.reference()
	l.sell(shop()...)
	l.sell(with(map[sale.Column]string{sale.InvoiceID: "INV-US-001-5", sale.Quantity: "0"}))
	l.load()
	mustExec(t, l.dw, "DELETE FROM dw.fact_sales WHERE invoice_id = '"+invoiceB+"'")
	l.verified(VerifyOptions{})
	mustExec(t, l.dw, "INSERT INTO dw.etl_run (step, started_at, status, rows_read, rows_inserted, rows_updated, rows_rejected, detail) VALUES ('live', '2024-01-01 00:00:00', 'running', 5, 4, 3, 2, '')")
	s, err := ReadStatus(t.Context(), l.cfg, 3)
	if err != nil {
		t.Fatal(err)
	}
	if s.Lines != 4 || s.NetUSD != "180.00" || s.NewestSale != "2024-04-01" || s.LastVerify == nil || s.LastVerify.Differences == 0 || len(s.Runs) != 3 {
		t.Errorf("got %+v", s)
	}
	if live, verify, load := s.Runs[0], s.Runs[1], s.Runs[2]; live.Status != "running" || live.FinishedAt != nil || live.Seconds < 1e7 || live.Read != 5 || live.Rejected != 2 ||
		verify.Step != "verify" || verify.Status != "failed" || *verify.Differences != s.LastVerify.Differences || verify.Detail == "" ||
		load.Status != "done" || load.Rejected != 1 || load.Inserted == 0 || load.FinishedAt == nil {
		t.Errorf("got %+v", s.Runs)
	}
	if len(s.Rejects) != 1 || s.Rejects[0].Reason != "bad_quantity" || s.Rejects[0].Rejects != 1 || s.Rejects[0].LastAt.IsZero() {
		t.Errorf("got %+v", s.Rejects)
	}
	if len(s.Watermarks) == 0 || s.Watermarks[0].Position == "" || len(s.Freshness) != 2 || s.Freshness[1].Step != "load" || s.Freshness[1].AgeSeconds > 600 {
		t.Errorf("got %+v and %+v", s.Watermarks, s.Freshness)
	}
	var text strings.Builder
	if err := s.Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"4 lines, net 180.00 USD, up to 2024-04-01", "last verify: ", "running", "bad_quantity", "transactions of "} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("%q is not in\n%s", part, &text)
		}
	}
}

// A database that is no warehouse is told from one.
func TestStatusOfNoWarehouse(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "other.db")
	db, err := database.Create(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	if _, err := ReadStatus(t.Context(), Config{Warehouse: address}, 1); err == nil || !strings.Contains(err.Error(), "etl init") {
		t.Errorf("the error is %v", err)
	}
}
