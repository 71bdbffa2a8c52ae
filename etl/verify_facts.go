package etl

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"tillstream/internal/database"
	"tillstream/internal/sale"
)

// factQuery reads facts with the business keys that they point at.
const factQuery = `SELECT f.invoice_id, f.line_number, f.sold_at,
		CASE WHEN f.store_key = -1 THEN '' ELSE COALESCE(s.store_id, '?') END,
		CASE WHEN f.employee_key = -1 THEN '' ELSE COALESCE(e.employee_id, '?') END,
		CASE WHEN f.customer_key = -1 THEN '' ELSE COALESCE(c.customer_id, '?') END,
		CASE WHEN f.product_key = -1 THEN '' ELSE COALESCE(p.product_id, '?') END,
		CASE WHEN f.size_key = -1 THEN '' ELSE COALESCE(z.size, '?') END,
		f.country, f.transaction_type, f.payment_method, f.color, f.sku, f.currency, f.quantity, f.discount_micros,
		f.unit_price_micros, f.line_total_micros, f.invoice_total_micros, f.usd_micros, f.list_usd_micros, f.date_key, f.origin, f.loaded_at
	FROM dw.fact_sales f
	LEFT JOIN dw.dim_store s ON s.store_key = f.store_key
	LEFT JOIN dw.dim_employee e ON e.employee_key = f.employee_key
	LEFT JOIN dw.dim_customer c ON c.customer_key = f.customer_key
	LEFT JOIN dw.dim_product p ON p.product_key = f.product_key
	LEFT JOIN dw.dim_size z ON z.size_key = f.size_key
	`

// storedFact is a fact as the warehouse holds it.
type storedFact struct {
	fact
	dateKey  int
	origin   string
	loadedAt database.Time
}

func (s *storedFact) scan(rows *sql.Rows) error {
	var soldAt database.Time
	var kind string
	f := &s.fact
	if err := rows.Scan(&f.invoiceID, &f.lineNumber, &soldAt, &f.storeID, &f.employeeID, &f.customerID, &f.productID, &f.size,
		&f.country, &kind, &f.payment, &f.color, &f.sku, &f.currency, &f.quantity, &f.discount,
		&f.unitPrice, &f.lineTotal, &f.invoice, &f.usd, &f.listUSD, &s.dateKey, &s.origin, &s.loadedAt); err != nil {
		return err
	}
	f.soldAt, f.isReturn = soldAt.Time, kind == sale.Returned.String()
	f.key = identityKey(f.invoiceID, f.lineNumber)
	f.hash = f.lineHash()
	return nil
}

// rateProblem says what is wrong with a fact's USD, by the one function that turns
// amounts into USD; empty where nothing is.
func (p *verifyPass) rateProblem(s *storedFact) string {
	var line sale.Line
	line.Row[sale.Currency], line.At = s.currency, s.soldAt
	amount, err := decimal.New(s.lineTotal, microsScale)
	if err != nil {
		return fmt.Sprintf("line_total_micros is %d, which is out of range", s.lineTotal)
	}
	usd, ok := p.reader.USD(&line, amount)
	if !ok {
		return fmt.Sprintf("there is no rate for %q", s.currency)
	}
	if int64(usd) != s.usd {
		return fmt.Sprintf("%s %s are %s USD on %s, but usd_micros is %d, %s", amount.Trim(2), s.currency,
			micros(int64(usd)), s.soldAt.Format(time.DateOnly), s.usd, micros(s.usd))
	}
	return ""
}

// micros writes an amount of millionths with all its decimals.
func micros(n int64) string {
	amount, err := decimal.New(n, microsScale)
	if err != nil {
		return fmt.Sprintf("%de-6", n)
	}
	return amount.Trim(2).String()
}

// contentDifference says in which columns two lines differ.
func contentDifference(want, got *fact) string {
	var parts []string
	say := func(name, a, b string) {
		if a != b {
			parts = append(parts, fmt.Sprintf("%s should be %q and is %q", name, a, b))
		}
	}
	say("Store ID", want.storeID, got.storeID)
	say("Employee ID", want.employeeID, got.employeeID)
	say("Customer ID", want.customerID, got.customerID)
	say("Product ID", want.productID, got.productID)
	say("Size", want.size, got.size)
	say("Payment Method", want.payment, got.payment)
	say("Color", want.color, got.color)
	say("SKU", want.sku, got.sku)
	say("Currency", want.currency, got.currency)
	say("Transaction Type", want.transactionType(), got.transactionType())
	say("Quantity", fmt.Sprint(want.quantity), fmt.Sprint(got.quantity))
	say("Discount", micros(want.discount), micros(got.discount))
	say("Unit Price", micros(want.unitPrice), micros(got.unitPrice))
	say("Line Total", micros(want.lineTotal), micros(got.lineTotal))
	say("Invoice Total", micros(want.invoice), micros(got.invoice))
	say("country", want.country, got.country)
	say("Date", want.soldAt.Format(time.DateTime), got.soldAt.Format(time.DateTime))
	say("USD", micros(want.usd), micros(got.usd))
	say("USD without discount", micros(want.listUSD), micros(got.listUSD))
	return strings.Join(parts, ", ")
}
