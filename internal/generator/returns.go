package generator

// invoice is a sale or a return, in numbers only.
type invoice struct {
	store      uint8
	count      uint8 // of lines
	payment    uint8
	isReturn   bool
	employee   uint16
	customer   uint32
	counter    uint64
	minute     int64 // since 1970-01-01, the store's local time
	totalCents int64
	lines      [maxInvoiceLines]line
}

// line is one position of an invoice.
type line struct {
	product  uint16 // index in Transactions.products
	size     uint8  // index in the product's sizes
	quantity uint8
	discount uint8 // percent
	cents    int64 // Line Total, negative on a return
}

const maxInvoiceLines = 7

// Returned goods: of the lines of last10k.csv 3.8 % are returns, of the whole data
// set a little more. An invoice comes back with all its lines or with some of them.
const (
	returnPermille = 46  // of all invoices
	wholePermille  = 850 // of returns
	samplePermille = 100 // of sales, that may come back: about twice what does
	alwaysSampled  = 256 // until the reservoir holds this many, so that returns begin early
	reservoirSize  = 8192
	returnAfter    = 30           // minutes: nobody turns round at the door
	returnWithin   = 60 * 24 * 60 // minutes: a till takes goods back for 60 days
)

// reservoir holds a bounded sample of recent sales: those that may come back.
type reservoir struct{ sold []invoice }

// add offers a sale. When the reservoir is full, it takes the place of another.
func (v *reservoir) add(r *random, inv *invoice) {
	switch {
	case len(v.sold) >= alwaysSampled && !r.chance(samplePermille):
	case len(v.sold) < reservoirSize:
		v.sold = append(v.sold, *inv)
	default:
		v.sold[r.below(reservoirSize)] = *inv
	}
}

// take turns inv into the return of an earlier sale at the time now, and reports
// whether there was one. The sale leaves the reservoir, so that no invoice comes
// back twice: a second return of it would repeat the identity (Invoice ID, Line).
func (v *reservoir) take(r *random, now int64, inv *invoice) bool {
	for range 8 { // tries, for the newest and the oldest will not do
		if len(v.sold) == 0 {
			return false
		}
		i := r.below(uint64(len(v.sold)))
		sale := &v.sold[i]
		if sale.minute+returnAfter > now {
			continue
		}
		expired := sale.minute < now-returnWithin
		if !expired {
			*inv = *sale
		}
		last := len(v.sold) - 1
		v.sold[i] = v.sold[last]
		v.sold = v.sold[:last]
		if expired {
			continue
		}
		inv.minute, inv.isReturn, inv.totalCents = now, true, 0
		if inv.count > 1 && !r.chance(wholePermille) {
			from := r.below(uint64(inv.count))
			n := 1 + r.below(uint64(inv.count)-from)
			copy(inv.lines[:], inv.lines[from:from+n])
			inv.count = uint8(n)
		}
		for l := range inv.lines[:inv.count] {
			inv.lines[l].cents = -inv.lines[l].cents
			// As published: a return's Discount is 0, its Line Total what was paid.
			inv.lines[l].discount = 0
			inv.totalCents += inv.lines[l].cents
		}
		return true
	}
	return false
}
