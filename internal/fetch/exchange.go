package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

const (
	// oldestVersion is that of Kafka 0.11, which has had record batches since then.
	oldestVersion = 4
	// longestAnswer is beyond what any broker sends.
	longestAnswer = 1 << 30
)

// exchange is kafka-go's request, but for its answer, which is read as it is.
// Transport sends it to the leader, for it is a protocol.BrokerMessage, and lets it
// have the connection, for it is a protocol.RawExchanger.
type exchange struct {
	fetch.Request
	clientID string
	version  int16
}

var (
	_ protocol.BrokerMessage   = (*exchange)(nil)
	_ protocol.PreparedMessage = (*exchange)(nil)
	_ protocol.RawExchanger    = (*exchange)(nil)
)

// response is the answer's body, of the version.
type response struct {
	version int16
	memory  *memory
}

// ApiKey implements protocol.Message.
func (*response) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Prepare takes note of the version that the broker and kafka-go agree on.
func (e *exchange) Prepare(version int16) { e.version = version }

// Required implements protocol.RawExchanger.
func (e *exchange) Required(map[protocol.ApiKey]int16) bool { return true }

// correlation numbers the requests. A connection has one at a time.
var correlation atomic.Int32

// RawExchange writes the request and reads the answer. After an error kafka-go
// closes the connection.
func (e *exchange) RawExchange(conn io.ReadWriter) (protocol.Message, error) {
	if e.version < oldestVersion {
		return nil, fmt.Errorf("the broker offers version %d of fetching, tillstream needs %d: that is Kafka 0.11 or newer", e.version, oldestVersion)
	}
	id := correlation.Add(1)
	if err := protocol.WriteRequest(conn, e.version, id, e.clientID, &e.Request); err != nil {
		return nil, err
	}
	var head [8]byte // the length of what follows it, and the request's number
	if _, err := io.ReadFull(conn, head[:4]); err != nil {
		return nil, unexpected(err)
	}
	size := int(int32(binary.BigEndian.Uint32(head[:]))) - 4
	if size < 0 || size > longestAnswer {
		return nil, fmt.Errorf("an answer of %d bytes: this is no Kafka broker, or it expects TLS", size)
	}
	if _, err := io.ReadFull(conn, head[4:]); err != nil {
		return nil, unexpected(err)
	}
	if got := int32(binary.BigEndian.Uint32(head[4:])); got != id {
		return nil, fmt.Errorf("the answer is to request %d, not to %d", got, id)
	}
	answer := &response{e.version, newMemory(size)}
	if _, err := io.ReadFull(conn, answer.memory.bytes); err != nil {
		answer.memory.release()
		return nil, unexpected(err)
	}
	return answer, nil
}

// unexpected makes clear that an answer has no end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
