// Package store holds the reference data about the shops: which country a store
// is in, what it is called and what time it is there.
package store

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the binary runs in images that have no zone files

	"tillstream/data"
	"tillstream/internal/reference"
)

// Store is one shop.
type Store struct {
	ID      string // as published: "1" to "35"
	Country string // ISO 3166-1 alpha-2
	City    string // as published, in the country's own language
	Name    string
	Zone    *time.Location // the clock on its wall
}

// Directory is the set of known stores. It does not change once it is read.
type Directory struct {
	byID   map[string]*Store
	sorted []*Store
}

// columns that a stores file must have; others are ignored.
const (
	columnID        = "Store ID"
	columnCountry   = "Country"
	columnCity      = "City"
	columnName      = "Store Name"
	columnLatitude  = "Latitude"
	columnLongitude = "Longitude"
)

// Default is the directory built into the binary: the 35 published stores.
func Default() *Directory {
	d, err := Read(strings.NewReader(data.Stores))
	if err != nil {
		panic("the embedded stores.csv is broken: " + err.Error()) // a test reads it
	}
	return d
}

// Load reads a stores file: CSV with at least Store ID, Country and City, the
// country by its published name (native or ASCII), its English name or its code.
func Load(path string) (*Directory, error) { return reference.Load("the stores file", path, Read) }

// Read reads a stores file as Load does.
func Read(r io.Reader) (*Directory, error) {
	d := &Directory{byID: make(map[string]*Store)}
	if err := reference.Read(r, []string{columnID, columnCountry, columnCity}, d.add); err != nil {
		return nil, err
	}
	if len(d.sorted) == 0 {
		return nil, errors.New("it names no store")
	}
	return d, nil
}

// add takes in a record of a stores file.
func (d *Directory) add(row reference.Row) error {
	country, ok := CountryNamed(row.Field(columnCountry))
	if !ok {
		return fmt.Errorf("%q is no country that is known here", row.Field(columnCountry))
	}
	s := &Store{ID: row.Field(columnID), Country: country, City: row.Field(columnCity), Name: row.Field(columnName)}
	if s.ID == "" {
		return errors.New("the Store ID is empty")
	}
	if _, twice := d.byID[s.ID]; twice {
		return fmt.Errorf("store %s is there twice", s.ID)
	}
	s.Zone = zoneAt(country, row.Field(columnLatitude), row.Field(columnLongitude))
	d.byID[s.ID] = s
	d.sorted = append(d.sorted, s)
	return nil
}

// Lookup finds a store by its published ID.
func (d *Directory) Lookup(id string) (*Store, bool) {
	s, ok := d.byID[id]
	return s, ok
}

// All returns the stores in the order of their file.
func (d *Directory) All() []*Store { return d.sorted }

// zoneAt returns the time zone of a place. A country of one zone needs no
// coordinates; the United States are divided by longitude, with Arizona, which
// keeps standard time all year, cut out.
func zoneAt(country, latitude, longitude string) *time.Location {
	if country != "US" {
		return Zone(country)
	}
	lon, err := strconv.ParseFloat(longitude, 64)
	if err != nil {
		return Zone(country)
	}
	lat, err := strconv.ParseFloat(latitude, 64)
	inArizona := err == nil && lat > 31.3 && lat < 37 && lon > -114.8 && lon < -109
	switch {
	case inArizona:
		return mustZone("America/Phoenix")
	case lon > -86:
		return mustZone("America/New_York")
	case lon > -102:
		return mustZone("America/Chicago")
	case lon > -114.5:
		return mustZone("America/Denver")
	}
	return mustZone("America/Los_Angeles")
}
