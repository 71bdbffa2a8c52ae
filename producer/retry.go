package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"tillstream/internal/broker"
)

const (
	backoffFirst = 100 * time.Millisecond
	backoffLast  = 5 * time.Second
	electionTime = time.Second
)

// UnavailableError is Kafka not taking messages for longer than the producer was
// told to try, or for a reason that trying again does not mend.
type UnavailableError struct {
	Brokers string
	Topic   string
	For     time.Duration // how long it was tried; 0 where trying again is useless
	Err     error
}

// Error returns one line for the user.
func (e *UnavailableError) Error() string {
	after := ""
	if e.For > 0 {
		after = fmt.Sprintf(" for %s", e.For.Round(time.Millisecond))
	}
	return fmt.Sprintf("publishing to topic %s: Kafka at %s does not take messages%s: %s; %s",
		e.Topic, e.Brokers, after, reason(e.Err), hint(e.Err))
}

// Unwrap returns what Kafka or the network answered.
func (e *UnavailableError) Unwrap() error { return e.Err }

// retrier tries again what Kafka does not take at present, and knows since when
// and why. What tries is named by its partition's number, or connecting.
type retrier struct {
	cluster *broker.Cluster
	topic   string
	giveUp  time.Duration // 0 is never
	log     *slog.Logger

	mu      sync.Mutex
	failing map[int]bool
	since   time.Time
	told    bool // this outage is in the log
	cause   error
}

// connecting is who tries before partitions are known.
const connecting = -1

// do calls attempt until it succeeds, fails for good, or the context ends. Each
// attempt has a time limit.
func (r *retrier) do(ctx context.Context, who int, limit time.Duration, attempt func(context.Context) error) error {
	var began time.Time
	for backoff := backoffFirst; ; backoff = min(2*backoff, backoffLast) {
		err := r.once(ctx, began, limit, attempt)
		if err == nil {
			r.succeeded(who)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) {
			r.succeeded(who) // the answer of a broker that is well
			return err       // the caller makes less of it
		}
		if began.IsZero() {
			began = time.Now()
		}
		if isFinal(err) { // it is not tried again, so the log need not say so
			return &UnavailableError{Brokers: r.cluster.String(), Topic: r.topic, Err: err}
		}
		r.failed(who, err)
		tried := time.Since(began)
		wait := backoff/2 + rand.N(backoff) // spread, so that many producers do not return at once
		if r.giveUp > 0 {
			if tried >= r.giveUp {
				return &UnavailableError{Brokers: r.cluster.String(), Topic: r.topic, For: tried, Err: err}
			}
			wait = min(wait, r.giveUp-tried)
		}
		// kafka-go refreshes what it knows of the cluster only every few seconds.
		// Without idle connections it asks anew: who leads now, is it back.
		r.cluster.Close()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

func (r *retrier) once(ctx context.Context, began time.Time, limit time.Duration, attempt func(context.Context) error) error {
	if r.giveUp > 0 {
		left := r.giveUp
		if !began.IsZero() {
			left -= time.Since(began)
		}
		limit = min(limit, max(left, backoffFirst))
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return attempt(ctx)
}

func (r *retrier) failed(who int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cause = err
	if r.failing == nil {
		r.failing = make(map[int]bool)
	}
	if len(r.failing) == 0 {
		r.since, r.told = time.Now(), false
	}
	r.failing[who] = true
	// An election, as after a topic was made, is over before a person could look.
	if !r.told && (!isElection(err) || time.Since(r.since) > electionTime) {
		r.told = true
		r.log.Warn("Kafka does not take messages, trying again; nothing is lost",
			"brokers", r.cluster.String(), "topic", r.topic, "cause", reason(err), "check", hint(err))
	}
}

func isElection(err error) bool {
	return errors.Is(err, kafka.NotLeaderForPartition) || errors.Is(err, kafka.LeaderNotAvailable)
}

func (r *retrier) succeeded(who int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.failing[who] {
		return
	}
	delete(r.failing, who)
	if len(r.failing) > 0 {
		return
	}
	r.cause = nil
	if r.told {
		r.log.Info("Kafka takes messages again", "brokers", r.cluster.String(), "topic", r.topic,
			"after", time.Since(r.since).Round(time.Millisecond).String())
	}
}

// err returns nil, or why Kafka does not take messages and since when.
func (r *retrier) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failing) == 0 {
		return nil
	}
	return fmt.Errorf("the Kafka at %s does not take messages for topic %s since %s: %s",
		r.cluster, r.topic, r.since.UTC().Format(time.RFC3339), reason(r.cause))
}

// last returns the latest failure, nil where there is none at present.
func (r *retrier) last() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cause
}

// final are the answers that no waiting changes.
var final = []error{
	kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed,
	kafka.InvalidTopic, kafka.InvalidPartitionNumber, kafka.InvalidConfiguration, kafka.PolicyViolation,
	kafka.InvalidRequiredAcks, kafka.UnsupportedVersion, kafka.UnsupportedForMessageFormat,
	kafka.UnsupportedCompressionType, kafka.InvalidTimestamp, kafka.InvalidRecord,
}

func isFinal(err error) bool {
	for _, f := range final {
		if errors.Is(err, f) {
			return true
		}
	}
	return broker.IsRefusal(err)
}

// reason says what happened, without the layers that kafka-go wraps around it.
func reason(err error) string {
	var network *net.OpError
	var code kafka.Error
	switch {
	case err == nil:
		return "no answer yet"
	case errors.As(err, &network):
		return network.Error()
	case errors.As(err, &code):
		return code.Title()
	case errors.Is(err, context.DeadlineExceeded):
		return "there is no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the broker closed the connection"
	case errors.Is(err, protocol.ErrNoTopic):
		return "no broker knows the topic"
	case errors.Is(err, protocol.ErrNoPartition):
		return "no broker knows the partition"
	case errors.Is(err, protocol.ErrNoLeader):
		return "the partition has no leader"
	}
	return strings.TrimPrefix(err.Error(), "kafka.(*Client).Produce: ")
}

// hint says what to check.
func hint(err error) string {
	var network *net.OpError
	is := func(codes ...error) bool {
		for _, code := range codes {
			if errors.Is(err, code) {
				return true
			}
		}
		return false
	}
	switch {
	case broker.IsRefusal(err), is(io.EOF, io.ErrUnexpectedEOF):
		return broker.Advice(err)
	case is(kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed):
		return "ask for the right to write to the topic"
	case is(kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend):
		return "check that enough brokers run for the topic's min.insync.replicas"
	case is(kafka.NotLeaderForPartition, kafka.LeaderNotAvailable, protocol.ErrNoLeader, kafka.BrokerNotAvailable):
		return "a leader is being elected; check the brokers if it lasts"
	case is(kafka.InvalidTopic, kafka.InvalidPartitionNumber, kafka.InvalidConfiguration, kafka.PolicyViolation):
		return "check the topic's name and the brokers' rules for topics"
	case errors.As(err, &network), is(context.DeadlineExceeded):
		return "check that Kafka runs and that --brokers names its address"
	}
	return "check the brokers' logs"
}
