package producer

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tillstream/internal/sale"
)

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

type result struct {
	s   Summary
	err error
}

func start(t *testing.T, ctx context.Context, p *Producer) <-chan result {
	t.Helper()
	done := make(chan result, 1)
	go func() {
		s, err := p.Run(ctx)
		done <- result{s, err}
	}()
	return done
}

func filled(rows []sale.Row) []sale.Row {
	for i := range rows {
		rows[i][sale.CurrencySymbol] = sale.SymbolOf(rows[i][sale.Currency])
	}
	return rows
}

func TestBrokerComesLater(t *testing.T) {
	port := freePort(t)
	cluster := clusterAt(t, "127.0.0.1:"+strconv.Itoa(port))
	rows := filled(someRows(100))
	var log logBuffer
	cfg := configFor(cluster, rows)
	cfg.Log = log.logger()
	p := newProducer(t, cfg)
	done := start(t, t.Context(), p)
	waitFor(t, "it says why it is not ready", func() bool {
		err := p.Ready()
		return err != nil && strings.Contains(err.Error(), "connection refused") && strings.Contains(err.Error(), "127.0.0.1:"+strconv.Itoa(port)) && strings.Contains(err.Error(), "since 20")
	})
	startKafka(t, kfake.Ports(port))
	r := <-done
	if r.err != nil || r.s.Produced != 100 {
		t.Fatalf("%+v", r)
	}
	if p.Ready() != nil {
		t.Error(p.Ready())
	}
	checkLines(t, published(t, cluster), rows)
	lines := log.lines()
	if len(lines) != 2 || !strings.Contains(lines[0], "check that Kafka runs") || !strings.Contains(lines[1], "takes messages again") {
		t.Errorf("log:\n%s", strings.Join(lines, "\n"))
	}
}

// The broker goes away in the middle and comes back with its data: what it had not
// acknowledged is sent again, in order. It may hold a batch twice whose
// acknowledgement was lost.
func TestBrokerGoesAndComesBack(t *testing.T) {
	dir := t.TempDir()
	fake, cluster := startKafka(t, kfake.DataDir(dir))
	_, port, _ := net.SplitHostPort(fake.ListenAddrs()[0])
	number, _ := strconv.Atoi(port)
	rows := filled(someRows(6000))
	var log logBuffer
	cfg := configFor(cluster, rows)
	cfg.Rate, cfg.Log = 5000, log.logger()
	p := newProducer(t, cfg)
	done := start(t, t.Context(), p)
	waitFor(t, "messages", func() bool { return p.Stats().Produced > 1000 })
	fake.Close()
	waitFor(t, "it is not ready", func() bool { return p.Ready() != nil })
	startKafka(t, kfake.Ports(number), kfake.DataDir(dir))
	r := <-done
	if r.err != nil || r.s.Lines != 6000 || r.s.Produced != 6000 {
		t.Fatalf("%+v", r)
	}
	seen := make(map[string]bool)
	var first []message
	for _, m := range published(t, cluster) {
		if id := m.key + m.row["Line"]; !seen[id] {
			seen[id] = true
			first = append(first, m)
		}
	}
	checkLines(t, first, rows)
	if lines := log.lines(); len(lines) < 2 || !strings.Contains(lines[len(lines)-1], "takes messages again") {
		t.Errorf("log:\n%s", strings.Join(lines, "\n"))
	}
}

func TestGivesUp(t *testing.T) {
	cluster := clusterAt(t, "127.0.0.1:"+strconv.Itoa(freePort(t)))
	cfg := configFor(cluster, someRows(1))
	cfg.GiveUpAfter = 300 * time.Millisecond
	p := newProducer(t, cfg)
	began := time.Now()
	_, err := p.Run(t.Context())
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || unavailable.For < cfg.GiveUpAfter || time.Since(began) > 10*time.Second {
		t.Fatalf("error %v after %v", err, time.Since(began))
	}
	for _, want := range []string{"publishing to topic sales", cluster.String(), "connection refused", "check that Kafka runs"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if p.Ready() == nil {
		t.Error("ready after it gave up")
	}
}

func TestContextEndsWhileTheBrokerIsAway(t *testing.T) {
	cluster := clusterAt(t, "127.0.0.1:"+strconv.Itoa(freePort(t)))
	p := newProducer(t, configFor(cluster, someRows(1)))
	ctx, cancel := context.WithCancel(t.Context())
	done := start(t, ctx, p)
	waitFor(t, "it is not ready", func() bool { err := p.Ready(); return err != nil && strings.Contains(err.Error(), "refused") })
	cancel()
	if r := <-done; r.err != nil || r.s.Lines != 0 {
		t.Errorf("%+v", r) // nothing was handed over, so nothing is missing
	}

	// Lines that were handed over and cannot be flushed are an error.
	fake, cluster := startKafka(t)
	cfg := configFor(cluster, someRows(1000))
	cfg.Loop, cfg.Rate, cfg.FlushTimeout = true, 1000, 200*time.Millisecond
	p = newProducer(t, cfg)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	done = start(t, ctx, p)
	waitFor(t, "messages", func() bool { return p.Stats().Produced > 10 })
	fake.Close()
	waitFor(t, "it is behind", func() bool { s := p.Stats(); return s.Lines > s.Produced+10 && p.Ready() != nil })
	cancel()
	r := <-done
	if r.err == nil || !strings.Contains(r.err.Error(), "messages that were handed over are not acknowledged") || r.s.Lines <= r.s.Produced {
		t.Errorf("%+v", r)
	}
}

// answerProduce makes the broker answer a number of produce requests with a code.
func answerProduce(fake *kfake.Cluster, times int64, code int16) {
	var left atomic.Int64
	left.Store(times)
	fake.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if left.Add(-1) < 0 {
			return nil, nil, false
		}
		produce, ok := request.(*kmsg.ProduceRequest)
		if !ok {
			return nil, nil, false
		}
		answer := kmsg.NewPtrProduceResponse()
		answer.Version = produce.Version
		for _, topic := range produce.Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic = topic.Topic
			for _, partition := range topic.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode = partition.Partition, code
				t.Partitions = append(t.Partitions, p)
			}
			answer.Topics = append(answer.Topics, t)
		}
		return answer, nil, true
	})
}

func TestBrokerRefusesForAWhile(t *testing.T) {
	for _, code := range []kafka.Error{kafka.NotEnoughReplicas, kafka.NotLeaderForPartition, kafka.UnknownTopicOrPartition, kafka.RequestTimedOut} {
		t.Run(code.Title(), func(t *testing.T) {
			fake, cluster := startKafka(t)
			answerProduce(fake, 6, int16(code))
			rows := filled(someRows(500))
			var log logBuffer
			cfg := configFor(cluster, rows)
			cfg.Log = log.logger()
			began := time.Now()
			if s := run(t, newProducer(t, cfg)); s.Produced != 500 {
				t.Errorf("summary %+v", s)
			}
			took := time.Since(began)
			checkLines(t, published(t, cluster), rows)
			lines := log.lines()
			if isElection(code) {
				if took < electionTime && lines[0] != "" {
					t.Errorf("an election of %v is in the log:\n%s", took, strings.Join(lines, "\n"))
				}
				return
			}
			if len(lines) == 0 || len(lines)%2 != 0 || !strings.Contains(lines[0], code.Title()) || !strings.Contains(lines[len(lines)-1], "again") {
				t.Errorf("log:\n%s", strings.Join(lines, "\n"))
			}
		})
	}
}

func TestBrokerRefusesForGood(t *testing.T) {
	fake, cluster := startKafka(t)
	answerProduce(fake, 1<<40, int16(kafka.TopicAuthorizationFailed))
	s, err := newProducer(t, configFor(cluster, someRows(5))).Run(t.Context())
	if !errors.Is(err, kafka.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "ask for the right to write") || s.Produced != 0 {
		t.Errorf("%+v, error %v", s, err)
	}
}

func TestMessageTooLarge(t *testing.T) {
	// A broker that takes small batches only gets small ones.
	_, cluster := startKafka(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "4000"}))
	rows := filled(someRows(3000))
	if s := run(t, newProducer(t, configFor(cluster, rows))); s.Produced != 3000 {
		t.Errorf("summary %+v", s)
	}
	checkLines(t, published(t, cluster), rows)

	// A message that is too large by itself is told, not tried for ever.
	rows[1500][sale.Color] = strings.Repeat("x", 5000)
	_, err := newProducer(t, configFor(cluster, rows)).Run(t.Context())
	var large *TooLargeError
	if !errors.As(err, &large) || large.InvoiceID != rows[1500][sale.InvoiceID] || large.Bytes < 5000 ||
		!strings.Contains(err.Error(), large.InvoiceID) || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("error %v", err)
	}
}
