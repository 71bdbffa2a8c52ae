package broker

import (
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Most brokers make a topic when somebody asks for it, with one partition.
func TestTopicHasAsManyPartitionsAsAskedFor(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(1))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	cluster, err := New(Options{Addresses: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()

	for _, want := range []bool{true, false} { // the second time it is there
		created, err := cluster.EnsureTopic(t.Context(), "sales", 4)
		if err != nil || created != want {
			t.Errorf("created is %v, want %v; %v", created, want, err)
		}
	}
	answer, err := cluster.Client().Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"sales"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(answer.Topics[0].Partitions); got != 4 {
		t.Errorf("it has %d partitions, want 4", got)
	}
}
