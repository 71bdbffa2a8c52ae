package generator

import "strconv"

// Texts that lines repeat are made once and shared: it is what keeps a line at a
// fraction of a microsecond and one allocation an invoice.

// storeTexts are each store's fields on a line.
var storeTexts = func() (texts [numStores]struct {
	id, sale, refund string // the latter two: invoice number up to the counter
	currency         int
}) {
	for i, s := range stores {
		t := &texts[i]
		t.id = strconv.Itoa(i + 1)
		t.currency = countries[s.country].currency
		tail := countries[s.country].code + "-" + string(appendPadded(nil, uint64(i+1), 3)) + "-"
		t.sale, t.refund = "INV-"+tail, "RET-"+tail
	}
	return texts
}()

// employeeTexts are the Employee IDs, by number.
var employeeTexts = func() (texts []string) {
	for id := range firstEmployee[numStores-1] + stores[numStores-1].staff {
		texts = append(texts, strconv.Itoa(id))
	}
	return texts
}()

// smallNumber are the digits: line numbers and quantities.
var smallNumber = [...]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

// priceText are the prices, by half units of the currency.
var priceText = func() (texts [maxHalfUnits]string) {
	for h := range texts {
		texts[h] = string(appendCents(nil, int64(h)*50))
	}
	return texts
}()
