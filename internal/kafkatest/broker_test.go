//go:build unix && kafka

package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

const topic = "sales"

// numbered returns messages whose values are all different.
func numbered(from, count int) []kafka.Message {
	all := make([]kafka.Message, 0, count)
	for i := range count {
		n := fmt.Sprint(from + i)
		all = append(all, kafka.Message{Key: []byte("key " + n), Value: []byte("value " + n)})
	}
	return all
}

// wantNumbered fails unless the topic holds exactly the first count messages,
// each once.
func wantNumbered(t *testing.T, got []kafka.Message, count int) {
	t.Helper()
	seen := make(map[string]bool)
	for _, m := range got {
		if want := strings.Replace(string(m.Key), "key", "value", 1); string(m.Value) != want {
			t.Errorf("key %q has the value %q", m.Key, m.Value)
		}
		if seen[string(m.Value)] {
			t.Errorf("%q is there twice", m.Value)
		}
		seen[string(m.Value)] = true
	}
	for i := range count {
		if !seen[fmt.Sprint("value ", i)] {
			t.Errorf("value %d is missing", i)
		}
	}
	if len(got) != count {
		t.Errorf("the topic holds %d messages, want %d", len(got), count)
	}
}

func TestBroker(t *testing.T) {
	began := time.Now()
	b := Start(t, Property("log.retention.hours", "1"))
	t.Logf("starting took %v", time.Since(began))
	b.CreateTopic(t, topic, 4)

	t.Run("produce and read", func(t *testing.T) {
		b.Produce(t, topic, numbered(0, 1000)...)
		wantNumbered(t, b.Messages(t, topic), 1000)
		var total int64
		ends := b.EndOffsets(t, topic)
		for p, end := range ends {
			if end == 0 {
				t.Errorf("partition %d got nothing", p)
			}
			total += end
		}
		if len(ends) != 4 || total != 1000 {
			t.Errorf("the end offsets are %v, want 1000 messages over 4 partitions", ends)
		}
	})

	t.Run("a group joins and commits", func(t *testing.T) {
		began := time.Now()
		wantNumbered(t, consume(t, b, "group", 1000), 1000)
		t.Logf("joining and reading took %v", time.Since(began))
	})

	t.Run("kill and restart", func(t *testing.T) {
		addr := b.Addr()
		b.Kill(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := kafka.DialContext(ctx, "tcp", addr); err == nil {
			t.Error("the killed broker still listens")
		}
		began := time.Now()
		b.Restart(t)
		t.Logf("restarting after SIGKILL took %v", time.Since(began))
		if b.Addr() != addr {
			t.Errorf("it came back at %s, was at %s", b.Addr(), addr)
		}
		wantNumbered(t, b.Messages(t, topic), 1000)

		// The group's position outlived the crash: it reads only what is new.
		b.Produce(t, topic, kafka.Message{Key: []byte("key new"), Value: []byte("value new")})
		if got := consume(t, b, "group", 1); string(got[0].Value) != "value new" {
			t.Errorf("the group began with %q, want only the new message", got[0].Value)
		}
	})

	t.Run("stop and restart", func(t *testing.T) {
		began := time.Now()
		b.Stop(t)
		stopped := time.Now()
		b.Restart(t)
		t.Logf("stopping took %v, restarting %v", stopped.Sub(began), time.Since(stopped))
		if got := len(b.Messages(t, topic)); got != 1001 {
			t.Errorf("the topic holds %d messages, want 1001", got)
		}
	})

	t.Run("pause and resume", func(t *testing.T) {
		b.Pause(t)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := b.Server.EndOffsets(ctx, topic); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a paused broker answered: %v", err)
		}
		b.Resume(t)
		if got := len(b.Messages(t, topic)); got != 1001 {
			t.Errorf("the topic holds %d messages, want 1001", got)
		}
		b.Pause(t) // the cleanup has to end a paused one, too
	})
}

// consume reads count messages as a member of the group, and commits them.
func consume(t *testing.T, b *Broker, group string, count int) []kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{b.Addr()}, GroupID: group, Topic: topic,
		StartOffset: kafka.FirstOffset, MaxWait: 100 * time.Millisecond,
	})
	defer func() {
		if err := r.Close(); err != nil {
			t.Errorf("leaving the group: %v", err)
		}
	}()
	var all []kafka.Message
	for range count {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			t.Fatalf("after %d of %d messages: %v", len(all), count, err)
		}
		all = append(all, m)
	}
	if err := r.CommitMessages(ctx, all...); err != nil {
		t.Fatalf("committing: %v", err)
	}
	return all
}

func TestRunRemovesItsOwnDirectory(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Run(t.Context(), Port(port), Partitions(3))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("127.0.0.1:%d", port); s.Addr() != want {
		t.Errorf("it listens on %s, want %s", s.Addr(), want)
	}
	conn, err := kafka.DialLeader(t.Context(), "tcp", s.Addr(), "made-by-its-first-use", 0)
	if err != nil {
		t.Error(err)
	} else if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if ends, err := s.EndOffsets(t.Context(), "made-by-its-first-use"); err != nil || len(ends) != 3 {
		t.Errorf("a topic made by its first use has the partitions %v, %v; want 3", ends, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", s.Dir(), err)
	}
}

func TestRunSaysWhyItFailed(t *testing.T) {
	_, err := Run(t.Context(), Property("log.retention.hours", "soon"))
	if err == nil || !strings.Contains(err.Error(), "log.retention.hours") {
		t.Errorf("Run = %v, want Kafka's own words about log.retention.hours", err)
	}
	t.Setenv("PATH", "")
	_, err = Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "apt-get install default-jdk-headless maven") {
		t.Errorf("Run without Java = %v, want it to say how to install it", err)
	}
}
