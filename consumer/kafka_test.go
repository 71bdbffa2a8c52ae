package consumer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tillstream/internal/broker"
	"tillstream/internal/sale"
)

const (
	topic       = "sales"
	letterTopic = "sales.dead-letter"
	groupName   = "tillstream"
)

// cluster is an embedded broker and a way to fill it.
type cluster struct {
	fake     *kfake.Cluster
	way      *broker.Cluster
	producer *kgo.Client
}

// startKafka runs an embedded broker with the topic.
func startKafka(t testing.TB, partitions int, opts ...kfake.Opt) *cluster {
	t.Helper()
	fake, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1),
		kfake.SeedTopics(int32(partitions), topic),
		kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return &cluster{fake: fake, way: wayTo(t, fake.ListenAddrs()...), producer: clientOf(t, fake.ListenAddrs()...)}
}

func wayTo(t testing.TB, addresses ...string) *broker.Cluster {
	t.Helper()
	way, err := broker.New(broker.Options{Addresses: addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(way.Close)
	return way
}

func clientOf(t testing.TB, addresses ...string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addresses...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// freePort is a port that a broker can come back to.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", l.Addr())
	}
	return address.Port
}

func addressOf(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// send publishes records and waits for them.
func (c *cluster) send(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// recordsOf makes the messages of rows, an invoice's lines all in one partition.
func recordsOf(t testing.TB, rows []sale.Row, partitions int) []*kgo.Record {
	t.Helper()
	records := make([]*kgo.Record, len(rows))
	for i := range rows {
		value, err := sale.AppendMessage(nil, &rows[i])
		if err != nil {
			t.Fatal(err)
		}
		id := rows[i][sale.InvoiceID]
		n, err := strconv.Atoi(id[len(id)-8:])
		if err != nil {
			t.Fatal(err)
		}
		records[i] = &kgo.Record{Topic: topic, Partition: int32(n % partitions), Key: []byte(id), Value: value}
	}
	return records
}

// bad is a message that cannot be used.
func bad(partition int, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: int32(partition), Key: []byte("bad"), Value: []byte(value)}
}

// ends are the offsets after the last message of each partition of a topic.
func (c *cluster) ends(name string) map[int]int64 {
	ends := make(map[int]int64)
	for _, p := range c.fake.PartitionInfos(name) {
		ends[int(p.Partition)] = p.HighWatermark
	}
	return ends
}

// committed asks the broker for the group's offsets, as any tool would.
func (c *cluster) committed(t testing.TB, partitions int) map[int]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var ask []int
	for p := range partitions {
		ask = append(ask, p)
	}
	answer, err := c.way.Client().OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: groupName, Topics: map[string][]int{topic: ask}})
	if err == nil {
		err = answer.Error
	}
	offsets := make(map[int]int64)
	if errors.Is(err, kafka.GroupIdNotFound) {
		return offsets // nobody has joined yet
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range answer.Topics[topic] {
		if p.CommittedOffset > 0 {
			offsets[p.Partition] = p.CommittedOffset
		}
	}
	return offsets
}

// letters reads the whole dead-letter topic.
func (c *cluster) letters(t testing.TB) (all []*kgo.Record) {
	t.Helper()
	var want int64
	for _, end := range c.ends(letterTopic) {
		want += end
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(c.way.Addresses...), kgo.ConsumeTopics(letterTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for int64(len(all)) < want {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d dead letters: %v", len(all), want, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { all = append(all, r) })
	}
	return all
}

func headerOf(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// mustNotDiffer compares two maps by their text.
func mustNotDiffer(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}
