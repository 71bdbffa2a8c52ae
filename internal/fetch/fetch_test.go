package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// answer is what a broker answers about three partitions, as kafka-go writes it.
func answer(t testing.TB, version int16, edit func(*fetch.Response)) []byte {
	t.Helper()
	records := func(text string) protocol.RecordSet {
		return protocol.RecordSet{Version: 2, Records: protocol.NewRecordReader(protocol.Record{Value: protocol.NewBytes([]byte(text))})}
	}
	r := &fetch.Response{ThrottleTimeMs: 1, SessionID: 2, Topics: []fetch.ResponseTopic{
		{Topic: "other", Partitions: []fetch.ResponsePartition{{Partition: 1, HighWatermark: 5, RecordSet: records("not this")}}},
		{Topic: "sales", Partitions: []fetch.ResponsePartition{
			{Partition: 0, HighWatermark: 6, RecordSet: records("nor this")},
			{Partition: 1, HighWatermark: 7, LastStableOffset: 8, LogStartOffset: 9, PreferredReadReplica: 10, RecordSet: records("this"),
				AbortedTransactions: []fetch.ResponseTransaction{{ProducerID: 11, FirstOffset: 12}, {ProducerID: 13, FirstOffset: 14}}},
		}},
	}}
	edit(r)
	var out bytes.Buffer
	if err := protocol.WriteResponse(&out, version, 99, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()[8:] // without the length and the request's number
}

func parse(version int16, body []byte) (*Response, error) {
	return (&response{version, &memory{bytes: body}}).parse("sales", 1)
}

func TestParsesEachVersion(t *testing.T) {
	for version := int16(oldestVersion); version <= protocol.Fetch.MaxVersion(); version++ {
		body := answer(t, version, func(*fetch.Response) {})
		got, err := parse(version, body)
		if err != nil || got.HighWatermark != 7 || !bytes.Contains(got.Records, []byte("this")) || bytes.Contains(got.Records, []byte("nor")) {
			t.Errorf("version %d: %+v, %v", version, got, err)
		}
		for n := range len(body) {
			if got, err := parse(version, body[:n]); err == nil {
				t.Fatalf("version %d, %d of %d bytes: %+v", version, n, len(body), got)
			}
		}
	}
}

func TestErrorsOfTheBroker(t *testing.T) {
	for name, edit := range map[string]func(*fetch.Response){
		"of the partition": func(r *fetch.Response) { r.Topics[1].Partitions[1].ErrorCode = int16(kafka.OffsetOutOfRange) },
		"of all":           func(r *fetch.Response) { r.ErrorCode = int16(kafka.OffsetOutOfRange) },
	} {
		if got, err := parse(11, answer(t, 11, edit)); !errors.Is(err, kafka.OffsetOutOfRange) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	other := func(r *fetch.Response) { r.Topics[1].Partitions[0].ErrorCode = int16(kafka.OffsetOutOfRange) }
	if _, err := parse(11, answer(t, 11, other)); err != nil {
		t.Errorf("of another partition: %v", err)
	}
	if got, err := parse(11, answer(t, 11, func(r *fetch.Response) { r.Topics = r.Topics[:1] })); err == nil {
		t.Errorf("without our partition: %v", got)
	}
}

func FuzzParse(f *testing.F) {
	for version := int16(oldestVersion); version <= protocol.Fetch.MaxVersion(); version++ {
		f.Add(version, answer(f, version, func(*fetch.Response) {}))
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if got, err := parse(version, body); err == nil && len(got.Records) > len(body) {
			t.Errorf("%d bytes of records in %d", len(got.Records), len(body))
		}
	})
}

// wire is a connection to a broker that answers at once, whatever it is asked.
type wire struct {
	io.Reader
	io.Writer
}

func TestExchange(t *testing.T) {
	ask := func(version int16, answer func(id uint32) []byte) (protocol.Message, error) {
		e := &exchange{clientID: "test"}
		e.Prepare(version)
		return e.RawExchange(wire{bytes.NewReader(answer(uint32(correlation.Load() + 1))), io.Discard})
	}
	framed := func(size int32, id uint32, body string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(size))
		return append(binary.BigEndian.AppendUint32(b, id), body...)
	}
	good, err := ask(11, func(id uint32) []byte { return framed(8, id, "bodymore") })
	if r, ok := good.(*response); err != nil || !ok || string(r.memory.bytes) != "body" || r.version != 11 {
		t.Errorf("%v %v", good, err)
	}
	for name, bad := range map[string]func(id uint32) []byte{
		"nothing":                    func(uint32) []byte { return nil },
		"half a head":                func(id uint32) []byte { return framed(8, id, "")[:6] },
		"half a body":                func(id uint32) []byte { return framed(8, id, "bo") },
		"no body":                    func(id uint32) []byte { return framed(8, id, "") },
		"the answer to another":      func(id uint32) []byte { return framed(8, id+1, "body") },
		"a length below zero":        func(id uint32) []byte { return framed(-8, id, "body") },
		"too short for a number":     func(id uint32) []byte { return framed(3, id, "") },
		"what a TLS server answers":  func(uint32) []byte { return []byte("\x15\x03\x01\x00\x02\x02\x16") },
		"what an HTTP server writes": func(uint32) []byte { return []byte("HTTP/1.1 400 Bad Request") },
	} {
		if got, err := ask(11, bad); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	if got, err := ask(3, func(id uint32) []byte { return framed(8, id, "body") }); err == nil {
		t.Errorf("a broker without record batches: %v", got)
	}
}

// Memory is used again only when all have released it.
func TestMemory(t *testing.T) {
	r := &Response{memory: newMemory(2*grain + 1)}
	if len(r.memory.bytes) != 2*grain+1 || cap(r.memory.bytes) != 3*grain {
		t.Errorf("%d of %d bytes", len(r.memory.bytes), cap(r.memory.bytes))
	}
	r.Retain()
	r.Release()
	for range 100 {
		if m := newMemory(grain); &m.bytes[0] == &r.memory.bytes[0] {
			t.Fatal("used again while it is in use")
		}
	}
	r.Release()
	if users := r.memory.users.Load(); users > 1 { // 1 where a pool gave it to somebody already
		t.Errorf("%d users are left", users)
	}
}
