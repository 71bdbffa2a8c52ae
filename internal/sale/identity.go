package sale

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Identity says which line this is and what it holds, in 12 bytes.
//
// Two lines whose Invoice ID and Line differ get the same Key once in 2^64 pairs
// (among ten million lines the chance that any do is below 1 in 300,000). Even
// then nothing is dropped silently: their Content differs, so the second one is a
// conflict and becomes a dead letter.
type Identity struct {
	Key     uint64 // hash of Invoice ID and Line
	Content uint32 // hash of every column but Date, which a till stamps anew when it resends
}

func identify(row *Row, number int) Identity {
	var buffer [512]byte
	b := append(buffer[:0], row[InvoiceID]...)
	b = append(b, 0) // no column holds a NUL
	b = binary.LittleEndian.AppendUint32(b, uint32(number))
	key := xxhash.Sum64(b)
	b = b[:0]
	for column, text := range row {
		if Column(column) != Date {
			b = append(b, text...)
			b = append(b, 0)
		}
	}
	return Identity{Key: key, Content: uint32(xxhash.Sum64(b))}
}

// hashInvoice tells invoices apart, for counting them.
func hashInvoice(id string) uint64 { return xxhash.Sum64String(id) }
