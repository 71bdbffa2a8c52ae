package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// errShort is an answer that ends where there should be more.
var errShort = errors.New("it ends too early")

// parse finds the partition's part of the answer. The versions differ in which
// fields there are; see https://kafka.apache.org/protocol#The_Messages_Fetch.
func (r *response) parse(topic string, partition int) (*Response, error) {
	in := input{rest: r.memory.bytes}
	in.skip(4) // for how long the broker has throttled us, which it does itself
	if r.version >= 7 {
		if code := in.int16(); code != 0 {
			return nil, kafka.Error(code)
		}
		in.skip(4) // session
	}
	for range in.int32() {
		name := in.bytes(int(in.int16()))
		for range in.int32() {
			index, code, highWatermark := in.int32(), in.int16(), in.int64()
			in.skip(8) // last stable offset
			if r.version >= 5 {
				in.skip(8) // log start offset
			}
			if aborted := in.int32(); aborted > 0 {
				in.skip(16 * int(aborted))
			}
			if r.version >= 11 {
				in.skip(4) // preferred replica
			}
			records := in.bytes(max(int(in.int32()), 0)) // -1 stands for none
			if in.failed {
				return nil, errShort
			}
			if string(name) != topic || int(index) != partition {
				continue
			}
			if code != 0 {
				return nil, kafka.Error(code)
			}
			return &Response{HighWatermark: highWatermark, Records: records, memory: r.memory}, nil
		}
		if in.failed {
			return nil, errShort
		}
	}
	if in.failed {
		return nil, errShort
	}
	return nil, fmt.Errorf("it has nothing about partition %d of %s", partition, topic)
}

// input is what is left to read. What is not there reads as zero and is noted.
type input struct {
	rest   []byte
	failed bool
}

func (in *input) bytes(n int) []byte {
	if n < 0 || n > len(in.rest) {
		in.failed = true
		in.rest = nil
		return nil
	}
	taken := in.rest[:n:n]
	in.rest = in.rest[n:]
	return taken
}

func (in *input) skip(n int) { in.bytes(n) }

func (in *input) int16() int16 {
	if b := in.bytes(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (in *input) int32() int32 {
	if b := in.bytes(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (in *input) int64() int64 {
	if b := in.bytes(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}
