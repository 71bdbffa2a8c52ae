//go:build unix

// Package kafkatest runs a real Apache Kafka for tests, the crash harness and
// benchmarks. It needs Java and Maven, and fails rather than skips without them;
// tests that use it carry the build tag kafka, so that plain `go test` needs
// neither.
package kafkatest

import (
	"testing"

	"github.com/segmentio/kafka-go"
)

// Broker is a Server that belongs to a test: what goes wrong with it fails that
// test.
type Broker struct {
	*Server
}

// Start runs a broker for the length of the test. If the test fails, the end of
// the broker's log is among its output. Unlike with Run, Java compiles with its
// quick compiler only, which saves two of five seconds on two cores and costs
// speed that only a benchmark would miss.
func Start(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	dir := t.TempDir() // before the cleanup below, so that it is removed after it
	s, err := Run(t.Context(), append([]Option{Dir(dir), JavaFlags("-XX:TieredStopAtLevel=1")}, opts...)...)
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Log())
		}
		if err := s.Close(); err != nil {
			t.Errorf("kafkatest: %v", err)
		}
	})
	return &Broker{s}
}

// Kill ends the broker with SIGKILL, as a crash would. Restart brings it back.
func (b *Broker) Kill(testing.TB) { b.Server.Kill() }

// Stop ends the broker in order. Restart brings it back.
func (b *Broker) Stop(testing.TB) { b.Server.Stop() }

// Restart starts the broker on the same ports and data, stopping it first if it
// still runs, and returns when it answers.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	check(t, b.Server.Restart(t.Context()))
}

// Pause freezes the broker (SIGSTOP): its connections stay and nothing answers.
func (b *Broker) Pause(t testing.TB) {
	t.Helper()
	check(t, b.Server.Pause())
}

// Resume lets a paused broker go on (SIGCONT).
func (b *Broker) Resume(t testing.TB) {
	t.Helper()
	check(t, b.Server.Resume())
}

// CreateTopic creates a topic and returns when all its partitions have a leader.
func (b *Broker) CreateTopic(t testing.TB, name string, partitions int) {
	t.Helper()
	check(t, b.Server.CreateTopic(t.Context(), name, partitions))
}

// Produce sends the messages, those of one key to one partition, and returns when
// the broker has acknowledged them all.
func (b *Broker) Produce(t testing.TB, topic string, messages ...kafka.Message) {
	t.Helper()
	check(t, b.Server.Produce(t.Context(), topic, messages...))
}

// EndOffsets returns the offset after the last message of each partition.
func (b *Broker) EndOffsets(t testing.TB, topic string) map[int]int64 {
	t.Helper()
	ends, err := b.Server.EndOffsets(t.Context(), topic)
	check(t, err)
	return ends
}

// Messages reads all that the topic holds at the time of the call, one partition
// after the other, without a consumer group.
func (b *Broker) Messages(t testing.TB, topic string) []kafka.Message {
	t.Helper()
	messages, err := b.Server.Messages(t.Context(), topic)
	check(t, err)
	return messages
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
}
