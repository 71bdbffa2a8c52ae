package sale

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"tillstream/internal/fx"
	"tillstream/internal/store"
)

// Type is what a line does with the goods.
type Type uint8

// The two types of transaction.
const (
	Sold Type = iota
	Returned
)

// String returns the published value of the column Transaction Type.
func (t Type) String() string {
	if t == Returned {
		return "Return"
	}
	return "Sale"
}

// Line is a line that can be used: its text and what it means.
type Line struct {
	Row                      // as it goes to the CSV; Date in the CSV's form
	Number   int             // Line, from 1
	Type     Type            // whether goods were sold or came back
	Quantity int64           // items, above zero for returns too
	Amount   decimal.Decimal // Line Total in Currency, negative for returns
	USD      Micros          // Amount in USD; its sign says whether it is a sale or a refund
	At       time.Time       // the store's wall clock, held as if it were UTC
	Country  string          // ISO 3166-1 alpha-2
	Store    *store.Store    // nil where the store is not in the reference data
	Category string          // Feminine, Masculine, Children or Other
	Identity Identity
	Invoice  uint64 // hash of the Invoice ID
}

// Reader turns rows into lines by the reference data. It is safe for concurrent
// use.
type Reader struct {
	Stores *store.Directory
	Rates  *fx.Table
}

// Categories are the values of Line.Category.
var Categories = []string{"Feminine", "Masculine", "Children", "Other"}

// Read judges row and fills line, which is of use only where there is no error.
// recorded is when Kafka got the message; it dates a line that has no Date of its
// own. row may be &line.Row, which saves a copy. The error is a *Reject.
//
// Reading the row of a line again, as recovery does from the CSV, gives the same
// line.
func (r *Reader) Read(row *Row, recorded time.Time, line *Line) error {
	for _, column := range [...]Column{InvoiceID, LineNumber, StoreID, Quantity, LineTotal, Currency} {
		if row[column] == "" {
			return &Reject{MissingColumn, column.String() + " is missing"}
		}
	}
	for column := range row {
		if text := row[column]; len(text) > MaxText {
			return &Reject{BadText, fmt.Sprintf("%s has %d bytes, more than %d", Columns[column], len(text), MaxText)}
		}
	}
	number, ok := wholeNumber(row[LineNumber])
	if !ok {
		return &Reject{BadLine, fmt.Sprintf("Line is %q, no whole number from 1 to %d", row[LineNumber], maxWhole)}
	}
	line.Number = int(number)
	if line.Quantity, ok = wholeNumber(row[Quantity]); !ok {
		return &Reject{BadQuantity, fmt.Sprintf("Quantity is %q, no whole number from 1 to %d", row[Quantity], maxWhole)}
	}
	if line.Amount, ok = parseAmount(row[LineTotal]); !ok {
		return &Reject{BadAmount, fmt.Sprintf("Line Total is %q, no decimal number of at most 19 digits", row[LineTotal])}
	}
	if line.Type, ok = typeOf(row, line.Amount); !ok {
		return &Reject{BadType, fmt.Sprintf("Transaction Type is %q, neither Sale nor Return", row[TransactionType])}
	}
	if line.Store, ok = r.Stores.Lookup(row[StoreID]); ok {
		line.Country = line.Store.Country
	} else if line.Country, ok = store.CountryOfInvoice(row[InvoiceID]); !ok {
		return &Reject{UnknownCountry, fmt.Sprintf("store %q is not in the reference data, and invoice %q names no country", row[StoreID], row[InvoiceID])}
	}
	date := row[Date]
	if date == "" {
		line.At = wallClock(recorded, line.zone())
		// Kafka takes any number for a message's time; below zero there is none.
		if recorded.Unix() < 0 || line.At.Year() > 9999 {
			return &Reject{BadDate, fmt.Sprintf("Date is missing, and the message's own time, %s, is none to go by", recorded.UTC().Format(time.RFC3339))}
		}
	} else if line.At, ok = ParseDate(date); !ok {
		return &Reject{BadDate, fmt.Sprintf("Date is %q, no date like 2023-01-31 15:42:00", date)}
	}
	rate, ok := r.Rates.On(row[Currency], line.At)
	if !ok {
		return &Reject{UnknownCurrency, fmt.Sprintf("Currency is %q, for which there is no rate", row[Currency])}
	}
	if line.USD, ok = usd(line.Amount, rate); !ok {
		return &Reject{BadAmount, fmt.Sprintf("Line Total %s %s is out of range", row[LineTotal], row[Currency])}
	}
	line.Category = categoryOf(row[SKU])
	line.Invoice = hashInvoice(row[InvoiceID])
	if row != &line.Row {
		line.Row = *row
	}
	if len(date) != len(dateForm) || date[10] != ' ' || date[16] != ':' {
		line.Row[Date] = line.At.Format(dateForm)
	}
	if row[CurrencySymbol] == "" {
		line.Row[CurrencySymbol] = SymbolOf(row[Currency])
	}
	if line.Identity, ok = identify(&line.Row, line.Number); !ok {
		return &Reject{BadText, "a value holds a NUL character or is not UTF-8"}
	}
	return nil
}

// zone is where the line's wall clock hangs.
func (l *Line) zone() *time.Location {
	if l.Store != nil {
		return l.Store.Zone
	}
	return store.Zone(l.Country)
}

// maxWhole bounds Line and Quantity, so that sums stay far from overflow.
const maxWhole = 1_000_000

// wholeNumber reads a whole number from 1 to maxWhole, also where a client that
// counts in floats writes 2 as 2.0.
func wholeNumber(text string) (int64, bool) {
	if whole, fraction, found := strings.Cut(text, "."); found {
		if strings.Trim(fraction, "0") != "" {
			return 0, false
		}
		text = whole
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return int64(n), err == nil && n >= 1 && n <= maxWhole
}

// parseAmount reads an exact decimal number. What would have to be rounded to be
// held, and exponents, which no till writes, are refused.
func parseAmount(text string) (decimal.Decimal, bool) {
	digits := 0
	for _, c := range []byte(text) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == 'e' || c == 'E':
			return decimal.Decimal{}, false
		}
	}
	if digits > decimal.MaxPrec { // perhaps more than fit: the library would round them
		return decimal.Decimal{}, false
	}
	amount, err := decimal.Parse(text)
	return amount, err == nil
}

// typeOf returns the transaction type as the line says it; where that column is
// missing, the invoice number's prefix decides, and then the amount's sign.
func typeOf(row *Row, amount decimal.Decimal) (Type, bool) {
	switch text := row[TransactionType]; {
	case text == "Sale":
		return Sold, true
	case text == "Return":
		return Returned, true
	case strings.EqualFold(text, "Sale"):
		return Sold, true
	case strings.EqualFold(text, "Return"):
		return Returned, true
	case text != "":
		return 0, false
	case strings.HasPrefix(row[InvoiceID], "RET-") || amount.IsNeg():
		return Returned, true
	}
	return Sold, true
}

// categoryOf returns the category that the SKU's first two letters stand for.
func categoryOf(sku string) string {
	if len(sku) >= 2 {
		switch sku[:2] {
		case "FE":
			return Categories[0]
		case "MA":
			return Categories[1]
		case "CH":
			return Categories[2]
		}
	}
	return Categories[3]
}
