package recordbatch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/segmentio/kafka-go/compress"
)

// maxInflated bounds the memory that one compressed batch takes, which its sender
// decides.
const maxInflated = 512 << 20

// inflate unpacks the records of a compressed batch.
func inflate(code int8, packed []byte) (records []byte, err error) {
	codec := compress.Compression(code).Codec()
	switch {
	case codec == nil:
		return nil, fmt.Errorf("%w: compression %d is not known", ErrCorrupt, code)
	case compress.Compression(code) == compress.Snappy:
		records, err = unsnap(packed)
	default:
		reader := codec.NewReader(bytes.NewReader(packed))
		var unpacked bytes.Buffer
		unpacked.Grow(4 * len(packed)) // about what JSON is packed by
		_, err = unpacked.ReadFrom(io.LimitReader(reader, maxInflated+1))
		_ = reader.Close() // all that there is was read
		records = unpacked.Bytes()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its %s does not unpack: %w", ErrCorrupt, codec.Name(), err)
	}
	if len(records) > maxInflated {
		return nil, fmt.Errorf("%w: its %s unpacks to more than %d bytes; let the producer make smaller batches (batch.size)", ErrCorrupt, codec.Name(), maxInflated)
	}
	return records, nil
}

// xerial is what the framing begins with that Kafka's Java client puts round
// snappy: this, two versions of four bytes, and blocks with their length before
// them. Other clients send one bare block.
var xerial = []byte("\x82SNAPPY\x00")

const xerialHeader = 16

// unsnap unpacks snappy. kafka-go's reader would take as much memory as a block
// says it needs, which can be gigabytes for a few bytes.
func unsnap(packed []byte) (unpacked []byte, err error) {
	if !bytes.HasPrefix(packed, xerial) || len(packed) < xerialHeader {
		return unsnapBlock(nil, packed)
	}
	for rest := packed[xerialHeader:]; len(rest) > 0; {
		if len(rest) < 4 || int(binary.BigEndian.Uint32(rest)) > len(rest)-4 {
			return nil, io.ErrUnexpectedEOF
		}
		end := 4 + int(binary.BigEndian.Uint32(rest))
		if unpacked, err = unsnapBlock(unpacked, rest[4:end]); err != nil {
			return nil, err
		}
		rest = rest[end:]
	}
	return unpacked, nil
}

// unsnapBlock appends what a block unpacks to. At best, three bytes of snappy stand
// for 64.
func unsnapBlock(to, block []byte) ([]byte, error) {
	size, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if size > 64*len(block) || len(to)+size > maxInflated {
		return nil, fmt.Errorf("a block of %d bytes says it unpacks to %d", len(block), size)
	}
	more, err := snappy.Decode(nil, block)
	if err != nil {
		return nil, err
	}
	return append(to, more...), nil
}
