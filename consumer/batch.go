package consumer

import (
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/sale"
)

const (
	// batchLines bounds what is handed to the writer at once.
	batchLines = 1000
	// queuedBatches is how many batches may wait for the writer, so that
	// decoding goes on while it waits for the disk. With batchLines and about
	// 1 KiB a line it bounds the memory between Kafka and the disk.
	queuedBatches = 64
)

// batch is a run of messages of one partition, in order, decoded.
type batch struct {
	claim     *claim
	partition int
	messages  []message
	data      []byte // the messages' keys and values
	records   []byte // the lines' CSV records, in order
	next      int64  // the offset after the last one
	end       int64  // the partition's high watermark when it was fetched
	known     bool   // settled already, by another owner: only to be remembered
}

// message is one Kafka message and what became of it: a line, or a rejection.
type message struct {
	offset     int64
	at         time.Time // Kafka's timestamp
	key, value []byte
	headers    []kafka.Header
	rejected   *sale.Reject // nil for a line
	line       sale.Line
	record     [2]int // where the line's CSV record is in the batch's
}

// add decodes a message into the line that it is, or the reason against it. This
// is where most of the work on a line is done, in the fetchers, which run beside
// each other; the one writer only compares and copies.
//
// An error is of reading the record, not of what it holds.
func (b *batch) add(record *kafka.Record, decoder *sale.Decoder, reader *sale.Reader) error {
	key, err := b.copy(record.Key)
	if err != nil {
		return err
	}
	value, err := b.copy(record.Value)
	if err != nil {
		return err
	}
	if len(b.messages) < cap(b.messages) {
		b.messages = b.messages[:len(b.messages)+1] // not zeroed: each field is set here
	} else {
		b.messages = append(b.messages, message{})
	}
	to := &b.messages[len(b.messages)-1]
	to.offset, to.at, to.key, to.value, to.headers, to.rejected = record.Offset, record.Time, key, value, record.Headers, nil
	err = decoder.Decode(value, &to.line.Row)
	if err == nil {
		err = reader.Read(&to.line.Row, record.Time, &to.line)
	}
	if err != nil {
		if !errors.As(err, &to.rejected) {
			panic("decoding returned an error that is no rejection: " + err.Error())
		}
		return nil
	}
	begin := len(b.records)
	b.records = sale.AppendRecord(b.records, &to.line.Row)
	to.record = [2]int{begin, len(b.records)}
	return nil
}

// copy takes a key or a value into the batch's own memory. nil stays nil.
func (b *batch) copy(from kafka.Bytes) ([]byte, error) {
	if from == nil {
		return nil, nil
	}
	begin, end := len(b.data), len(b.data)+from.Len()
	b.data = slices.Grow(b.data, from.Len())[:end]
	to := b.data[begin:end:end]
	_, err := io.ReadFull(from, to)
	return to, err
}

// record is the CSV record of a line of the batch.
func (b *batch) record(m *message) []byte { return b.records[m.record[0]:m.record[1]] }

// spares are batches to use again: a batch is half a megabyte, and making them
// anew for each thousand lines costs more than decoding.
type spares struct{ pool sync.Pool }

func (s *spares) get() *batch {
	if b, ok := s.pool.Get().(*batch); ok {
		return b
	}
	return &batch{}
}

// put takes back a batch that nobody uses any more.
func (s *spares) put(b *batch) {
	b.claim, b.messages, b.data, b.records = nil, b.messages[:0], b.data[:0], b.records[:0]
	s.pool.Put(b)
}
