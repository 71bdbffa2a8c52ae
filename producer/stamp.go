package producer

import (
	"time"

	"tillstream/internal/sale"
	"tillstream/internal/store"
)

// Stamp says where a line's Date comes from.
type Stamp int

const (
	StampNow  Stamp = iota // the present time on the wall of the line's store
	StampKeep              // as in the source
)

const dateLayout = "2006-01-02 15:04:05"

// ParseStamp reads a stamp by its name, now or keep.
func ParseStamp(name string) (Stamp, bool) {
	switch name {
	case "now":
		return StampNow, true
	case "keep":
		return StampKeep, true
	}
	return 0, false
}

// String returns the stamp's name.
func (s Stamp) String() string {
	if s == StampKeep {
		return "keep"
	}
	return "now"
}

// clocks tells the local time of stores. It belongs to one goroutine.
type clocks struct {
	stores *store.Directory
	byID   map[string]*clock // only of stores that are known: it cannot grow without bound
	byCode map[string]*clock // by country, where the store is not known
}

// clock is the clock on a store's wall; its text is made once a second, not once
// a line.
type clock struct {
	zone   *time.Location
	second int64
	text   string
}

func newClocks(stores *store.Directory) *clocks {
	return &clocks{stores: stores, byID: make(map[string]*clock), byCode: make(map[string]*clock)}
}

// stamp returns the local time at a line's store: the store's own zone, else that
// of the country in the invoice number, else UTC.
func (c *clocks) stamp(row *sale.Row, now time.Time) string {
	return c.of(row).at(now)
}

func (c *clocks) of(row *sale.Row) *clock {
	id := row[sale.StoreID]
	if found, ok := c.byID[id]; ok {
		return found
	}
	if s, ok := c.stores.Lookup(id); ok {
		made := &clock{zone: s.Zone}
		c.byID[s.ID] = made
		return made
	}
	code, _ := store.CountryOfInvoice(row[sale.InvoiceID])
	found, ok := c.byCode[code]
	if !ok {
		found = &clock{zone: store.Zone(code)}
		c.byCode[code] = found
	}
	return found
}

func (c *clock) at(now time.Time) string {
	if second := now.Unix(); second != c.second || c.text == "" {
		c.second, c.text = second, now.In(c.zone).Format(dateLayout)
	}
	return c.text
}
