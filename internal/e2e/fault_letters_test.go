//go:build kafka

package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	segmentio "github.com/segmentio/kafka-go"

	"tillstream/internal/kafkatest"
)

// While the dead-letter topic takes nothing, the partition waits: a message that
// cannot be used is not committed before it is there.
func TestDeadLettersCannotBeWritten(t *testing.T) {
	kafka := kafkatest.Start(t)
	const topic, letters = "sales", "sales.dead-letter"
	source, out := cashierStream(t, 4000), t.TempDir()
	kafka.CreateTopic(t, topic, 1)
	asked(t, kafka, func(ctx context.Context, client *segmentio.Client) error {
		answer, err := client.CreateTopics(ctx, &segmentio.CreateTopicsRequest{Topics: []segmentio.TopicConfig{{
			Topic: letters, NumPartitions: 1, ReplicationFactor: 1,
			ConfigEntries: []segmentio.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: "100"}},
		}}})
		if err != nil {
			return err
		}
		return answer.Errors[letters]
	})
	ok(t, "produce", "--brokers", kafka.Addr(), "--topic", topic, "--source", source, "--rate", "0", "--limit", "1500", "--listen", "")
	damaged := segmentio.Message{Key: []byte("till 7"), Value: []byte(`{"Invoice ID": `)}
	kafka.Produce(t, topic, damaged)
	at := kafka.EndOffsets(t, topic)[0] - 1
	c := consuming(t, kafka, topic, out)
	c.eventually(t, "/readyz names the dead-letter topic", func() bool {
		code, why := c.ready(t)
		return code == http.StatusServiceUnavailable && strings.Contains(why, "dead-letter")
	})
	ok(t, "produce", "--brokers", kafka.Addr(), "--topic", topic, "--source", source, "--rate", "0", "--listen", "") // more waits behind it
	tries := func() bool { return len(c.troubles("dead-letter")) > 0 }
	c.eventually(t, "it says so in its log", tries)
	c.eventually(t, "the lag is what is not committed", func() bool { return lagIsRight(t, c, kafka) })
	if got := committed(t, kafka, topic, 1)[0]; got > at {
		t.Errorf("offset %d is committed, beyond %d, which is not dealt with", got, at)
	}
	if code, why := c.ready(t); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz says %d %s while a dead letter cannot be written", code, why)
	}
	if n := c.metric(t, "tillstream_dead_letters_total"); n != 0 {
		t.Errorf("%v dead letters are counted, none was written", n)
	}
	asked(t, kafka, func(ctx context.Context, client *segmentio.Client) error {
		answer, err := client.IncrementalAlterConfigs(ctx, &segmentio.IncrementalAlterConfigsRequest{
			Resources: []segmentio.IncrementalAlterConfigsRequestResource{{
				ResourceType: segmentio.ResourceTypeTopic, ResourceName: letters,
				Configs: []segmentio.IncrementalAlterConfigsRequestConfig{{Name: "max.message.bytes", Value: "1000000"}},
			}},
		})
		if err != nil {
			return err
		}
		return answer.Resources[0].Error
	})
	c.eventually(t, "it is ready again", func() bool { code, _ := c.ready(t); return code == http.StatusOK })
	c.eventually(t, "all is committed", func() bool { return settled(t, kafka, topic) })
	got := c.leaves(t)
	onceEach(t, got, source, out)
	if got.Rejected != 1 || got.DeadLetters != 1 || got.Duplicates != 1500 || got.Conflicts != 0 {
		t.Errorf("of one damaged message and 1,500 repeated lines it says %+v", got)
	}
	found := kafka.Messages(t, letters)
	if len(found) != 1 || string(found[0].Value) != string(damaged.Value) {
		t.Errorf("%d dead letters", len(found))
	}
	if said := c.troubles("dead-letter"); len(said) != 1 {
		t.Errorf("it has said %d times that dead letters cannot be written, not once:\n%s", len(said), strings.Join(said, ""))
	}
}
