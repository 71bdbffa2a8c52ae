package sale

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// Identity says which line this is and what it holds, in 12 bytes.
//
// Two lines whose Invoice ID and Line differ get the same Key once in 2^64 pairs:
// among ten million lines the chance that any do is below 1 in 300,000. Even then
// their Content differs, so the second one is a conflict and becomes a dead letter;
// that it is taken for a duplicate needs another one in 2^32.
type Identity struct {
	Key     uint64 // hash of Invoice ID and Line
	Content uint32 // hash of every column but Date, which a till stamps anew when it resends
}

// identify reports false where the text is none that the CSV can hold.
func identify(row *Row, number int) (id Identity, ok bool) {
	var buffer [512]byte
	b := append(buffer[:0], row[InvoiceID]...)
	b = append(b, 0) // no column holds a NUL
	b = binary.LittleEndian.AppendUint32(b, uint32(number))
	id.Key = xxhash.Sum64(b)
	b = b[:0]
	for column, text := range row {
		if Column(column) != Date { // which has been parsed, so it is good text
			b = append(b, text...)
			b = append(b, 0)
		}
	}
	id.Content = uint32(xxhash.Sum64(b))
	// All columns at once is quicker than each; a NUL between them keeps the end
	// of one and the beginning of the next from being a character.
	return id, bytes.Count(b, []byte{0}) == NumColumns-1 && utf8.Valid(b)
}

// hashInvoice tells invoices apart, for counting them.
func hashInvoice(id string) uint64 { return xxhash.Sum64String(id) }
