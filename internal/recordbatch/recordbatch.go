// Package recordbatch reads the records of a Kafka fetch response where they are,
// without copying them: record batches of version 2, which brokers have written
// since Kafka 0.11. The format is described at
// https://kafka.apache.org/documentation/#messageformat.
package recordbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
)

// Where the fields of a batch's header are. What the length counts begins after
// the length itself, and what the checksum covers begins at the attributes.
const (
	lengthAt          = 8
	versionAt         = 16
	checksumAt        = 17
	attributesAt      = 21
	lastOffsetDeltaAt = 23
	firstTimeAt       = 27
	lastTimeAt        = 35
	countAt           = 57
	headerSize        = 61

	lengthCountsFrom = lengthAt + 4
)

// Attributes.
const (
	compressionMask = 7
	logAppendTime   = 1 << 3 // the broker's time counts, for all records
	control         = 1 << 5 // a marker of transactions, for no consumer to see
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors that a Reader's Read wraps.
var (
	ErrCorrupt    = errors.New("the record batch is corrupt")
	ErrOldVersion = errors.New("the message is of a format that Kafka 4 no longer has; let the broker convert the topic (log.message.format.version before Kafka 4) or produce it anew")
	ErrCut        = errors.New("the answer ends within its first record batch")
)

// Record is one record. Key, Value and Headers share the memory of the response.
type Record struct {
	Offset  int64
	Time    time.Time      // the producer's, or the broker's where the topic says so
	Key     []byte         // nil is null
	Value   []byte         // nil is null
	Headers []kafka.Header // nil where there are none
}

// Reader takes the records of one response after the other out of their batches.
// Its zero value has nothing to read.
type Reader struct {
	rest    []byte // batches that are not begun
	batches int    // that were begun
	next    int64

	// Of the batch that is being read:
	records   []byte // what is not read yet
	left      int    // how many records that is
	base, end int64  // its first offset, and the one after its last
	last      int64  // the offset read last, base-1 before the first
	firstTime int64  // in milliseconds since 1970, which the records count from
	allTime   int64  // the time of all of them
	oneTime   bool   // allTime counts

	headers []kafka.Header // memory for the next ones
}

// Reset begins with the records field of another response.
func (r *Reader) Reset(records []byte) {
	*r = Reader{rest: records, headers: r.headers}
}

// Next is the offset to go on with: the one after all that was read, which
// includes records that are no longer there or are not for consumers. It is 0
// before there was any whole batch.
func (r *Reader) Next() int64 { return r.next }

// Read reads the next record. At the end the error is io.EOF, also where the
// response was cut within a later batch than the first, as brokers do when it is
// long enough: Next is that batch's first offset then, or lower.
func (r *Reader) Read(record *Record) error {
	for r.left == 0 {
		if err := r.finish(); err != nil {
			return err
		}
		if err := r.begin(); err != nil {
			return err
		}
	}
	if err := r.read(record); err != nil {
		return err
	}
	r.left--
	r.next = record.Offset + 1
	return nil
}

// finish ends the batch that was read.
func (r *Reader) finish() error {
	if len(r.records) > 0 {
		return fmt.Errorf("%w: %d bytes follow the last record of the batch at offset %d", ErrCorrupt, len(r.records), r.base)
	}
	r.next = max(r.next, r.end)
	return nil
}

// begin begins the next batch.
func (r *Reader) begin() error {
	if len(r.rest) == 0 {
		return io.EOF
	}
	size, err := sizeOf(r.rest)
	if err != nil {
		return err
	}
	if size == 0 || size > len(r.rest) {
		if r.batches == 0 {
			return fmt.Errorf("%w: %d of %d bytes", ErrCut, len(r.rest), size)
		}
		r.rest = nil
		return io.EOF
	}
	batch := r.rest[:size:size]
	base := offset(batch)
	if sum := crc32.Checksum(batch[attributesAt:], castagnoli); sum != binary.BigEndian.Uint32(batch[checksumAt:]) {
		return fmt.Errorf("%w: the checksum of the %d bytes at offset %d is wrong", ErrCorrupt, size, base)
	}
	attributes := binary.BigEndian.Uint16(batch[attributesAt:])
	span, count := int32(binary.BigEndian.Uint32(batch[lastOffsetDeltaAt:])), int32(binary.BigEndian.Uint32(batch[countAt:]))
	if base < 0 || span < 0 || count < 0 || base+int64(span)+1 < base {
		return fmt.Errorf("%w: %d records over %d offsets from %d", ErrCorrupt, count, int64(span)+1, base)
	}
	records := batch[headerSize:]
	if codec := int8(attributes & compressionMask); codec != 0 && count > 0 {
		if records, err = inflate(codec, records); err != nil {
			return fmt.Errorf("unpacking the batch at offset %d: %w", base, err)
		}
	}
	if attributes&control != 0 {
		records, count = nil, 0
	}
	r.rest = r.rest[size:]
	r.batches++
	r.records, r.left = records, int(count)
	r.base, r.last, r.end = base, base-1, base+int64(span)+1
	r.firstTime = int64(binary.BigEndian.Uint64(batch[firstTimeAt:]))
	r.allTime, r.oneTime = int64(binary.BigEndian.Uint64(batch[lastTimeAt:])), attributes&logAppendTime != 0
	return nil
}

// sizeOf returns how long the batch is that data begins with, 0 where too little
// of it is there to tell.
func sizeOf(data []byte) (int, error) {
	if len(data) <= versionAt {
		return 0, nil
	}
	switch version := data[versionAt]; {
	case version < 2:
		return 0, fmt.Errorf("version %d at offset %d: %w", version, offset(data), ErrOldVersion)
	case version > 2:
		return 0, fmt.Errorf("%w: version %d at offset %d is not known", ErrCorrupt, version, offset(data))
	}
	size := lengthCountsFrom + int(int32(binary.BigEndian.Uint32(data[lengthAt:])))
	if size < headerSize {
		return 0, fmt.Errorf("%w: the batch at offset %d has %d bytes", ErrCorrupt, offset(data), size)
	}
	return size, nil
}

// offset is the first one of the batch that data begins with.
func offset(data []byte) int64 { return int64(binary.BigEndian.Uint64(data)) }

// End returns the offset after the last whole batch, by looking at the headers
// alone: what a Reader's Next will be if nothing is wrong. It is 0 where there is no
// such batch.
func End(records []byte) (next int64) {
	for {
		size, err := sizeOf(records)
		if err != nil || size == 0 || size > len(records) {
			return next
		}
		next = offset(records) + int64(int32(binary.BigEndian.Uint32(records[lastOffsetDeltaAt:]))) + 1
		records = records[size:]
	}
}
