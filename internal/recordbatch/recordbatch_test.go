package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
)

// sent is what a test puts into a batch, and what it expects to be read.
type sent struct {
	offset     int64
	at         int64 // milliseconds since 1970
	key, value string
	headers    []kafka.Header
}

// set is a record set in the making.
type set struct{ data []byte }

// add adds a batch, as kafka-go writes it.
func (s *set) add(t testing.TB, codec compress.Compression, records ...sent) *set {
	t.Helper()
	var in []protocol.Record
	for _, r := range records {
		in = append(in, protocol.Record{Time: time.UnixMilli(r.at), Key: protocol.NewBytes([]byte(r.key)), Value: protocol.NewBytes([]byte(r.value)), Headers: r.headers})
	}
	var out bytes.Buffer
	batch := protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(codec), Records: protocol.NewRecordReader(in...)}
	if _, err := batch.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	data := out.Bytes()[4:] // without the field's length
	binary.BigEndian.PutUint64(data, uint64(records[0].offset))
	s.data = append(s.data, data...)
	return s
}

// raw adds a batch whose records are encoded here, so that any can be wrong or
// missing.
func (s *set) raw(base int64, lastDelta int32, attributes uint16, records ...[]byte) *set {
	batch := make([]byte, headerSize)
	binary.BigEndian.PutUint64(batch, uint64(base))
	batch[versionAt] = 2
	binary.BigEndian.PutUint16(batch[attributesAt:], attributes)
	binary.BigEndian.PutUint32(batch[lastOffsetDeltaAt:], uint32(lastDelta))
	binary.BigEndian.PutUint64(batch[firstTimeAt:], 1000)
	binary.BigEndian.PutUint64(batch[lastTimeAt:], 9000)
	binary.BigEndian.PutUint32(batch[countAt:], uint32(len(records)))
	for _, r := range records {
		batch = append(binary.AppendVarint(batch, int64(len(r))), r...)
	}
	s.data = append(s.data, seal(batch)...)
	return s
}

// seal sets a batch's length and checksum.
func seal(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[lengthAt:], uint32(len(batch)-lengthCountsFrom))
	binary.BigEndian.PutUint32(batch[checksumAt:], crc32.Checksum(batch[attributesAt:], castagnoli))
	return batch
}

// encoded is a record's bytes behind its length.
func encoded(delta int64, key, value string) []byte {
	r := append([]byte{0}, binary.AppendVarint(nil, 5)...) // attributes, 5 ms after the first
	r = binary.AppendVarint(r, delta)
	r = append(binary.AppendVarint(r, int64(len(key))), key...)
	r = append(binary.AppendVarint(r, int64(len(value))), value...)
	return append(r, 0) // headers
}

// readAll returns the records up to the error that ends them, nil for the end.
func readAll(data []byte) (all []Record, next int64, err error) {
	var r Reader
	r.Reset(data)
	for {
		var one Record
		if err := r.Read(&one); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, r.Next(), err
		}
		all = append(all, one)
	}
}

func check(t *testing.T, data []byte, wantNext int64, want ...sent) {
	t.Helper()
	got, next, err := readAll(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Offset != w.offset || g.Time.UnixMilli() != w.at || string(g.Key) != w.key || string(g.Value) != w.value ||
			!slices.EqualFunc(g.Headers, w.headers, func(a, b kafka.Header) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }) {
			t.Errorf("record %d is %+v, want %+v", i, g, w)
		}
	}
	if next != wantNext || End(data) != wantNext {
		t.Errorf("to go on with offset %d, by the headers alone %d, want %d", next, End(data), wantNext)
	}
}

// three are records with what there can be in one.
var three = []sent{
	{offset: 7, at: 1_700_000_000_000, key: "INV-1", value: `{"a":"b"}`},
	{offset: 8, at: 1_700_000_000_001, key: "INV-2", value: string(bytes.Repeat([]byte("long "), 100_000)), headers: []kafka.Header{
		{Key: "traceparent", Value: []byte("00-1")}, {Key: "", Value: []byte{}},
	}},
	{offset: 9, at: 1_699_999_999_000, key: "INV-3", value: "earlier than the first"},
}

func TestReadsWhatKafkaGoWrites(t *testing.T) {
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			s := new(set).add(t, codec, three...).add(t, codec, sent{offset: 20, at: 5, value: "after a gap"})
			check(t, s.data, 21, append(slices.Clone(three), sent{offset: 20, at: 5, value: "after a gap"})...)
		})
	}
}

func TestManyHeaders(t *testing.T) {
	var many []sent
	for i := range 3 * headersAtOnce {
		many = append(many, sent{offset: int64(i), at: 1, headers: []kafka.Header{{Key: "n", Value: strconv.AppendInt(nil, int64(i), 10)}, {Key: "m", Value: []byte("x")}}})
	}
	check(t, new(set).add(t, compress.None, many...).data, int64(len(many)), many...)
}

func TestNullKeyAndValue(t *testing.T) {
	s := new(set).raw(0, 0, 0, []byte{0, 0, 0, 1, 1, 0}) // lengths of -1 in zigzag
	got, _, err := readAll(s.data)
	if err != nil || len(got) != 1 || got[0].Key != nil || got[0].Value != nil {
		t.Errorf("%v %v", got, err)
	}
	s = new(set).raw(0, 0, 0, encoded(0, "", ""))
	got, _, err = readAll(s.data)
	if err != nil || len(got) != 1 || got[0].Key == nil || got[0].Value == nil {
		t.Errorf("empty is not null: %v %v", got, err)
	}
}

func TestNothing(t *testing.T) { check(t, nil, 0) }

// The broker's own time counts for all records of a topic that says so.
func TestLogAppendTime(t *testing.T) {
	check(t, new(set).raw(3, 1, logAppendTime, encoded(0, "k", "v"), encoded(1, "k", "w")).data, 5,
		sent{offset: 3, at: 9000, key: "k", value: "v"}, sent{offset: 4, at: 9000, key: "k", value: "w"})
	check(t, new(set).raw(3, 0, 0, encoded(0, "k", "v")).data, 4, sent{offset: 3, at: 1005, key: "k", value: "v"})
}

// Markers of transactions are no messages, but take offsets.
func TestControlBatch(t *testing.T) {
	marker := encoded(0, "\x00\x00\x00\x01", "\x00\x00\x00\x00\x00\x00")
	s := new(set).raw(0, 0, 0, encoded(0, "k", "v")).raw(1, 0, control|1<<4, marker)
	check(t, s.data, 2, sent{offset: 0, at: 1005, key: "k", value: "v"})
	check(t, new(set).raw(1, 0, control|1<<4, marker).data, 2)
	s.raw(2, 0, 0, encoded(0, "k", "w"))
	check(t, s.data, 3, sent{offset: 0, at: 1005, key: "k", value: "v"}, sent{offset: 2, at: 1005, key: "k", value: "w"})
}

// Compaction takes records out and leaves the batch its offsets, also when none of
// its records is left.
func TestCompacted(t *testing.T) {
	s := new(set).raw(10, 9, 0, encoded(2, "k", "v"), encoded(6, "k", "w")).raw(20, 4, 0)
	check(t, s.data, 25, sent{offset: 12, at: 1005, key: "k", value: "v"}, sent{offset: 16, at: 1005, key: "k", value: "w"})
}

// A broker ends an answer at the length asked for, wherever that is.
func TestCutAtEveryByte(t *testing.T) {
	short := []sent{{offset: 0, at: 1, key: "a", value: "first"}, {offset: 1, at: 2, key: "b", value: "second"}}
	first := new(set).add(t, compress.None, short...).data
	both := new(set).add(t, compress.None, short...).add(t, compress.None, sent{offset: 2, at: 3, value: "third"}).data
	for n := range len(both) {
		got, next, err := readAll(both[:n])
		switch {
		case n == 0:
			if err != nil || len(got) != 0 || next != 0 {
				t.Errorf("nothing: %v %d %v", got, next, err)
			}
		case n < len(first):
			if !errors.Is(err, ErrCut) || len(got) != 0 || next != 0 {
				t.Errorf("cut at %d of the first batch: %v %d %v", n, got, next, err)
			}
		default:
			if err != nil || len(got) != 2 || next != 2 || End(both[:n]) != 2 {
				t.Errorf("cut at %d: %v %d %v", n, got, next, err)
			}
		}
	}
}

// No byte that the checksum covers can change without being noticed.
func TestChangedAtEveryByte(t *testing.T) {
	good := new(set).add(t, compress.None, three[0], sent{offset: 8, at: 1, value: "v"}).data
	for at := checksumAt; at < len(good); at++ {
		bad := slices.Clone(good)
		bad[at] ^= 1
		if got, _, err := readAll(bad); !errors.Is(err, ErrCorrupt) || len(got) != 0 {
			t.Fatalf("byte %d changed: %v %v", at, got, err)
		}
	}
}

// What comes before a batch that is wrong can be used, and Next is that batch.
func TestGoodBeforeBad(t *testing.T) {
	s := new(set).raw(0, 0, 0, encoded(0, "k", "v"))
	whole := len(s.data)
	s.raw(1, 0, 0, encoded(0, "k", "w"))
	s.data[whole+checksumAt] ^= 1
	got, next, err := readAll(s.data)
	if !errors.Is(err, ErrCorrupt) || len(got) != 1 || next != 1 {
		t.Errorf("%v %d %v", got, next, err)
	}
}

func TestWrong(t *testing.T) {
	long := encoded(0, "k", "v")
	for name, s := range map[string]*set{
		"the record is longer than it says":        new(set).raw(0, 0, 0, append(encoded(0, "k", "v"), 0)),
		"more headers than bytes":                  new(set).raw(0, 0, 0, append(long[:len(long)-1:len(long)-1], 100)),
		"a negative number of headers":             new(set).raw(0, 0, 0, append(long[:len(long)-1:len(long)-1], 1)),
		"a key longer than the record":             new(set).raw(0, 0, 0, []byte{0, 0, 0, 100, 0, 0}),
		"a length below -1":                        new(set).raw(0, 0, 0, []byte{0, 0, 0, 3, 0, 0}),
		"an empty record":                          new(set).raw(0, 0, 0, nil),
		"an offset beyond the batch":               new(set).raw(0, 0, 0, encoded(1, "k", "v")),
		"an offset before the batch":               new(set).raw(5, 1, 0, encoded(-1, "k", "v")),
		"the same offset again":                    new(set).raw(5, 1, 0, encoded(0, "k", "v"), encoded(0, "k", "v")),
		"a number without an end":                  new(set).raw(0, 0, 0, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
		"compressed with what there is not":        new(set).raw(0, 0, 5, encoded(0, "k", "v")),
		"not what its codec packed":                new(set).raw(0, 0, uint16(compress.Gzip), encoded(0, "k", "v")),
		"offsets that go backwards":                new(set).raw(0, -5, 0, encoded(0, "k", "v")),
		"offsets beyond what there can be":         new(set).raw(1<<63-1, 1, 0, encoded(0, "k", "v")),
		"shorter than a batch's header":            {data: make([]byte, 100)},
		"a version that is still to come":          {data: append(make([]byte, versionAt), 3)},
		"bytes that follow the last of its record": trailing(),
	} {
		if name == "shorter than a batch's header" {
			s.data[versionAt] = 2
		}
		if got, _, err := readAll(s.data); !errors.Is(err, ErrCorrupt) || len(got) > 1 {
			t.Errorf("%s: %d records, %v", name, len(got), err)
		}
	}
}

func trailing() *set {
	s := new(set).raw(0, 0, 0, encoded(0, "k", "v"))
	s.data = seal(append(s.data, 1, 2, 3))
	return s
}

// Message sets of the old formats are named, not misread.
func TestOldVersions(t *testing.T) {
	for version := range int8(2) {
		var out bytes.Buffer
		old := protocol.RecordSet{Version: version, Records: protocol.NewRecordReader(protocol.Record{Value: protocol.NewBytes([]byte("v"))})}
		if _, err := old.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readAll(out.Bytes()[4:]); !errors.Is(err, ErrOldVersion) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

// The memory of a Reader is used again for the next response, which must not
// change what was read from the one before.
func TestResetLeavesRecords(t *testing.T) {
	var r Reader
	one := new(set).add(t, compress.None, sent{headers: []kafka.Header{{Key: "a", Value: []byte("1")}}}).data
	two := new(set).add(t, compress.None, sent{headers: []kafka.Header{{Key: "b", Value: []byte("2")}}}).data
	var first, second Record
	r.Reset(one)
	if err := r.Read(&first); err != nil {
		t.Fatal(err)
	}
	r.Reset(two)
	if err := r.Read(&second); err != nil {
		t.Fatal(err)
	}
	if first.Headers[0].Key != "a" || second.Headers[0].Key != "b" {
		t.Errorf("%v %v", first.Headers, second.Headers)
	}
}

// A few bytes of snappy can say that they unpack to gigabytes, which nobody has
// memory for.
func TestSnappyThatSaysTooMuch(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<32-1)
	framed := append([]byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"), 0, 0, 0, byte(len(huge)))
	for name, packed := range map[string][]byte{
		"bare":                   append(slices.Clone(huge), 1, 2, 3),
		"framed":                 append(framed, huge...),
		"a frame beyond the end": append(slices.Clone(framed[:xerialHeader]), 0xff, 0xff, 0xff, 0xff, 1),
		"half a frame's length":  append(slices.Clone(framed[:xerialHeader]), 0, 0),
	} {
		if got, err := inflate(int8(compress.Snappy), packed); err == nil {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
	var want []byte
	for n := range 100_000 {
		want = strconv.AppendInt(want, int64(n), 10)
	}
	want = append(want, make([]byte, 1<<20)...) // which packs well
	for name, packed := range map[string][]byte{"bare": snappy.Encode(nil, want), "framed": frames(want)} {
		if got, err := inflate(int8(compress.Snappy), packed); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// frames packs data as the Java client does, in blocks of 32 KiB.
func frames(data []byte) []byte {
	packed := []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
	for block := range slices.Chunk(data, 32<<10) {
		block = snappy.Encode(nil, block)
		packed = append(binary.BigEndian.AppendUint32(packed, uint32(len(block))), block...)
	}
	return packed
}
