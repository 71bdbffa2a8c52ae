package etl

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/govalues/decimal"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// importTable is one of the source's tables and the file that it is filled from.
type importTable struct {
	file    string // transactions.csv
	name    string // dbo.transactions
	columns []importColumn
	key     []string // the columns that tell rows apart
	big     bool     // it has so many rows that an empty one is worth a way of its own to fill it
}

// importColumn is a column of a file and of its table.
type importColumn struct {
	name string
	kind importKind
	// size is the length of a text in the table, in UTF-16 code units as SQL Server
	// counts them.
	size     int
	null     bool // an empty field is NULL
	optional bool // the file need not have it
	// staged columns are not in the table: they are there to tell rows apart.
	staged bool
	bad    sale.Reason // why a row is rejected for it; default: bad_text
}

// importKind is what a column holds.
type importKind int

const (
	aText   importKind = iota
	aWhole             // a whole number of 32 bits
	aMoney             // an exact decimal of at most 6 places
	aDay               // a date
	aMoment            // a date and a time of day, without a zone
)

// wide is how long the source's columns for text are, mostly.
const wide = 255

// importTables are in the order of their import: what sales refer to comes first.
var importTables = []*importTable{
	{
		file: "stores.csv", name: "dbo.stores", key: []string{"Store ID"},
		columns: []importColumn{
			{name: "Store ID", size: wide}, {name: "Country", size: wide}, {name: "City", size: wide},
			{name: "Store Name", size: wide}, {name: "Number of Employees", kind: aWhole, null: true, bad: sale.BadAmount},
			{name: "ZIP Code", size: wide}, {name: "Latitude", kind: aMoney, null: true}, {name: "Longitude", kind: aMoney, null: true},
		},
	},
	{
		file: "employees.csv", name: "dbo.employees", key: []string{"Employee ID"},
		columns: []importColumn{
			{name: "Employee ID", size: wide}, {name: "Store ID", size: wide}, {name: "Name", size: wide}, {name: "Position", size: wide},
		},
	},
	{
		file: "customers.csv", name: "dbo.customers", key: []string{"Customer ID"}, big: true,
		columns: []importColumn{
			{name: "Customer ID", size: wide}, {name: "Name", size: wide}, {name: "Email", size: wide}, {name: "Telephone", size: wide},
			{name: "City", size: wide}, {name: "Country", size: wide}, {name: "Gender", size: 64},
			{name: "Date Of Birth", kind: aDay, null: true}, {name: "Job Title", size: wide},
		},
	},
	{
		file: "products.csv", name: "dbo.products", key: []string{"Product ID"},
		columns: []importColumn{
			{name: "Product ID", size: wide}, {name: "Category", size: 64}, {name: "Sub Category", size: 64},
			{name: "Description PT", size: wide}, {name: "Description DE", size: wide}, {name: "Description FR", size: wide},
			{name: "Description ES", size: wide}, {name: "Description EN", size: wide}, {name: "Description ZH", size: wide},
			{name: "Color", size: wide}, {name: "Production Cost", kind: aMoney, null: true},
			{name: "Sizes", size: wide, staged: true}, // they become rows of product_size
		},
	},
	{
		file: "discounts.csv", name: "dbo.discounts", key: []string{"Start", "End", "Discont", "Category", "Sub Category"},
		columns: []importColumn{
			{name: "Start", kind: aDay}, {name: "End", kind: aDay}, {name: "Discont", kind: aMoney},
			{name: "Description", size: wide}, {name: "Category", size: 64}, {name: "Sub Category", size: 64},
		},
	},
	{
		file: "transactions.csv", name: "dbo.transactions", key: []string{"Invoice ID", "Line"}, big: true,
		columns: transactionColumns(),
	},
}

// transactionColumns are the 19 published columns, in published order.
func transactionColumns() []importColumn {
	columns := make([]importColumn, sale.NumColumns)
	for i, name := range sale.Columns {
		c := importColumn{name: name, size: wide}
		switch sale.Column(i) {
		case sale.LineNumber:
			c = importColumn{name: name, kind: aWhole, bad: sale.BadLine}
		case sale.Quantity:
			c = importColumn{name: name, kind: aWhole, bad: sale.BadQuantity}
		case sale.LineTotal:
			c = importColumn{name: name, kind: aMoney}
		case sale.UnitPrice, sale.Discount, sale.InvoiceTotal:
			c = importColumn{name: name, kind: aMoney, null: true}
		case sale.Date:
			c = importColumn{name: name, kind: aMoment, null: true}
		case sale.CurrencySymbol:
			c.optional = true // filled from the currency
		}
		columns[i] = c
	}
	return columns
}

// short is the table's name without its schema.
func (t *importTable) short() string { return strings.TrimPrefix(t.name, "dbo.") }

// isKey reports whether the column is a part of the key.
func (t *importTable) isKey(column string) bool {
	for _, k := range t.key {
		if k == column {
			return true
		}
	}
	return false
}

// convert makes of a field what the column keeps, or says what is wrong with it.
// Text must have been found to be UTF-8.
func (c *importColumn) convert(field string, engine database.Engine) (value any, wrong *sale.Reject) {
	if field == "" && c.kind != aText {
		if c.null {
			return nil, nil
		}
		return nil, &sale.Reject{Reason: sale.MissingColumn, Detail: c.name + " is missing"}
	}
	switch c.kind {
	case aText:
		if len(field) > c.size && utf16Length(field) > c.size {
			return nil, &sale.Reject{Reason: sale.BadText, Detail: c.name + " is longer than " + strconv.Itoa(c.size) + " characters"}
		}
		return field, nil
	case aWhole:
		n, ok := wholeNumber(field)
		if !ok {
			return nil, c.wrong(field, "no whole number of 32 bits", c.bad)
		}
		return n, nil
	case aMoney:
		if engine == database.SQLite {
			if amount, ok := canonicalAmount(field); ok {
				return amount, nil
			}
		} else if micros, ok := amountMicros(field); ok {
			return micros, nil
		}
		return nil, c.wrong(field, "no decimal number of at most 6 places and 12 digits before them", sale.BadAmount)
	default:
		at, ok := sale.ParseDate(field)
		if !ok {
			return nil, c.wrong(field, "no date like 2023-01-31 15:42:00", sale.BadDate)
		}
		if c.kind == aDay {
			return database.Date(at), nil
		}
		if engine == database.SQLite && len(field) == len(time.DateTime) && field[10] == ' ' {
			return field, nil // it is written so already
		}
		return at, nil
	}
}

func (c *importColumn) wrong(field, what string, reason sale.Reason) *sale.Reject {
	return &sale.Reject{Reason: reason, Detail: c.name + " is " + strconv.Quote(cut(field, 40)) + ", " + what}
}

// wholeNumber reads a whole number, also where a client that counts in floats
// writes 2 as 2.0.
func wholeNumber(field string) (int64, bool) {
	if whole, fraction, found := strings.Cut(field, "."); found && whole != "" && strings.Trim(fraction, "0") == "" {
		field = whole
	}
	n, err := strconv.ParseInt(field, 10, 32)
	return n, err == nil
}

// maxWhole is how many digits before the point an amount may have, so that
// millionths fit 64 bits.
const maxWhole = 12

// plainAmount reports whether a field is an amount as we would write it, and where
// its point is: no sign but a minus, no zeros in front, none at the end behind the
// point, no more digits than fit. Nearly all are.
func plainAmount(field string) (point int, ok bool) {
	digits := strings.TrimPrefix(field, "-")
	point = strings.IndexByte(digits, '.')
	whole := digits
	if point >= 0 {
		whole = digits[:point]
		fraction := digits[point+1:]
		if fraction == "" || len(fraction) > microsScale || fraction[len(fraction)-1] == '0' {
			return 0, false
		}
	}
	if whole == "" || len(whole) > maxWhole || (whole[0] == '0' && len(whole) > 1) || field == "-0" {
		return 0, false
	}
	for i := range len(digits) {
		if c := digits[i]; (c < '0' || c > '9') && i != point {
			return 0, false
		}
	}
	return point, true
}

// canonicalAmount writes an exact amount in the one way, for an engine that keeps
// it as text. What would have to be rounded is refused.
func canonicalAmount(field string) (string, bool) {
	if _, ok := plainAmount(field); ok {
		return field, true
	}
	amount, ok := exactAmount(field)
	return amount.String(), ok
}

// amountMicros returns an exact amount in millionths.
func amountMicros(field string) (int64, bool) {
	point, ok := plainAmount(field)
	if !ok {
		amount, ok := exactAmount(field)
		if !ok {
			return 0, false
		}
		return scaledMicros(amount)
	}
	digits := strings.TrimPrefix(field, "-")
	var n int64
	places := 0
	for i := range len(digits) {
		if i == point {
			places = len(digits) - i - 1
			continue
		}
		n = 10*n + int64(digits[i]-'0')
	}
	for range microsScale - places {
		n *= 10
	}
	if len(digits) != len(field) {
		n = -n
	}
	return n, true
}

// exactAmount reads a decimal number of at most 6 places.
func exactAmount(field string) (decimal.Decimal, bool) {
	digits := 0
	for _, c := range []byte(field) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == 'e' || c == 'E':
			return decimal.Decimal{}, false
		}
	}
	if digits > decimal.MaxPrec { // the library would round
		return decimal.Decimal{}, false
	}
	amount, err := decimal.Parse(field)
	if err != nil {
		return decimal.Decimal{}, false
	}
	amount = amount.Trim(0)
	if amount.Scale() > microsScale || amount.Abs().Cmp(tooMuch) >= 0 {
		return decimal.Decimal{}, false
	}
	if amount.IsZero() {
		amount = amount.Abs() // never -0
	}
	return amount, true
}

var tooMuch = decimal.MustNew(int64(math.Pow10(maxWhole)), 0)

// utf16Length is how long SQL Server finds a text.
func utf16Length(s string) (n int) {
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
