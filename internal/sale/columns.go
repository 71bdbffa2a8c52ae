// Package sale is the transaction line: one position of an invoice as a till
// reports it. It reads and writes the line's two forms (Kafka message and CSV
// record), judges whether it can be used, and is the one place that says what a
// line is worth in USD and when two lines are the same.
package sale

// Column is the position of one of the 19 published columns.
type Column int

// The published columns in published order (Global Fashion Retail Sales data set).
const (
	InvoiceID Column = iota
	LineNumber
	CustomerID
	ProductID
	Size
	Color
	UnitPrice
	Quantity
	Date
	Discount
	LineTotal
	StoreID
	EmployeeID
	Currency
	CurrencySymbol
	SKU
	TransactionType
	PaymentMethod
	InvoiceTotal

	NumColumns = iota // how many columns a line has: 19
)

// TimeColumn is an extra column of the cashier stream: the time of day that
// belongs to Date. It is not one of the 19; reading joins it to Date.
const TimeColumn = "Time"

// Columns are the published names, in published order: the CSV's header and the
// keys of the message.
var Columns = [NumColumns]string{
	InvoiceID:       "Invoice ID",
	LineNumber:      "Line",
	CustomerID:      "Customer ID",
	ProductID:       "Product ID",
	Size:            "Size",
	Color:           "Color",
	UnitPrice:       "Unit Price",
	Quantity:        "Quantity",
	Date:            "Date",
	Discount:        "Discount",
	LineTotal:       "Line Total",
	StoreID:         "Store ID",
	EmployeeID:      "Employee ID",
	Currency:        "Currency",
	CurrencySymbol:  "Currency Symbol",
	SKU:             "SKU",
	TransactionType: "Transaction Type",
	PaymentMethod:   "Payment Method",
	InvoiceTotal:    "Invoice Total",
}

// String returns the column's published name.
func (c Column) String() string { return Columns[c] }

// ColumnNamed returns the column with the given published name.
func ColumnNamed(name string) (Column, bool) {
	// A switch, not a map: the compiler turns it into a search by length and
	// content, and it runs once for each key of each message.
	switch name {
	case "Invoice ID":
		return InvoiceID, true
	case "Line":
		return LineNumber, true
	case "Customer ID":
		return CustomerID, true
	case "Product ID":
		return ProductID, true
	case "Size":
		return Size, true
	case "Color":
		return Color, true
	case "Unit Price":
		return UnitPrice, true
	case "Quantity":
		return Quantity, true
	case "Date":
		return Date, true
	case "Discount":
		return Discount, true
	case "Line Total":
		return LineTotal, true
	case "Store ID":
		return StoreID, true
	case "Employee ID":
		return EmployeeID, true
	case "Currency":
		return Currency, true
	case "Currency Symbol":
		return CurrencySymbol, true
	case "SKU":
		return SKU, true
	case "Transaction Type":
		return TransactionType, true
	case "Payment Method":
		return PaymentMethod, true
	case "Invoice Total":
		return InvoiceTotal, true
	}
	return 0, false
}

// Row is one line as text, column by column, nothing judged yet. A column that
// its source lacked is the empty string.
type Row [NumColumns]string

// SymbolOf returns the sign of a currency (ISO 4217 code), as published in the
// column Currency Symbol; empty for a currency the data set does not have.
func SymbolOf(currency string) string {
	switch currency {
	case "USD":
		return "$"
	case "EUR":
		return "€"
	case "GBP":
		return "£"
	case "CNY":
		return "¥"
	}
	return ""
}
