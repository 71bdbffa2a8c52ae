package generator

import (
	"strconv"

	"tillstream/internal/sale"
)

// Transactions is a stream of transaction lines, in order of time. It is not safe
// for concurrent use.
type Transactions struct {
	cfg       Config
	random    random
	calendar  calendar
	products  *catalogue
	customers *population
	reservoir reservoir
	counter   [numStores]uint64 // the next invoice's

	line   int64   // lines begun, of cfg.Lines
	at     int     // the next line of inv
	inv    invoice // the current invoice
	text   invoiceText
	minute int64  // that date is for
	date   string // the text of minute
	buf    []byte // reused between invoices

	// What has been made so far.
	invoices, returnLines int64
	sales, refunds        [numCurrencies]int64 // cents
}

// invoiceText is the current invoice's fields that are no constants.
type invoiceText struct {
	id, customer, total string
	lineTotal           [maxInvoiceLines]string
}

// NewTransactions returns the stream of lines that cfg describes. The error says
// what is wrong with cfg.
func NewTransactions(cfg Config) (*Transactions, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return newTransactions(cfg), nil
}

// newTransactions is NewTransactions for a cfg that has its defaults.
func newTransactions(cfg Config) *Transactions {
	t := &Transactions{
		cfg:       cfg,
		random:    newRandom(cfg.Seed, purposeTransactions, 0),
		calendar:  newCalendar(cfg),
		products:  newCatalogue(cfg),
		customers: newPopulation(cfg),
		minute:    -1 << 62,
		buf:       make([]byte, 0, 256),
	}
	for i := range t.counter {
		// Every store has its own counter. Beginning anywhere in the lower half of
		// the eight digits leaves room for 700 million lines before a ninth, and
		// makes it unlikely that two seeds use the same numbers.
		r := newRandom(cfg.Seed, purposeCounter, uint64(i))
		t.counter[i] = 1 + r.below(50_000_000)
	}
	return t
}

// Next fills row with the next line and reports whether there was one. The strings
// in row stay valid.
func (t *Transactions) Next(row *sale.Row) bool {
	if t.at == int(t.inv.count) && !t.nextInvoice() {
		return false
	}
	inv, l := &t.inv, &t.inv.lines[t.at]
	p := &t.products.products[l.product]
	st := &storeTexts[inv.store]
	sku := p.skus[l.size]
	row[sale.InvoiceID] = t.text.id
	row[sale.CustomerID] = t.text.customer
	row[sale.ProductID] = p.idText
	row[sale.Size] = p.sub.sizes.names[l.size]
	row[sale.Color] = p.color
	row[sale.UnitPrice] = priceText[p.price[st.currency]]
	row[sale.Quantity] = smallNumber[l.quantity]
	row[sale.Date] = t.date
	row[sale.Discount] = discountText[l.discount]
	row[sale.LineTotal] = t.text.lineTotal[t.at]
	row[sale.StoreID] = st.id
	row[sale.EmployeeID] = employeeTexts[inv.employee]
	row[sale.Currency] = currencyCodes[st.currency]
	row[sale.CurrencySymbol] = sale.SymbolOf(currencyCodes[st.currency])
	row[sale.SKU] = sku
	row[sale.TransactionType] = "Sale"
	if inv.isReturn {
		row[sale.TransactionType] = "Return"
	}
	row[sale.PaymentMethod] = paymentMethods[inv.payment]
	row[sale.InvoiceTotal] = t.text.total
	t.at++
	row[sale.LineNumber] = smallNumber[t.at]
	t.line++
	return true
}

// Invoices of 1 to 7 lines, and lines of 1 to 3 pieces: counts in last10k.csv.
var (
	invoiceLines   = cumulate(5477, 690, 414, 59, 61, 77, 74)
	quantities     = cumulate(8995, 303, 322)
	paymentMethods = [...]string{"Credit Card", "Cash"}
)

// creditPermille is the share of invoices paid by card: 80 % in last10k.csv.
const creditPermille = 800

// nextInvoice makes the next invoice current; false at the end.
func (t *Transactions) nextInvoice() bool {
	left := int64(maxInvoiceLines)
	if t.cfg.Lines > 0 {
		if left = t.cfg.Lines - t.line; left <= 0 {
			return false
		}
	}
	t.calendar.advance(t.line)
	now := t.calendar.day.number*24*60 + t.calendar.minute(t.line, t.random.below(1<<16))
	t.at = 0
	if !t.random.chance(returnPermille) || !t.reservoir.take(&t.random, now, &t.inv) {
		t.sell(now)
	}
	if int64(t.inv.count) > left {
		t.inv.truncate(int(left))
	} else if !t.inv.isReturn {
		t.reservoir.add(&t.random, &t.inv)
	}
	currency := storeTexts[t.inv.store].currency
	if t.invoices++; t.inv.isReturn {
		t.returnLines += int64(t.inv.count)
		t.refunds[currency] -= t.inv.totalCents
	} else {
		t.sales[currency] += t.inv.totalCents
	}
	t.spell()
	return true
}

// sell makes the current invoice a sale at the time now.
func (t *Transactions) sell(now int64) {
	r, day, inv := &t.random, &t.calendar.day, &t.inv
	s := r.pick(day.stores[:])
	currency := storeTexts[s].currency
	*inv = invoice{
		store:    uint8(s),
		count:    uint8(1 + r.pick(invoiceLines)),
		employee: uint16(r.between(firstEmployee[s]+len(positions), firstEmployee[s]+stores[s].staff-1)),
		customer: uint32(t.customers.draw(r, s)),
		counter:  t.counter[s],
		minute:   now,
	}
	t.counter[s]++
	if !r.chance(creditPermille) {
		inv.payment = 1
	}
	for i := range inv.lines[:inv.count] {
		sub := r.pick(day.demand[:])
		product := t.products.draw(r, sub)
		quantity := 1 + r.pick(quantities)
		percent := day.discount[sub]
		price := int64(t.products.products[product].price[currency]) * 50 // from half units to cents
		// Half a cent is rounded up. The published sums were rounded from binary
		// floats, either way: up in 1,822 of the 2,606 such lines of last10k.csv.
		cents := (price*int64(quantity)*int64(100-percent) + 50) / 100
		inv.lines[i] = line{
			product:  uint16(product),
			size:     uint8(r.pick(subCategories[sub].sizes.weights)),
			quantity: uint8(quantity),
			discount: percent,
			cents:    cents,
		}
		inv.totalCents += cents
	}
}

// truncate leaves the first n lines: the last invoice of a run ends with it.
func (inv *invoice) truncate(n int) {
	inv.count, inv.totalCents = uint8(n), 0
	for _, l := range inv.lines[:n] {
		inv.totalCents += l.cents
	}
}

// spell writes the current invoice's own texts: one allocation holds them all.
func (t *Transactions) spell() {
	inv := &t.inv
	prefix := storeTexts[inv.store].sale
	if inv.isReturn {
		prefix = storeTexts[inv.store].refund
	}
	b := append(t.buf[:0], prefix...)
	b = appendPadded(b, inv.counter, 8)
	id := len(b)
	b = strconv.AppendUint(b, uint64(inv.customer), 10)
	customer := len(b)
	b = appendCents(b, inv.totalCents)
	total := len(b)
	var ends [maxInvoiceLines]int
	for i, l := range inv.lines[:inv.count] {
		b = appendCents(b, l.cents)
		ends[i] = len(b)
	}
	s := string(b)
	t.buf = b
	t.text.id, t.text.customer, t.text.total = s[:id], s[id:customer], s[customer:total]
	from := total
	for i, end := range ends[:inv.count] {
		t.text.lineTotal[i] = s[from:end]
		from = end
	}
	if t.cfg.Live || inv.minute == t.minute {
		return
	}
	t.minute = inv.minute
	m := inv.minute - t.calendar.day.number*24*60
	t.date = t.calendar.day.date + " " + string([]byte{
		byte('0' + m/600), byte('0' + m/60%10), ':', byte('0' + m%60/10), byte('0' + m%10)}) + ":00"
}
