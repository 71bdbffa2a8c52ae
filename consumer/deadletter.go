package consumer

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"tillstream/internal/broker"
	"tillstream/internal/sale"
	"tillstream/internal/tracing"
)

// Headers that a dead letter has in addition to those of its message.
const (
	reasonHeader    = "dead-letter-reason"    // a sale.Reason
	detailHeader    = "dead-letter-detail"    // the same for people
	topicHeader     = "dead-letter-topic"     // where the message was
	partitionHeader = "dead-letter-partition" //
	offsetHeader    = "dead-letter-offset"    //
)

const (
	lettersAtOnce = 512 << 10 // bytes, below the 1 MiB that brokers take by default
	maxLetter     = 1 << 30
)

// letter is a message that cannot be used, and why.
type letter struct {
	partition int
	message   *message
	why       *sale.Reject
	trace     []kafka.Header // to go on with in place of the message's own, if it is traced
}

func conflictOf(line *sale.Line) *sale.Reject {
	return &sale.Reject{Reason: sale.Conflict, Detail: fmt.Sprintf(
		"invoice %s line %d is known with other content", line.Row[sale.InvoiceID], line.Number)}
}

// deadLetters publishes messages that cannot be used. After a crash a letter can
// be there twice, since it is written before its offset is committed: topic,
// partition and offset tell.
type deadLetters struct {
	from   string
	writer *kafka.Writer
}

func newDeadLetters(cluster *broker.Cluster, topic, from string) *deadLetters {
	return &deadLetters{from: from, writer: &kafka.Writer{
		Addr:         kafka.TCP(cluster.Addresses...),
		Transport:    cluster.Transport,
		Topic:        topic,
		Balancer:     kafka.Murmur2Balancer{Consistent: true},
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond, // they come a batch at a time already
		MaxAttempts:  1,                // the caller insists, and says so
		// A message can be larger than the limit that a broker sets on what is
		// compressed, so a letter is compressed too, and sent whatever its size.
		Compression: kafka.Gzip,
		BatchBytes:  maxLetter,
	}}
}

// publish returns when all letters are in the topic.
func (d *deadLetters) publish(ctx context.Context, letters []letter) error {
	messages := make([]kafka.Message, len(letters))
	for i, l := range letters {
		messages[i] = kafka.Message{
			Key:   l.message.key,
			Value: l.message.value,
			Headers: append(tracing.Replace(l.message.headers, l.trace),
				kafka.Header{Key: reasonHeader, Value: []byte(l.why.Reason)},
				kafka.Header{Key: detailHeader, Value: []byte(l.why.Detail)},
				kafka.Header{Key: topicHeader, Value: []byte(d.from)},
				kafka.Header{Key: partitionHeader, Value: strconv.AppendInt(nil, int64(l.partition), 10)},
				kafka.Header{Key: offsetHeader, Value: strconv.AppendInt(nil, l.message.offset, 10)},
			),
		}
	}
	for len(messages) > 0 {
		n, size := 0, 0
		for n < len(messages) && (n == 0 || size+len(messages[n].Value) < lettersAtOnce) {
			size += len(messages[n].Value)
			n++
		}
		if err := d.writer.WriteMessages(ctx, messages[:n]...); err != nil {
			return fmt.Errorf("publishing dead letters to %s: %w", d.writer.Topic, err)
		}
		messages = messages[n:]
	}
	return nil
}

func (d *deadLetters) close() error { return d.writer.Close() }
