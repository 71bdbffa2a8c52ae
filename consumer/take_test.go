package consumer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"

	"tillstream/internal/fetch"
	"tillstream/internal/recordbatch"
	"tillstream/internal/sale"
)

// answerOf is a record batch of rows, as in a broker's answer.
func answerOf(t *testing.T, offset int64, rows ...sale.Row) []byte {
	t.Helper()
	var records []protocol.Record
	for i := range rows {
		value, err := sale.AppendMessage(nil, &rows[i])
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, protocol.Record{Time: time.Now(), Value: protocol.NewBytes(value)})
	}
	var out bytes.Buffer
	set := protocol.RecordSet{Version: 2, Records: protocol.NewRecordReader(records...)}
	if _, err := set.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	data := out.Bytes()[4:]
	binary.BigEndian.PutUint64(data, uint64(offset))
	return data
}

// fetcher is one of the desk's that has settled all before an offset.
func (d *desk) fetcher(offset int64) *fetcher {
	return &fetcher{consumer: d.Consumer, claim: d.claim, next: offset, offset: offset}
}

// handed are the messages that wait for the writer, and the offset after them.
func (d *desk) handed() (offsets []int64, next int64) {
	for {
		select {
		case b := <-d.writer.batches:
			for i := range b.messages {
				offsets = append(offsets, b.messages[i].offset)
			}
			next = b.next
		default:
			return offsets, next
		}
	}
}

func TestTakeSkipsWhatComesBefore(t *testing.T) {
	d := newDesk(t)
	f := d.fetcher(6)
	if err := f.take(t.Context(), &fetch.Response{Records: answerOf(t, 5, saleRows(0, 4)...)}, sale.NewDecoder()); err != nil {
		t.Fatal(err)
	}
	if offsets, next := d.handed(); len(offsets) != 3 || offsets[0] != 6 || next != 9 || f.next != 9 {
		t.Errorf("%v, then %d", offsets, next)
	}
}

// What comes before a batch that is corrupt is settled, and the fetcher waits at it.
func TestTakeStopsAtACorruptBatch(t *testing.T) {
	d := newDesk(t)
	f := d.fetcher(5)
	corrupt := answerOf(t, 8, saleRows(3, 5)...)
	corrupt[len(corrupt)-1] ^= 1
	for range 2 {
		err := f.take(t.Context(), &fetch.Response{Records: append(answerOf(t, 5, saleRows(0, 3)...), corrupt...)}, sale.NewDecoder())
		if !errors.Is(err, recordbatch.ErrCorrupt) {
			t.Fatal(err)
		}
		if f.next != 8 {
			t.Errorf("to go on with offset %d", f.next)
		}
		f.offset = f.next // as fetch does when it tries again
	}
	if offsets, next := d.handed(); len(offsets) != 3 || next != 8 {
		t.Errorf("%v, then %d", offsets, next)
	}
}

// An answer that does not get us further would be asked for again for ever.
func TestTakeRefusesWhatIsNotAskedFor(t *testing.T) {
	d := newDesk(t)
	f := d.fetcher(20)
	if err := f.take(t.Context(), &fetch.Response{Records: answerOf(t, 5, saleRows(0, 4)...)}, sale.NewDecoder()); err == nil {
		t.Error("nothing is said about it")
	}
	if err := f.take(t.Context(), &fetch.Response{}, sale.NewDecoder()); err != nil {
		t.Errorf("an empty answer: %v", err)
	}
	if len(f.consumer.turns) != 0 {
		t.Error("a turn was kept")
	}
}
