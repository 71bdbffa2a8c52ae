package producer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"tillstream/internal/broker"
	"tillstream/internal/sale"
	"tillstream/internal/store"
)

const topic = "sales"

// startKafka runs an embedded broker for the test. The topic has 4 partitions.
func startKafka(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, *broker.Cluster) {
	t.Helper()
	fake, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(4, topic)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return fake, clusterAt(t, fake.ListenAddrs()...)
}

func clusterAt(t testing.TB, addresses ...string) *broker.Cluster {
	t.Helper()
	cluster, err := broker.New(broker.Options{Addresses: addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

// message is what a consumer gets.
type message struct {
	partition int32
	key       string
	value     []byte // nil is Kafka's null
	at        time.Time
	offset    int64
	headers   map[string]string
	row       map[string]string // nil where the value is no object of strings
}

// published reads all that is in the topic, each partition in its order.
func published(t testing.TB, cluster *broker.Cluster) []message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := cluster.Client()
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	var asked []kafka.OffsetRequest
	for _, p := range meta.Topics[0].Partitions {
		asked = append(asked, kafka.LastOffsetOf(p.ID))
	}
	ends, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: asked}})
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	for _, p := range ends.Topics[topic] {
		want += p.LastOffset
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addresses...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var got []message
	for int64(len(got)) < want {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d messages: %v", len(got), want, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			m := message{partition: r.Partition, key: string(r.Key), value: r.Value, at: r.Timestamp, offset: r.Offset, headers: make(map[string]string)}
			for _, h := range r.Headers {
				m.headers[h.Key] = string(h.Value)
			}
			if json.Unmarshal(r.Value, &m.row) != nil {
				m.row = nil
			}
			got = append(got, m)
		})
	}
	return got
}

// sliceSource is a source in memory.
type sliceSource struct {
	rows []sale.Row
	err  error // at the end
	next int
}

func (s *sliceSource) Next(row *sale.Row) (bool, error) {
	if s.next == len(s.rows) {
		return false, s.err
	}
	*row = s.rows[s.next]
	s.next++
	return true, nil
}

func (s *sliceSource) Close() error { return nil }

func openRows(rows []sale.Row) func() (Source, error) {
	return func() (Source, error) { return &sliceSource{rows: rows}, nil }
}

// someRows makes n lines, three to an invoice.
func someRows(n int) []sale.Row {
	codes := []string{"US-002", "CN-006", "DE-013", "FR-018", "UK-025", "ES-030", "PT-033"}
	stores := []string{"2", "6", "13", "18", "25", "30", "33"}
	currencies := []string{"USD", "CNY", "EUR", "EUR", "GBP", "EUR", "EUR"}
	rows := make([]sale.Row, n)
	for i := range rows {
		invoice := i / 3
		c := invoice % len(codes)
		rows[i] = sale.Row{
			sale.InvoiceID: fmt.Sprintf("INV-%s-%08d", codes[c], invoice), sale.LineNumber: fmt.Sprint(i%3 + 1),
			sale.CustomerID: "103340", sale.ProductID: "16991", sale.Size: "M", sale.Color: "SCHWARZ/ÄÖ",
			sale.UnitPrice: "44.5", sale.Quantity: "1", sale.Date: "2025-03-01 10:11:12", sale.Discount: "0",
			sale.LineTotal: "44.5", sale.StoreID: stores[c], sale.EmployeeID: "24", sale.Currency: currencies[c],
			sale.SKU: "MASW16991-M-BLACK", sale.TransactionType: "Sale", sale.PaymentMethod: "Cash", sale.InvoiceTotal: "133.5",
		}
	}
	return rows
}

// configFor is a configuration that sends rows as they are, as fast as possible.
func configFor(cluster *broker.Cluster, rows []sale.Row) Config {
	return Config{Cluster: cluster, Topic: topic, Open: openRows(rows), Stores: store.Default(), Stamp: StampKeep}
}

func newProducer(t testing.TB, cfg Config) *Producer {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t testing.TB, p *Producer) Summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := p.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("the run did not end by itself")
	}
	return s
}

// waitFor polls a condition; the test's time limit bounds it.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func writeFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lines.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// logBuffer is a log to look into while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.text.String()), "\n")
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }
