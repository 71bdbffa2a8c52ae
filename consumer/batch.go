package consumer

import (
	"errors"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/dedupe"
	"tillstream/internal/fetch"
	"tillstream/internal/recordbatch"
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
	received  time.Time // when the messages were, or began to be taken apart
	messages  []message
	response  *fetch.Response // holds the messages' keys, values and headers; nil for none
	records   []byte          // the lines' CSV records, in order
	next      int64           // the offset after the last one
	known     bool            // settled already, by another owner: only to be remembered
}

// message is one Kafka message and what became of it: a line, or a rejection.
type message struct {
	offset     int64
	at         time.Time // Kafka's timestamp
	key, value []byte
	headers    []kafka.Header
	rejected   *sale.Reject // nil for a line
	line       sale.Line
	onDisk     dedupe.Verdict // what the lines on disk say about it, once it was looked up
	record     [2]int         // where the line's CSV record is in the batch's
}

// add decodes a message of the batch's response into the line that it is, or the
// reason against it. This is where most of the work on a line is done, in the
// fetchers, which run beside each other; the one writer only compares and copies.
func (b *batch) add(record *recordbatch.Record, decoder *sale.Decoder, reader *sale.Reader) {
	if len(b.messages) == cap(b.messages) {
		b.grow()
	}
	b.messages = b.messages[:len(b.messages)+1] // not zeroed: each field is set here
	to := &b.messages[len(b.messages)-1]
	to.offset, to.at, to.key, to.value, to.headers, to.rejected = record.Offset, record.Time, record.Key, record.Value, record.Headers, nil
	err := decoder.Decode(record.Value, &to.line.Row)
	if err == nil {
		err = reader.Read(&to.line.Row, record.Time, &to.line)
	}
	if err != nil {
		if !errors.As(err, &to.rejected) {
			panic("decoding returned an error that is no rejection: " + err.Error())
		}
		return
	}
	begin := len(b.records)
	b.records = sale.AppendRecord(b.records, &to.line.Row)
	to.record = [2]int{begin, len(b.records)}
}

// grow makes room for more messages: for a few where the till is quiet, and for a
// full batch at once where there are many.
func (b *batch) grow() {
	const few = 16
	room := few
	if len(b.messages) >= few {
		room = max(batchLines, 2*len(b.messages))
	}
	b.messages = append(make([]message, 0, room), b.messages...)
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
	if b.response != nil {
		b.response.Release()
	}
	b.claim, b.response, b.messages, b.records = nil, nil, b.messages[:0], b.records[:0]
	s.pool.Put(b)
}
