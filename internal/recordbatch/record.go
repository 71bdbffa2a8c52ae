package recordbatch

import (
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"

	"github.com/segmentio/kafka-go"
)

// read takes the next record off the batch.
func (r *Reader) read(record *Record) error {
	batch := input{rest: r.records}
	in := input{rest: batch.bytes(batch.varint())} // of this record alone
	in.bytes(1)                                    // its attributes, of which there are none yet
	sinceFirst, delta := in.varint(), in.varint()
	record.Key = in.nullable()
	record.Value = in.nullable()
	record.Headers = nil
	if count := in.varint(); count != 0 {
		record.Headers = r.readHeaders(&in, count)
	}
	record.Offset = r.base + delta
	if batch.failed || in.failed || len(in.rest) > 0 || delta < 0 || record.Offset <= r.last || record.Offset >= r.end {
		return fmt.Errorf("%w: the record after offset %d cannot be read", ErrCorrupt, r.last)
	}
	r.records, r.last = batch.rest, record.Offset
	if record.Time = time.UnixMilli(r.firstTime + sinceFirst); r.oneTime {
		record.Time = time.UnixMilli(r.allTime)
	}
	return nil
}

// headersAtOnce is how many headers memory is taken for at once.
const headersAtOnce = 256

// readHeaders reads so many headers. Few records have any, so this is not done for
// the others.
func (r *Reader) readHeaders(in *input, count int64) []kafka.Header {
	if count < 0 || count > int64(len(in.rest)) { // each takes two bytes at least
		in.failed = true
		return nil
	}
	if int(count) > cap(r.headers)-len(r.headers) {
		r.headers = make([]kafka.Header, 0, max(int(count), headersAtOnce))
	}
	begin := len(r.headers)
	for range count {
		key := in.bytes(in.varint())
		value := in.nullable()
		r.headers = append(r.headers, kafka.Header{Key: unsafe.String(unsafe.SliceData(key), len(key)), Value: value})
	}
	return r.headers[begin:len(r.headers):len(r.headers)]
}

// input is what is left to read. What is not there reads as zero and is noted.
type input struct {
	rest   []byte
	failed bool
}

// varint reads a number in zigzag encoding.
func (in *input) varint() int64 {
	if len(in.rest) > 0 && in.rest[0] < 0x80 { // most of them are small
		b := in.rest[0]
		in.rest = in.rest[1:]
		return int64(b>>1) ^ -int64(b&1)
	}
	value, n := binary.Varint(in.rest)
	if n <= 0 {
		in.failed = true
		in.rest = nil
		return 0
	}
	in.rest = in.rest[n:]
	return value
}

// bytes takes so many bytes.
func (in *input) bytes(n int64) []byte {
	if n < 0 || n > int64(len(in.rest)) {
		in.failed = true
		in.rest = nil
		return nil
	}
	taken := in.rest[:n:n]
	in.rest = in.rest[n:]
	return taken
}

// nullable reads bytes with their length before them; -1 stands for nil.
func (in *input) nullable() []byte {
	n := in.varint()
	if n == -1 {
		return nil
	}
	return in.bytes(n)
}
