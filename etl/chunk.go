package etl

import (
	"fmt"
	"math"

	"tillstream/internal/sale"
)

// A chunk is the lines that go to the warehouse in one transaction. An identity is
// in it once.
type chunk struct {
	facts   []fact
	rows    []sale.Row // of facts, for what turns out to be a conflict
	rejects []rejected
	read    int64 // rows of the source, whatever became of them
	same    int64 // rows that repeat one of the chunk

	identities map[uint64]int // where in facts an identity is
	invoices   map[string]int // where in facts an invoice's lowest line is
}

func newChunk() *chunk {
	return &chunk{identities: make(map[uint64]int), invoices: make(map[string]int)}
}

// sourceOf is what etl_reject calls the two kinds of source of a line.
const (
	sourceTransactions = "transactions"
	sourceLive         = "live_transactions.csv"
)

// saidBits are the part of a fact's hash that leaves its date out.
const saidBits = ^math.MaxUint32

// add takes in a fact and the row that it was made from. live lines that differ in
// their date alone are the same.
func (c *chunk) add(f *fact, row *sale.Row, live bool) {
	if at, twice := c.identities[f.key]; twice {
		first := &c.facts[at]
		if difference := first.hash ^ f.hash; difference == 0 || live && difference&saidBits == 0 {
			c.same++
			return
		}
		c.rejects = append(c.rejects, conflictOf(row, live))
		return
	}
	at := len(c.facts)
	c.facts, c.rows = append(c.facts, *f), append(c.rows, *row)
	c.identities[f.key] = at
	f = &c.facts[at]
	if lowest, ok := c.invoices[f.invoiceID]; !ok || f.lineNumber < c.facts[lowest].lineNumber {
		if ok {
			c.facts[lowest].opens = false
		}
		f.opens = true
		c.invoices[f.invoiceID] = at
	}
}

// without returns the chunk's facts again, but for those at the given places, which
// it turns into conflicts.
func (c *chunk) without(conflicts map[int]bool, live bool) *chunk {
	rest := newChunk()
	for i := range c.facts {
		if conflicts[i] {
			rest.rejects = append(rest.rejects, conflictOf(&c.rows[i], live))
			continue
		}
		f := c.facts[i]
		f.opens = false
		rest.add(&f, &c.rows[i], live)
	}
	return rest
}

// reject turns away a row for the reason of a *sale.Reject.
func (c *chunk) reject(row *sale.Row, reason *sale.Reject, live bool) {
	c.rejects = append(c.rejects, rejectedLine(row, reason, live))
}

func rejectedLine(row *sale.Row, reason *sale.Reject, live bool) rejected {
	source := sourceTransactions
	if live {
		source = sourceLive
	}
	return rejected{
		source:  source,
		key:     row[sale.InvoiceID] + " " + row[sale.LineNumber],
		reason:  string(reason.Reason),
		detail:  reason.Detail,
		content: string(sale.AppendRecord(nil, row)),
	}
}

func conflictOf(row *sale.Row, live bool) rejected {
	return rejectedLine(row, &sale.Reject{Reason: sale.Conflict,
		Detail: fmt.Sprintf("line %s of invoice %s is there already with other content", row[sale.LineNumber], row[sale.InvoiceID])}, live)
}
