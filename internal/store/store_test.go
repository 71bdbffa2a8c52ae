package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// The built-in directory is the 35 published stores of 7 countries.
func TestDefault(t *testing.T) {
	d := Default()
	count := make(map[string]int)
	for i, s := range d.All() {
		count[s.Country]++
		if s.ID != fmt.Sprint(i+1) || s.City == "" || s.Name == "" || s.Zone == nil {
			t.Errorf("store %d is %+v", i+1, s)
		}
		if found, ok := d.Lookup(s.ID); !ok || found != s {
			t.Errorf("looking up %s finds %+v", s.ID, found)
		}
	}
	if want := "map[CN:5 DE:5 ES:5 FR:5 GB:5 PT:5 US:5]"; fmt.Sprint(count) != want {
		t.Errorf("got %v", count)
	}
	for _, id := range []string{"", "0", "36", "01", " 1"} {
		if s, ok := d.Lookup(id); ok {
			t.Errorf("%q is %+v", id, s)
		}
	}
	if s, _ := d.Lookup("13"); s.City != "München" {
		t.Errorf("cities are not in their own language: %s", s.City)
	}
}

// A store's clock is its own, which in the United States is not its country's.
func TestZones(t *testing.T) {
	d := Default()
	january, july := time.Date(2025, 1, 15, 12, 0, 0, 0, time.UTC), time.Date(2025, 7, 15, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ id, city, winter, summer string }{
		{"1", "New York", "07:00 EST", "08:00 EDT"},
		{"2", "Los Angeles", "04:00 PST", "05:00 PDT"},
		{"3", "Chicago", "06:00 CST", "07:00 CDT"},
		{"4", "Houston", "06:00 CST", "07:00 CDT"},
		{"5", "Phoenix", "05:00 MST", "05:00 MST"},
		{"6", "上海", "20:00 CST", "20:00 CST"},
		{"11", "Berlin", "13:00 CET", "14:00 CEST"},
		{"16", "London", "12:00 GMT", "13:00 BST"},
		{"21", "Paris", "13:00 CET", "14:00 CEST"},
		{"26", "Madrid", "13:00 CET", "14:00 CEST"},
		{"31", "Lisboa", "12:00 WET", "13:00 WEST"},
	} {
		s, ok := d.Lookup(c.id)
		if !ok || s.City != c.city {
			t.Fatalf("store %s is %+v", c.id, s)
		}
		if got := january.In(s.Zone).Format("15:04 MST"); got != c.winter {
			t.Errorf("%s in winter: %s, want %s", c.city, got, c.winter)
		}
		if got := july.In(s.Zone).Format("15:04 MST"); got != c.summer {
			t.Errorf("%s in summer: %s, want %s", c.city, got, c.summer)
		}
	}
}

func TestZoneOfPlaces(t *testing.T) {
	for _, c := range []struct{ country, latitude, longitude, want string }{
		{"US", "39.74", "-104.99", "America/Denver"},
		{"US", "35.08", "-106.65", "America/Denver"}, // Albuquerque, next to Arizona
		{"US", "36.17", "-115.14", "America/Los_Angeles"},
		{"US", "32.22", "-110.97", "America/Phoenix"},
		{"US", "25.76", "-80.19", "America/New_York"},
		{"US", "", "", "America/New_York"},
		{"US", "north", "west", "America/New_York"},
		{"DE", "33.45", "-112.07", "Europe/Berlin"},
		{"XX", "0", "0", "UTC"},
	} {
		if got := zoneAt(c.country, c.latitude, c.longitude).String(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for _, code := range Countries() {
		if Zone(code) == time.UTC {
			t.Errorf("%s has no zone", code)
		}
	}
}

// Both editions of the data set and plain codes name the same seven countries.
func TestCountryNamed(t *testing.T) {
	for code, names := range map[string][]string{
		"US": {"United States", "USA", "US", "us", "united states"},
		"CN": {"中国", "Zhongguo", "China", "CN"},
		"DE": {"Deutschland", "Germany", "DE", "DEUTSCHLAND"},
		"FR": {"France", "FR"},
		"ES": {"España", "Espana", "ESPAÑA", "Spain", "ES"},
		"PT": {"Portugal", "PT"},
		"GB": {"United Kingdom", "UK", "GB", "Great Britain"},
	} {
		for _, name := range names {
			if got, ok := CountryNamed(name); !ok || got != code {
				t.Errorf("%s is %q, %v", name, got, ok)
			}
		}
	}
	for _, name := range []string{"", "Italia", "U.S.", "XX"} {
		if got, ok := CountryNamed(name); ok {
			t.Errorf("%q is %s", name, got)
		}
	}
}

func TestCountryOfInvoice(t *testing.T) {
	for id, want := range map[string]string{
		"INV-US-001-1": "US", "RET-UK-017-1": "GB", "INV-GB-017-1": "GB", "INV-CN-1": "CN", "X-DE-": "DE", "INV-ES-1": "ES", "INV-FR-1": "FR", "INV-PT-1": "PT",
		"": "", "INV": "", "INV-": "", "INV-U": "", "INV-US": "", "INV-USA-1": "", "INV-us-1": "", "INV-XX-1": "", "INVUS-1": "", "INV--US-1": "",
	} {
		if got, ok := CountryOfInvoice(id); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", id, got, ok)
		}
	}
}

func TestCountries(t *testing.T) {
	codes := Countries()
	if slices.Sort(codes); !slices.Equal(codes, []string{"CN", "DE", "ES", "FR", "GB", "PT", "US"}) {
		t.Errorf("got %q", codes)
	}
	if got := CountryName("GB") + ", " + CountryName("XX"); got != "United Kingdom, XX" {
		t.Errorf("got %s", got)
	}
}

// A file needs three columns; stores keep its order.
func TestReadTheLeast(t *testing.T) {
	d, err := Read(strings.NewReader("City,Store ID,Country\nWien,7,Germany\nBonn,3,DE\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := d.Lookup("3"); !ok || s.City != "Bonn" || s.Country != "DE" || s.Name != "" || s.Zone.String() != "Europe/Berlin" {
		t.Errorf("got %+v", s)
	}
	if len(d.All()) != 2 || d.All()[0].ID != "7" {
		t.Errorf("got %+v", d.All())
	}
}

func TestReadErrors(t *testing.T) {
	const header = "Store ID,Country,City\n1,US,New York\n\n"
	for _, c := range []struct{ file, want string }{
		{"", "empty"},
		{"Store ID,Country,City\n", "no store"},
		{"Store ID,Country\n1,US\n", `"City"`},
		{header + "2,Italia,Roma\n", `line 4: "Italia"`},
		{header + "2,,Roma\n", `line 4: ""`},
		{header + ",US,Boston\n", "line 4: the Store ID"},
		{header + "1,US,Boston\n", "line 4: store 1 "},
	} {
		if d, err := Read(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, %v; want %q", c.file, d, err, c.want)
		}
	}
}
