//go:build kafka

package e2e

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	segmentio "github.com/segmentio/kafka-go"

	"tillstream/internal/kafkatest"
)

// live is a consumer that runs. Its group is named as its topic.
type live struct {
	*process
	topic, out, address string
}

func consuming(t *testing.T, kafka *kafkatest.Broker, topic, out string, more ...string) *live {
	t.Helper()
	l := &live{topic: topic, out: out, address: freeAddress(t)}
	l.process = start(t, append([]string{"consume", "--brokers", kafka.Addr(), "--topic", topic, "--group", topic, "--out", out,
		"--dead-letter-topic", topic + ".dead-letter", "--listen", l.address}, more...)...)
	return l
}

// producing sends a source in the background.
func producing(t *testing.T, kafka *kafkatest.Broker, topic, source string, more ...string) *live {
	t.Helper()
	l := &live{topic: topic, address: freeAddress(t)}
	l.process = start(t, append([]string{"produce", "--brokers", kafka.Addr(), "--topic", topic, "--source", source, "--listen", l.address}, more...)...)
	return l
}

// ready is what /readyz says.
func (l *live) ready(t *testing.T) (code int, why string) {
	t.Helper()
	return get(t, "http://"+l.address+"/readyz")
}

// metric is the sum of a metric over its labels, 0 while there is none.
func (l *live) metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	for _, value := range l.samples(t, name) {
		sum += value
	}
	return sum
}

// samples are a metric's values by its labels.
func (l *live) samples(t *testing.T, name string) map[string]float64 {
	t.Helper()
	_, text := get(t, "http://"+l.address+"/metrics")
	values := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(\{.*\})? (\S+)$`).FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		values[m[1]] = value
	}
	return values
}

// partitions are those that are its own and whose place in the log it has found.
func (l *live) partitions(t *testing.T) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(l.samples(t, "tillstream_consumer_lag_messages")))
}

// lagIsRight reports whether the consumer shows for each partition what is in the log
// and not committed. There must be some.
func lagIsRight(t *testing.T, l *live, kafka *kafkatest.Broker) bool {
	t.Helper()
	ends, shown := kafka.EndOffsets(t, l.topic), l.samples(t, "tillstream_consumer_lag_messages")
	var all int64
	for p, offset := range committed(t, kafka, l.topic, len(ends)) {
		waits := ends[p] - offset
		if got, ok := shown[fmt.Sprintf(`{partition="%d"}`, p)]; !ok || int64(got) != waits {
			return false
		}
		all += waits
	}
	return all > 0
}

// leaves ends it in good order and returns its summary.
func (l *live) leaves(t *testing.T) summary {
	t.Helper()
	const bound = 10 * time.Second
	began := time.Now()
	l.signal(t, syscall.SIGTERM)
	o := l.wait(t)
	if o.code != 0 {
		t.Fatalf("exit code %d after SIGTERM\n%s", o.code, o.stderr)
	}
	if took := time.Since(began); took > bound {
		t.Errorf("it took %v to end after SIGTERM, more than %v", took, bound)
	}
	return decode[summary](t, o.stdout)
}

// finishes waits for a producer to come to the end of its source.
func (l *live) finishes(t *testing.T) produced {
	t.Helper()
	o := l.wait(t)
	if o.code != 0 {
		t.Fatalf("produce: exit code %d\n%s", o.code, o.stderr)
	}
	return decode[produced](t, o.stdout)
}

// drains runs a consumer to the end of the topic.
func drains(t *testing.T, kafka *kafkatest.Broker, topic, out string) summary {
	t.Helper()
	return decode[summary](t, ok(t, "consume", "--brokers", kafka.Addr(), "--topic", topic, "--group", topic, "--out", out,
		"--dead-letter-topic", topic+".dead-letter", "--drain", "--listen", "").stdout)
}

// onceEach reports lines of the source that are not exactly once in the directory.
// The summary must say the same.
func onceEach(t *testing.T, got summary, source, out string) {
	t.Helper()
	csv := filepath.Join(out, "live_transactions.csv")
	want := recount(t, source, false)
	same(t, got, want)
	if found := recount(t, csv, true); found.all != want.all || found.rows != want.rows {
		t.Errorf("the CSV holds %d lines, %+v; the source %d, %+v", found.rows, found.all, want.rows, want.all)
	}
	pythonAgrees(t, got, csv)
}

// ask does something with a client of its own, so that no answer is from a cache.
func ask(ctx context.Context, kafka *kafkatest.Broker, do func(context.Context, *segmentio.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	transport := &segmentio.Transport{}
	defer transport.CloseIdleConnections()
	return do(ctx, &segmentio.Client{Addr: segmentio.TCP(kafka.Addr()), Transport: transport})
}

func asked(t *testing.T, kafka *kafkatest.Broker, do func(context.Context, *segmentio.Client) error) {
	t.Helper()
	if err := ask(t.Context(), kafka, do); err != nil {
		t.Fatal(err)
	}
}

// committed are the offsets that the topic's group has committed, by partition;
// 0 is none.
func committed(t *testing.T, kafka *kafkatest.Broker, topic string, partitions int) map[int]int64 {
	t.Helper()
	at, err := commits(t.Context(), kafka, topic, partitions)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func commits(ctx context.Context, kafka *kafkatest.Broker, topic string, partitions int) (map[int]int64, error) {
	at := map[int]int64{}
	return at, ask(ctx, kafka, func(ctx context.Context, client *segmentio.Client) error {
		var all []int
		for p := range partitions {
			all = append(all, p)
		}
		answer, err := client.OffsetFetch(ctx, &segmentio.OffsetFetchRequest{GroupID: topic, Topics: map[string][]int{topic: all}})
		if err != nil {
			return err
		}
		if answer.Error != nil {
			return answer.Error
		}
		for _, p := range answer.Topics[topic] {
			if p.Error != nil {
				return p.Error
			}
			at[p.Partition] = max(p.CommittedOffset, 0)
		}
		return nil
	})
}

// settled reports whether the group has committed all there is.
func settled(t *testing.T, kafka *kafkatest.Broker, topic string) bool {
	t.Helper()
	ends := kafka.EndOffsets(t, topic)
	return maps.Equal(ends, committed(t, kafka, topic, len(ends)))
}

// rowsOf reads the identities in a directory's files, oldest first. The end of the
// newest file is left out while it is no whole row.
func rowsOf(t *testing.T, dir string) (identities []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "live_transactions-*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	for _, path := range append(paths, filepath.Join(dir, "live_transactions.csv")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(strings.NewReader(string(text[:strings.LastIndexByte(string(text), '\n')+1]))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if strings.Join(records[0], ",") != published {
			t.Fatalf("%s: the header is %q", path, records[0])
		}
		for _, r := range records[1:] {
			identities = append(identities, r[0]+"/"+r[1])
		}
	}
	return identities
}

// place is where a message is.
type place struct {
	partition int
	offset    int64
}

// placesOf finds where each line is in the topic for the first time.
func placesOf(t *testing.T, kafka *kafkatest.Broker, topic string) map[string]place {
	t.Helper()
	first := map[string]place{}
	for _, m := range kafka.Messages(t, topic) {
		var line map[string]string
		if err := json.Unmarshal(m.Value, &line); err != nil {
			t.Fatal(err)
		}
		id := line["Invoice ID"] + "/" + line["Line"]
		if _, ok := first[id]; !ok {
			first[id] = place{m.Partition, m.Offset}
		}
	}
	return first
}

// troubles are the log lines that say that it waits because of a component.
func (p *process) troubles(component string) (found []string) {
	for line := range strings.Lines(p.stderr.String()) {
		if strings.Contains(line, "level=WARN") && strings.Contains(line, component) {
			found = append(found, line)
		}
	}
	return found
}
