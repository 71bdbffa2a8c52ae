package recordbatch

import (
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
)

// Whatever a broker sends, reading it ends, with records in order within what was
// sent, or with an error that is one of ours.
func FuzzReader(f *testing.F) {
	f.Add([]byte(nil), false)
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		s := new(set).add(f, codec, sent{offset: 7, at: 1, key: "k", value: "v", headers: []kafka.Header{{Key: "h", Value: []byte("x")}}}, sent{offset: 8, value: "w"})
		f.Add(s.data, true)
		f.Add(s.data[:len(s.data)-3], false)
	}
	f.Add(new(set).raw(1, 0, control, encoded(0, "k", "v")).raw(10, 9, logAppendTime, encoded(2, "k", "v")).raw(20, 4, 0).data, true)
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if mend { // else the checksum would keep all that is interesting out
			for rest := data; len(rest) >= headerSize; {
				size, err := sizeOf(rest)
				if err != nil || size == 0 || size > len(rest) {
					break
				}
				seal(rest[:size])
				rest = rest[size:]
			}
		}
		var r Reader
		r.Reset(data)
		for {
			var record Record
			err := r.Read(&record)
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrOldVersion) && !errors.Is(err, ErrCut) {
					t.Fatalf("%v", err)
				}
				if errors.Is(err, io.EOF) && r.Next() < End(data) && !descends(data) {
					t.Fatalf("goes on with offset %d, by the headers alone with %d", r.Next(), End(data))
				}
				return
			}
			if record.Offset < 0 || record.Offset < r.base || record.Offset >= r.end || r.Next() != record.Offset+1 {
				t.Fatalf("offset %d of a batch from %d to %d, next %d", record.Offset, r.base, r.end, r.Next())
			}
		}
	})
}

// descends reports whether the batches are not in order, which no log is.
func descends(data []byte) bool {
	end := int64(-1)
	for len(data) >= headerSize {
		size, err := sizeOf(data)
		if err != nil || size == 0 || size > len(data) {
			return false
		}
		if offset(data) < end {
			return true
		}
		end = offset(data) + int64(int32(binary.BigEndian.Uint32(data[lastOffsetDeltaAt:]))) + 1
		data = data[size:]
	}
	return false
}
