package consumer

// Bugs that were found by reading the code, each with the test that showed it.

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tillstream/internal/faultfs"
)

// A process can be stopped (SIGSTOP) while it waits for the answer to a commit.
// When it goes on, that answer is as old as the stop was long, and proves nothing.
func TestAnswerThatIsOldIsNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.settle(d.batch(t, saleRows(0, 3)...))
		d.ledger.answer(nil, time.Minute) // to the commit of the next
		d.settle(d.batch(t, saleRows(3, 6)...))
		d.ledger.answer(kafka.IllegalGeneration, 0) // it has been given up meanwhile
		d.settle(d.batch(t, saleRows(6, 9)...))
		if n := d.rows(t); n != 6 {
			t.Errorf("%d rows: a zombie has written", n)
		}
	})
}

// A process can also be stopped between joining the group and its first write, so
// that a new claim is no proof either: the first settling must begin with one.
func TestNewClaimIsNoProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.ledger.answer(kafka.UnknownMemberId, 0)
		d.settle(d.batch(t, saleRows(0, 3)...))
		if n := d.rows(t); n != 0 {
			t.Errorf("%d rows: a zombie has written", n)
		}
	})
}

// What was dropped because the claim is lost is not settled, also when an empty
// batch, or one of duplicates only, comes after it: else its identities count as
// known when the partition comes back, and a line is written twice later.
func TestLostClaimSettlesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.settle(d.batch(t, saleRows(0, 3)...))
		time.Sleep(time.Minute)
		d.ledger.answer(kafka.IllegalGeneration, 0)
		d.settle(d.batch(t, saleRows(3, 6)...)) // dropped
		d.settle(d.batch(t))                    // an idle fetch
		if settled := d.claim.settled[0]; settled > 3 {
			t.Errorf("settled up to %d, but nothing after 3 was", settled)
		}
		d.settle(d.batch(t, saleRows(0, 3)...)) // duplicates
		if settled := d.claim.settled[0]; settled > 3 {
			t.Errorf("settled up to %d, but nothing after 3 was", settled)
		}
		if s := d.Summary(); s.Consumed != 3 {
			t.Errorf("counted without a claim: %+v", s)
		}
	})
}

// A commit beyond the end of the log (the topic was made anew, or an unclean
// election cut it) does not make the messages that are there settled.
func TestCommitBeyondTheEnd(t *testing.T) {
	t.Parallel()
	kafkas := startKafka(t, 1)
	_, err := kafkas.way.Client().OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: groupName, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: 1000}}}})
	if err != nil {
		t.Fatal(err)
	}
	rows := saleRows(0, 30)
	kafkas.send(t, recordsOf(t, rows, 1)...)
	cfg := configFor(t, kafkas)
	c := start(t, cfg)
	deadline := time.Now().Add(5 * time.Second)
	for len(readCSV(t, cfg.Out)) < 30 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	sameSet(t, readCSV(t, cfg.Out), rows)
	c.stop(t)
}

// A line that comes again after the dedupe window is written again, and the next
// start must live with that.
func TestRestartAfterTheWindow(t *testing.T) {
	t.Parallel()
	kafkas := startKafka(t, 1)
	rows := saleRows(0, 3)
	kafkas.send(t, recordsOf(t, rows, 1)...)
	cfg := configFor(t, kafkas)
	cfg.DedupeWindow = 4 * time.Millisecond
	c := start(t, cfg)
	eventually(t, "it is written", func() bool { return c.Summary().Written == 3 })
	eventually(t, "it is forgotten and written again", func() bool {
		kafkas.send(t, recordsOf(t, rows, 1)...)
		return c.Summary().Written > 3
	})
	want := c.stop(t).Amounts
	later, err := New(again(cfg))
	if err != nil {
		t.Fatalf("it cannot be started any more: %v", err)
	}
	defer later.Close()
	if got := later.Summary().Amounts; got != want {
		t.Errorf("the amounts were %+v and are %+v after a restart: a counter fell", want, got)
	}
}

// Brokers limit the compressed size, so that a message can be larger than what
// the dead-letter writer's default takes. It must not hold up the partition for
// ever.
func TestBigDeadLetter(t *testing.T) {
	t.Parallel()
	kafkas := startKafka(t, 1)
	producer, err := kgo.NewClient(kgo.SeedBrokers(kafkas.way.Addresses...), kgo.ProducerBatchCompression(kgo.GzipCompression()),
		kgo.ProducerBatchMaxBytes(4<<20), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.ProduceSync(t.Context(), bad(0, strings.Repeat("x", 3<<20))).FirstErr(); err != nil {
		t.Fatal(err)
	}
	rows := saleRows(0, 30)
	kafkas.send(t, recordsOf(t, rows, 1)...)
	cfg := configFor(t, kafkas)
	c := start(t, cfg)
	deadline := time.Now().Add(5 * time.Second)
	for c.Summary().Consumed < 31 && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if s := c.Summary(); s.Consumed != 31 {
		t.Errorf("consumed %d of 31; ready: %v", s.Consumed, c.Ready())
	}
}

// A run that ends while dead letters cannot be written has written the lines that
// are on disk, and its summary says so.
func TestWrittenIsWhatWasWritten(t *testing.T) {
	t.Parallel()
	kafkas := startKafka(t, 1)
	if err := kafkas.fake.CreateTopic(letterTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	kafkas.fake.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: letterTopic, Err: kerr.TopicAuthorizationFailed, Count: -1})
	kafkas.send(t, append(recordsOf(t, saleRows(0, 30), 1), bad(0, "no JSON"))...)
	cfg := configFor(t, kafkas)
	c := start(t, cfg)
	eventually(t, "the letter cannot be written", notReadyFor(c, "dead-letter topic: "))
	s := c.stop(t)
	if n := len(readCSV(t, cfg.Out)); s.Written != int64(n) {
		t.Errorf("written is %d, %d lines are on disk", s.Written, n)
	}
}

// The lag is what is in the log and not settled, also just after (re)connecting.
func TestLagIsNotZeroAtTheStart(t *testing.T) {
	t.Parallel()
	kafkas := startKafka(t, 1)
	kafkas.send(t, recordsOf(t, saleRows(0, 300), 1)...)
	cfg := configFor(t, kafkas)
	fs := faultfs.New()
	cfg.FS = fs
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	fs.Add(faultfs.Fault{Op: faultfs.Write, Err: kafka.Unknown})
	r := runningOf(t, c)
	eventually(t, "it tries to write", notReadyFor(r, "csv: "))
	if n := r.Lag(); n != 300 {
		t.Errorf("the lag is %d, want 300", n)
	}
}
