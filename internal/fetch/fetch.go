// Package fetch asks the leader of a partition for record batches as they are in
// its log.
//
// kafka-go's Client.Fetch takes the answer through pages of memory and hands each
// key and value out as a reader, which is copied from once more. Here the answer is
// read from the connection into one piece of memory, and stays there. Connections,
// credentials and who leads what remain kafka-go's: the request goes through its
// Transport, and only the bytes of this one exchange are ours.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/fetch"

	"tillstream/internal/broker"
)

// Request says what to fetch.
type Request struct {
	Topic     string
	Partition int
	Offset    int64         // the first one wanted
	MinBytes  int           // the broker waits for so much, at most for MaxWait
	MaxBytes  int           // of records; the first batch comes whole even if it is longer
	MaxWait   time.Duration // whole milliseconds
}

// Response is what the leader has answered.
type Response struct {
	HighWatermark int64
	// Records are record batches, for recordbatch.Reader: the first one may begin
	// before the offset that was asked for, and the last one may be cut.
	Records []byte

	memory *memory
}

// Do sends the request to the partition's leader. Errors of the broker's are
// kafka.Error. The response is to be released when nobody needs its memory.
func Do(ctx context.Context, cluster *broker.Cluster, r Request) (*Response, error) {
	const none = -1
	answer, err := cluster.Transport.RoundTrip(ctx, kafka.TCP(cluster.Addresses...), &exchange{
		clientID: cluster.Transport.ClientID,
		Request: fetch.Request{
			ReplicaID: none, SessionID: none, SessionEpoch: none,
			MaxWaitTime: int32(r.MaxWait.Milliseconds()), MinBytes: int32(r.MinBytes), MaxBytes: int32(r.MaxBytes),
			Topics: []fetch.RequestTopic{{
				Topic: r.Topic,
				Partitions: []fetch.RequestPartition{{
					Partition: int32(r.Partition), FetchOffset: r.Offset, PartitionMaxBytes: int32(r.MaxBytes),
					CurrentLeaderEpoch: none, LogStartOffset: none,
				}},
			}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("fetching from partition %d of %s: %w", r.Partition, r.Topic, err)
	}
	raw, ok := answer.(*response)
	if !ok {
		return nil, fmt.Errorf("the answer to a fetch is a %T", answer)
	}
	response, err := raw.parse(r.Topic, r.Partition)
	if err != nil {
		raw.memory.release()
		// The broker's errors are known by themselves to those who ask.
		if code := kafka.Error(0); errors.As(err, &code) {
			return nil, err
		}
		return nil, fmt.Errorf("reading the answer of version %d to a fetch: %w", raw.version, err)
	}
	return response, nil
}
