package store

import (
	"strings"
	"sync"
	"time"
)

// country is what is known about a country the retailer trades in.
type country struct {
	code  string   // ISO 3166-1 alpha-2
	name  string   // in English, for people
	zone  string   // IANA time zone of most of its shops
	other []string // names and codes that occur in the data set, in lower case
}

// The seven countries of the Global Fashion Retail Sales data set. Its two
// editions name them natively and transliterated to ASCII; invoice numbers say
// UK where ISO says GB.
var countries = []country{
	{"US", "United States", "America/New_York", []string{"usa", "united states of america"}},
	{"CN", "China", "Asia/Shanghai", []string{"中国", "zhongguo"}},
	{"DE", "Germany", "Europe/Berlin", []string{"deutschland"}},
	{"FR", "France", "Europe/Paris", nil},
	{"ES", "Spain", "Europe/Madrid", []string{"españa", "espana"}},
	{"PT", "Portugal", "Europe/Lisbon", nil},
	{"GB", "United Kingdom", "Europe/London", []string{"uk", "great britain"}},
}

// Countries returns the codes of the known countries.
func Countries() []string {
	codes := make([]string, len(countries))
	for i, c := range countries {
		codes[i] = c.code
	}
	return codes
}

// CountryName returns a country's English name, or the code itself where it is
// not known.
func CountryName(code string) string {
	for _, c := range countries {
		if c.code == code {
			return c.name
		}
	}
	return code
}

// CountryNamed returns the ISO code of a country given by any of its names.
func CountryNamed(name string) (code string, ok bool) {
	folded := strings.ToLower(name)
	for _, c := range countries {
		if folded == strings.ToLower(c.code) || folded == strings.ToLower(c.name) {
			return c.code, true
		}
		for _, other := range c.other {
			if folded == other {
				return c.code, true
			}
		}
	}
	return "", false
}

// CountryOfInvoice returns the ISO code that an Invoice ID carries:
// "INV-UK-017-02558905" is of GB.
func CountryOfInvoice(id string) (code string, ok bool) {
	_, rest, ok := strings.Cut(id, "-")
	if !ok || len(rest) < 3 || rest[2] != '-' {
		return "", false
	}
	switch rest[:2] { // no call to CountryNamed: it would cost each line a copy
	case "UK":
		return "GB", true
	case "US", "CN", "DE", "FR", "ES", "PT", "GB":
		return rest[:2], true
	}
	return "", false
}

// Zone returns the time zone of most of a country's shops, UTC for a country
// that is not known.
func Zone(code string) *time.Location {
	for _, c := range countries {
		if c.code == code {
			return mustZone(c.zone)
		}
	}
	return time.UTC
}

// zones are those that were loaded, by name: loading reads a file.
var zones sync.Map

func mustZone(name string) *time.Location {
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic("time zone " + name + " is not in the embedded zone data: " + err.Error())
	}
	zones.Store(name, zone)
	return zone
}
