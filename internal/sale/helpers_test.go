package sale

import (
	"errors"
	"testing"
	"time"

	"tillstream/internal/fx"
	"tillstream/internal/store"
)

// recorded is when Kafka got the tests' messages.
var recorded = time.Date(2025, 3, 14, 23, 30, 0, 0, time.UTC)

// reader has the built-in reference data.
var reader = &Reader{Stores: store.Default(), Rates: fx.Default()}

// good is a line with nothing wrong, as our own producer sends it.
var good = Row{"INV-DE-011-02558905", "2", "103340", "16991", "M", "BLACK", "44.5", "1", "2025-03-14 15:42:07", "0.35",
	"28.93", "11", "24", "EUR", "€", "MASW16991-M-BLACK", "Sale", "Credit Card", "60.42"}

// with returns the good row with some columns changed: with(Quantity, "0").
func with(changes ...any) *Row {
	row := good
	for i := 0; i < len(changes); i += 2 {
		row[changes[i].(Column)] = changes[i+1].(string)
	}
	return &row
}

// reasonOf returns why err rejects a line, "" where it does not.
func reasonOf(t testing.TB, err error) Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var reject *Reject
	if !errors.As(err, &reject) {
		t.Fatalf("the error is no *Reject: %v", err)
	}
	if reject.Detail == "" || !known(reject.Reason) {
		t.Fatalf("the rejection is not one of Reasons with a detail: %v", err)
	}
	return reject.Reason
}

func known(reason Reason) bool {
	for _, r := range Reasons {
		if r == reason {
			return true
		}
	}
	return false
}

func mustRead(t testing.TB, row *Row) Line {
	t.Helper()
	var line Line
	if err := reader.Read(row, recorded, &line); err != nil {
		t.Fatalf("reading %q: %v", *row, err)
	}
	return line
}
