package sale

import (
	"strings"
	"testing"
	"time"
)

// All published forms and the rest of ISO 8601 give the store's wall clock, as it
// is written: an offset says how far it is from UTC, not another time of day.
func TestDateForms(t *testing.T) {
	for text, want := range map[string]string{
		"2023-01-01 15:42:00":                 "2023-01-01 15:42:00",
		"2025-04-15":                          "2025-04-15 00:00:00",
		"2024-12-28T09:56:00.000+02:00":       "2024-12-28 09:56:00",
		"2024-12-28T09:56:00":                 "2024-12-28 09:56:00",
		"2024-12-28T09:56:00Z":                "2024-12-28 09:56:00",
		"2024-12-28 23:59:59.999999999-05:00": "2024-12-28 23:59:59",
		"2024-12-28 09:56":                    "2024-12-28 09:56:00",
		"2024-12-28T09:56+0530":               "2024-12-28 09:56:00",
		"2024-12-28T09:56:00-08":              "2024-12-28 09:56:00",
		"2024-12-28T09:56:00.5Z":              "2024-12-28 09:56:00",
		"2024-02-29":                          "2024-02-29 00:00:00",
		"2000-02-29":                          "2000-02-29 00:00:00",
		"0001-01-01":                          "0001-01-01 00:00:00",
		"9999-12-31 23:59:59":                 "9999-12-31 23:59:59",
		// Nineteen characters that are not yet the CSV's form.
		"2024-12-28T09:56:01":  "2024-12-28 09:56:01",
		"2024-12-28 09:56.00":  "2024-12-28 09:56:00",
		"2024-12-28 09:56+02":  "2024-12-28 09:56:00",
		"2024-12-28 09:56:00Z": "2024-12-28 09:56:00",
	} {
		line := mustRead(t, with(Date, text))
		if got := line.At.Format(time.DateTime); got != want || line.Row[Date] != want {
			t.Errorf("%q is %q, in the CSV %q", text, got, line.Row[Date])
		}
	}
}

func TestDatesThatDoNotExist(t *testing.T) {
	for _, text := range []string{
		"2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-01", "2024-01-00", "2024-01-32", "0000-01-01",
		"2024-01-01 24:00:00", "2024-01-01 12:60:00", "2024-01-01 12:00:60", "2024-01-01 12",
		"2024-01-01 ", "2024-01-01T", " 2024-01-01", "2024-01-01 1:00:00", "2024-1-1", "24-01-01", "12024-01-01", "-2024-01-01",
		"2024/01/01", "01.02.2024", "01/02/2024", "20240101", "2024-01-01_12:00:00", "2024-01-01t12:00:00", "2024-01-01 12.00.00",
		"2024-01-01 12:00:00.", "2024-01-01 12:00:00,5", "2024-01-01 12:00:00 PM", "2024-01-01 12:00:00 +02:00",
		"2024-01-01 12:00:00+", "2024-01-01 12:00:00+2", "2024-01-01 12:00:00+15:00", "2024-01-01 12:00:00+02:60", "2024-01-01 12:00:00+02:",
		"2024-01-01 12:00:00+02:000", "2024-01-01 12:00:00ZZ", "2024-01-01 12:00:00z", "٢٠٢٤-01-01", "now", "1735689600",
	} {
		err := reader.Read(with(Date, text), recorded, new(Line))
		if got := reasonOf(t, err); got != BadDate {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// A line without a date happened when Kafka got it, by the clock in its store.
func TestReadDatesAnUndatedLineByItsStore(t *testing.T) {
	winter, summer := time.Date(2025, 1, 15, 23, 30, 1, 999, time.UTC), time.Date(2025, 7, 15, 23, 30, 1, 0, time.FixedZone("", 7200))
	for _, c := range []struct {
		store, invoice string
		at             time.Time
		want           string
	}{
		{"1", "INV-US-001-1", winter, "2025-01-15 18:30:01"},
		{"1", "INV-US-001-1", summer, "2025-07-15 17:30:01"},
		{"5", "INV-US-005-1", winter, "2025-01-15 16:30:01"}, // Phoenix
		{"5", "INV-US-005-1", summer, "2025-07-15 14:30:01"}, // has no summer time
		{"7", "INV-CN-007-1", winter, "2025-01-16 07:30:01"},
		{"11", "INV-DE-011-1", summer, "2025-07-15 23:30:01"},
		{"17", "INV-UK-017-1", winter, "2025-01-15 23:30:01"},
		{"31", "INV-PT-031-1", summer, "2025-07-15 22:30:01"},
		{"99", "INV-US-099-1", winter, "2025-01-15 18:30:01"}, // not known: its country's
		{"99", "INV-CN-099-1", winter, "2025-01-16 07:30:01"},
	} {
		var line Line
		if err := reader.Read(with(Date, "", StoreID, c.store, InvoiceID, c.invoice), c.at, &line); err != nil {
			t.Fatal(err)
		}
		if line.Row[Date] != c.want || line.At.Format(time.DateTime) != c.want {
			t.Errorf("store %s, %s: %s", c.store, c.invoice, line.Row[Date])
		}
	}
}

// Kafka takes any number for a message's time. One that no CSV could be read back
// with must not get there.
func TestReadWithoutAnyUsableTime(t *testing.T) {
	for _, at := range []time.Time{{}, time.UnixMilli(-1), time.UnixMilli(-1 << 62), time.UnixMilli(1 << 62), time.Date(10000, 1, 2, 0, 0, 0, 0, time.UTC)} {
		for _, store := range []string{"1", "7"} {
			err := reader.Read(with(Date, "", StoreID, store), at, new(Line))
			if got := reasonOf(t, err); got != BadDate {
				t.Errorf("%v: %q", at, got)
			}
		}
	}
	if err := reader.Read(&good, time.Time{}, new(Line)); err != nil {
		t.Errorf("a dated line does not need it: %v", err)
	}
}

// FuzzDate holds ParseDate against package time, for the forms both know.
func FuzzDate(f *testing.F) {
	for _, text := range []string{"2023-01-01 15:42:00", "2025-04-15", "2024-12-28T09:56:00.000+02:00", "2024-02-29 09:56", "2024-12-28T09:56:00Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := ParseDate(text)
		for _, form := range []string{time.DateTime, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02 15:04", time.RFC3339} {
			want, err := time.Parse(form, text)
			if err != nil || want.Year() == 0 || strings.Contains(text, ",") { // package time takes ",5" for ".5"
				continue
			}
			if form != time.DateOnly && len(text) > 11 && text[11] != '0' && text[11] != '1' && text[11] != '2' {
				continue // and, for some forms, one digit of hour
			}
			if form == time.RFC3339 && !ok {
				continue // and offsets of a day
			}
			want = time.Date(want.Year(), want.Month(), want.Day(), want.Hour(), want.Minute(), want.Second(), 0, time.UTC)
			if len(text) > 12 && text[12] == ':' {
				continue
			}
			if !ok || !got.Equal(want) {
				t.Fatalf("%q is %v, %v; package time says %v", text, got, ok, want)
			}
		}
		if !ok {
			return
		}
		written := got.Format(dateForm)
		if again, ok := ParseDate(written); !ok || !again.Equal(got) || len(written) != len(dateForm) || !strings.HasPrefix(text, written[:10]) {
			t.Fatalf("%q is %v, which is written %q and read as %v", text, got, written, again)
		}
	})
}
