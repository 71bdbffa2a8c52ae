package consumer

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/offsetcommit"

	"tillstream/internal/broker"
)

// note is what a commit says about who made it: which CSV holds the partition's
// lines from since up to the committed offset. It lets an instance that comes
// back know which part of the log its own CSV covers, so that it need not read it
// again.
type note struct {
	journal string
	since   int64
}

const noteVersion = "tillstream/1"

func (n note) String() string {
	return fmt.Sprintf("%s %s %d", noteVersion, n.journal, n.since)
}

// parseNote reads a commit's metadata. What others wrote there is no note.
func parseNote(text string) (n note, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 3 || fields[0] != noteVersion {
		return note{}, false
	}
	since, err := strconv.ParseInt(fields[2], 10, 64)
	return note{fields[1], since}, err == nil
}

// coordinator is the consumer group's, as one generation of it sees it.
type coordinator struct {
	cluster    *broker.Cluster
	group      string
	topic      string
	generation int32
	member     string
}

// commit implements committer. It does not use the generation's own CommitOffsets,
// which has no place for a note.
func (c *coordinator) commit(ctx context.Context, places map[int]place) error {
	topic := offsetcommit.RequestTopic{Name: c.topic}
	for p, at := range places {
		topic.Partitions = append(topic.Partitions, offsetcommit.RequestPartition{
			PartitionIndex:       int32(p),
			CommittedOffset:      at.offset,
			CommittedLeaderEpoch: -1, // unknown; 0 would be an epoch
			CommittedMetadata:    at.note.String(),
		})
	}
	answer, err := c.cluster.Transport.RoundTrip(ctx, kafka.TCP(c.cluster.Addresses...), &offsetcommit.Request{
		GroupID:      c.group,
		GenerationID: c.generation,
		MemberID:     c.member,
		Topics:       []offsetcommit.RequestTopic{topic},
	})
	if err != nil {
		return err
	}
	response, ok := answer.(*offsetcommit.Response)
	if !ok {
		return fmt.Errorf("the answer to a commit is a %T", answer)
	}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return kafka.Error(p.ErrorCode)
			}
		}
	}
	return nil
}

// places returns what the group stores for the partitions. One that it has
// nothing for is missing.
func (c *coordinator) places(ctx context.Context, partitions []int) (map[int]place, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	answer, err := c.cluster.Client().OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: c.group, Topics: map[string][]int{c.topic: partitions},
	})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets of group %s: %w", c.group, err)
	}
	places := make(map[int]place)
	for _, p := range answer.Topics[c.topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("asking for the offset of partition %d in group %s: %w", p.Partition, c.group, p.Error)
		}
		if p.CommittedOffset >= 0 {
			n, _ := parseNote(p.Metadata)
			places[p.Partition] = place{p.CommittedOffset, n}
		}
	}
	return places, nil
}
