package fetch

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"tillstream/internal/broker"
	"tillstream/internal/recordbatch"
)

// Encryption and credentials are the transport's affair, and go on working when the
// bytes of an exchange are ours. So does finding the leader among several brokers.
func TestFetchOverTLSWithSASL(t *testing.T) {
	server := httptest.NewTLSServer(nil) // for its certificate
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	brokers, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(4, "sales"),
		kfake.TLS(server.TLS), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "till", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer brokers.Close()
	cluster, err := broker.New(broker.Options{Addresses: brokers.ListenAddrs(), TLS: true, CAFile: ca, Mechanism: "scram-sha-256", User: "till", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	for partition := range 4 {
		answer, err := cluster.Client().Produce(t.Context(), &kafka.ProduceRequest{
			Topic: "sales", Partition: partition, RequiredAcks: kafka.RequireAll,
			Records: kafka.NewRecordReader(kafka.Record{Time: time.Now(), Key: kafka.NewBytes([]byte("k")), Value: kafka.NewBytes([]byte(strconv.Itoa(partition)))}),
		})
		if err == nil {
			err = answer.Error
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for partition := range 4 {
		request := Request{Topic: "sales", Partition: partition, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond}
		response, err := Do(t.Context(), cluster, request)
		if err != nil {
			t.Fatal(err)
		}
		var reader recordbatch.Reader
		reader.Reset(response.Records)
		var record recordbatch.Record
		if err := reader.Read(&record); err != nil || string(record.Value) != strconv.Itoa(partition) || response.HighWatermark != 1 {
			t.Errorf("partition %d: %+v to %d, %v", partition, record, response.HighWatermark, err)
		}
		response.Release()

		request.Offset = 1 // the end: the broker waits, and has nothing
		if response, err = Do(t.Context(), cluster, request); err != nil || len(response.Records) != 0 {
			t.Errorf("partition %d at its end: %+v, %v", partition, response, err)
		}
		request.Offset = 100
		if _, err = Do(t.Context(), cluster, request); !errors.Is(err, kafka.OffsetOutOfRange) {
			t.Errorf("partition %d beyond its end: %v", partition, err)
		}
	}
	if response, err := Do(t.Context(), cluster, Request{Topic: "no such topic", MaxWait: time.Second}); err == nil {
		t.Errorf("a topic that is not there: %+v", response)
	}
}
