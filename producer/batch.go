package producer

import (
	"bytes"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"tillstream/internal/sale"
)

const (
	// batchBytes closes a batch. Kafka's own bound on a batch is 1,048,588 bytes
	// with the records' overhead (message.max.bytes); half of it is as fast.
	batchBytes = 512 << 10
	// recordOverhead is what a record needs beside key and value, at most, when it
	// has no headers.
	recordOverhead = 32
	// traceOverhead is what the headers of a trace need.
	traceOverhead = 96
)

// batch is the messages of one partition that go in one request: their keys and
// values one after another in one buffer, so that a million of them are no work
// for the garbage collector. It does not change once a sender has it.
type batch struct {
	text    []byte
	records []record
	spans   []sending // of the few records that are traced, in order
}

// record is where a message ends in the batch's buffer; it begins where the one
// before ends.
type record struct {
	key, value int // ends
	null       bool
	at         time.Time      // when the line was handed over
	headers    []kafka.Header // of its trace, nil without
}

// addRow appends a line's message.
func (b *batch) addRow(row *sale.Row, at time.Time) error {
	start := len(b.text)
	b.text = append(b.text, row[sale.InvoiceID]...)
	key := len(b.text)
	text, err := sale.AppendMessage(b.text, row)
	if err != nil {
		b.text = b.text[:start]
		return err
	}
	b.text = text
	b.records = append(b.records, record{key: key, value: len(text), at: at})
	return nil
}

// addRaw appends a message whose value is anything; nil is Kafka's null.
func (b *batch) addRaw(key string, value []byte, at time.Time) {
	b.text = append(b.text, key...)
	end := len(b.text)
	b.text = append(b.text, value...)
	b.records = append(b.records, record{key: end, value: len(b.text), null: value == nil, at: at})
}

func (b *batch) size() int {
	return len(b.text) + len(b.records)*recordOverhead + len(b.spans)*traceOverhead
}

func (b *batch) reset() {
	b.text, b.records, b.spans = b.text[:0], b.records[:0], b.spans[:0]
}

// start returns where a record begins.
func (b *batch) start(i int) int {
	if i == 0 {
		return 0
	}
	return b.records[i-1].value
}

// key returns the key of a record.
func (b *batch) key(i int) string { return string(b.text[b.start(i):b.records[i].key]) }

// reader returns the records from one to before another, for one request.
func (b *batch) reader(from, to int) *batchReader { return &batchReader{batch: b, next: from, end: to} }

// batchReader hands a batch's records to kafka-go. It is one request's own: a
// request that timed out may still be reading while the next is under way.
type batchReader struct {
	batch      *batch
	next, end  int
	record     protocol.Record
	key, value section
}

// section is a piece of a batch's buffer as kafka-go reads it.
type section struct{ bytes.Reader }

func (*section) Close() error { return nil }

// ReadRecord implements protocol.RecordReader.
func (r *batchReader) ReadRecord() (*protocol.Record, error) {
	if r.next >= r.end {
		return nil, io.EOF
	}
	rec := &r.batch.records[r.next]
	r.key.Reset(r.batch.text[r.batch.start(r.next):rec.key])
	r.record = protocol.Record{Time: rec.at, Key: &r.key, Headers: rec.headers}
	if !rec.null {
		r.value.Reset(r.batch.text[rec.key:rec.value])
		r.record.Value = &r.value
	}
	r.next++
	return &r.record, nil
}

var _ kafka.RecordReader = (*batchReader)(nil)
