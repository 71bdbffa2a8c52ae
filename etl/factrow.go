package etl

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/govalues/decimal"

	"tillstream/internal/sale"
)

// A fact is a line as it is staged for the fact table: business keys where the
// table has surrogate keys, and amounts in millionths.
type fact struct {
	invoiceID  string
	lineNumber int
	soldAt     time.Time
	storeID    string
	employeeID string
	customerID string
	productID  string
	size       string
	country    string
	category   string // of the SKU, for a product that is not there yet
	isReturn   bool
	payment    string
	color      string
	sku        string
	currency   string
	quantity   int64
	discount   int64 // this and the following in millionths
	unitPrice  int64
	lineTotal  int64
	invoice    int64
	usd        int64
	listUSD    int64
	opens      bool // the invoice's lowest line number in its chunk

	key  uint64 // hash of the identity
	hash int64  // see lineHash
}

// microsScale is how many decimals a millionth has.
const microsScale = 6

// newFact makes the fact of a line that sale.Reader has read. Line Total is the
// authority and must fit: what would have to be rounded is a *sale.Reject. The
// other amounts only inform; where they cannot be read they count as absent.
func newFact(reader *sale.Reader, line *sale.Line) (fact, error) {
	row := &line.Row
	f := fact{
		invoiceID:  idOf(row[sale.InvoiceID]),
		lineNumber: line.Number,
		soldAt:     line.At,
		storeID:    idOf(row[sale.StoreID]),
		employeeID: idOf(row[sale.EmployeeID]),
		customerID: idOf(row[sale.CustomerID]),
		productID:  idOf(row[sale.ProductID]),
		size:       idOf(row[sale.Size]),
		country:    line.Country,
		category:   line.Category,
		isReturn:   line.Type == sale.Returned,
		payment:    row[sale.PaymentMethod],
		color:      row[sale.Color],
		sku:        row[sale.SKU],
		currency:   row[sale.Currency],
		quantity:   line.Quantity,
		usd:        int64(line.USD),
	}
	var ok bool
	if f.lineTotal, ok = exactMicros(line.Amount); !ok {
		return fact{}, &sale.Reject{Reason: sale.BadAmount, Detail: "Line Total is " + row[sale.LineTotal] + ", which millionths cannot hold exactly"}
	}
	if discount, ok := roundedMicros(row[sale.Discount]); ok && discount >= 0 && discount <= math.MaxInt32 {
		f.discount = discount
	}
	f.invoice, _ = roundedMicros(row[sale.InvoiceTotal])
	f.unitPrice, f.listUSD = listPrice(reader, line)
	f.key = identityKey(f.invoiceID, f.lineNumber)
	f.hash = f.lineHash()
	return f, nil
}

// listPrice returns the unit price in millionths, and what the line is worth in
// USD without discount: Unit Price × Quantity, with the sign of Line Total. A line
// that does not tell its unit price is taken to have no discount.
func listPrice(reader *sale.Reader, line *sale.Line) (unitPrice, listUSD int64) {
	unitPrice, ok := roundedMicros(line.Row[sale.UnitPrice])
	if !ok || unitPrice > math.MaxInt64/line.Quantity || unitPrice < -math.MaxInt64/line.Quantity {
		return 0, int64(line.USD)
	}
	list, err := decimal.New(unitPrice*line.Quantity, microsScale)
	if err != nil {
		return unitPrice, int64(line.USD)
	}
	worth, ok := reader.USD(line, list.Abs())
	switch {
	case !ok:
		return unitPrice, int64(line.USD)
	case line.USD < 0 || line.USD == 0 && line.Type == sale.Returned:
		return unitPrice, -int64(worth)
	}
	return unitPrice, int64(worth)
}

// exactMicros returns the amount in millionths, and false where it is not a whole
// number of them or does not fit.
func exactMicros(amount decimal.Decimal) (int64, bool) {
	if amount = amount.Trim(0); amount.Scale() > microsScale {
		return 0, false
	}
	return scaledMicros(amount)
}

// roundedMicros returns the number in millionths, rounded half-even; false where
// the text is no number that fits.
func roundedMicros(text string) (int64, bool) {
	amount, err := decimal.Parse(text)
	if err != nil {
		return 0, false
	}
	return scaledMicros(amount.Round(microsScale))
}

// scaledMicros returns an amount of at most six decimals in millionths.
func scaledMicros(amount decimal.Decimal) (int64, bool) {
	coefficient := amount.Coef()
	for range microsScale - amount.Scale() {
		if coefficient > math.MaxInt64/10 {
			return 0, false
		}
		coefficient *= 10
	}
	if coefficient > math.MaxInt64 {
		return 0, false
	}
	if amount.IsNeg() {
		return -int64(coefficient), true
	}
	return int64(coefficient), true
}

// identityKey is a hash of a line's identity.
func identityKey(invoiceID string, lineNumber int) uint64 {
	var buffer [128]byte
	b := append(buffer[:0], invoiceID...)
	b = append(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(lineNumber))
	return xxhash.Sum64(b)
}

// lineHash is what tells whether a line differs from the one in the warehouse.
// The upper half stands for what the till reports, the date left out, because a
// till stamps a line anew when it sends it again; the lower half for the date and
// for what was worked out from the line: its USD values and its country.
func (f *fact) lineHash() int64 {
	var buffer [512]byte
	b := buffer[:0]
	for _, text := range [...]string{f.storeID, f.employeeID, f.customerID, f.productID, f.size, f.payment, f.color, f.sku, f.currency} {
		b = append(b, text...)
		b = append(b, 0)
	}
	if f.isReturn {
		b = append(b, 'R')
	}
	for _, n := range [...]int64{f.quantity, f.discount, f.unitPrice, f.lineTotal, f.invoice} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	said := xxhash.Sum64(b)
	b = append(b[:0], f.country...)
	for _, n := range [...]int64{f.soldAt.Unix(), f.usd, f.listUSD} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	derived := xxhash.Sum64(b)
	return int64(said&^math.MaxUint32 | derived&math.MaxUint32)
}

// dateKey is a day as dim_date numbers it: 20231224.
func dateKey(at time.Time) int { return at.Year()*10000 + int(at.Month())*100 + at.Day() }

// timeKey is a time of day as dim_time numbers it: minutes since midnight.
func timeKey(at time.Time) int { return at.Hour()*60 + at.Minute() }

// transactionType is the published value of the column Transaction Type.
func (f *fact) transactionType() string {
	if f.isReturn {
		return sale.Returned.String()
	}
	return sale.Sold.String()
}
