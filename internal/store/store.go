// Package store holds the reference data about the shops: which country a store
// is in, what it is called and what time it is there.
package store

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the binary runs in images that have no zone files

	"tillstream/data"
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
func Load(path string) (*Directory, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the stores file: %w", err)
	}
	defer f.Close()
	d, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("reading the stores file %s: %w", path, err)
	}
	return d, nil
}

// Read reads a stores file as Load does.
func Read(r io.Reader) (*Directory, error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty; the first line must name the columns")
	}
	if err != nil {
		return nil, err
	}
	at := make(map[string]int, len(header))
	for i, name := range header {
		at[strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))] = i
	}
	for _, name := range []string{columnID, columnCountry, columnCity} {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("there is no column %q among %q", name, header)
		}
	}
	d := &Directory{byID: make(map[string]*Store)}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		field := func(column string) string {
			if i, ok := at[column]; ok {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		line, _ := in.FieldPos(0)
		country, ok := CountryNamed(field(columnCountry))
		if !ok {
			return nil, fmt.Errorf("line %d: %q is no country that is known here", line, field(columnCountry))
		}
		s := &Store{ID: field(columnID), Country: country, City: field(columnCity), Name: field(columnName)}
		if s.ID == "" {
			return nil, fmt.Errorf("line %d: the Store ID is empty", line)
		}
		if _, twice := d.byID[s.ID]; twice {
			return nil, fmt.Errorf("line %d: store %s is there twice", line, s.ID)
		}
		s.Zone = zoneAt(country, field(columnLatitude), field(columnLongitude))
		d.byID[s.ID] = s
		d.sorted = append(d.sorted, s)
	}
	if len(d.sorted) == 0 {
		return nil, errors.New("it names no store")
	}
	return d, nil
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
