// Package broker is the way to a Kafka cluster: addresses, credentials, and the
// topics that must be there.
package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// Cluster says how to reach a Kafka cluster. Its zero value is not usable;
// see New.
type Cluster struct {
	Addresses []string         // host:port of the brokers to start from
	Dialer    *kafka.Dialer    // for connections to one broker: groups, fetches
	Transport *kafka.Transport // for requests routed by the cluster's metadata
}

// New returns the way to the cluster that the options describe. It does not
// connect yet.
func New(o Options) (*Cluster, error) {
	if len(o.Addresses) == 0 {
		return nil, errors.New("no broker address is given; name at least one as host:port")
	}
	for _, a := range o.Addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return nil, fmt.Errorf("the broker address %q is not host:port, for example localhost:9092", a)
		}
	}
	encryption, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	mechanism, err := o.saslMechanism()
	if err != nil {
		return nil, err
	}
	const (
		clientID    = "tillstream"
		dialTimeout = 5 * time.Second
	)
	dial := dialPlain
	if encryption != nil {
		dial = dialEncrypted
	}
	return &Cluster{
		Addresses: o.Addresses,
		Dialer:    &kafka.Dialer{ClientID: clientID, DialFunc: dial, Timeout: dialTimeout, TLS: encryption, SASLMechanism: mechanism},
		Transport: &kafka.Transport{ClientID: clientID, Dial: reading(dial), DialTimeout: dialTimeout, TLS: encryption, SASL: mechanism},
	}, nil
}

// Client sends requests to the cluster, each to the broker that answers for it.
func (c *Cluster) Client() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(c.Addresses...), Transport: c.Transport}
}

// String names the cluster for messages.
func (c *Cluster) String() string { return strings.Join(c.Addresses, ",") }

// Close drops the idle connections.
func (c *Cluster) Close() { c.Transport.CloseIdleConnections() }

// EnsureTopic creates the topic with so many partitions where it does not exist
// yet, replicated as the brokers' own default says. A topic that exists stays as
// it is.
//
// It creates first and asks second: to a question about a topic that is not there, a
// broker that creates topics by itself makes it, with as many partitions as the broker
// likes.
func (c *Cluster) EnsureTopic(ctx context.Context, topic string, partitions int) (created bool, err error) {
	// A connection of its own says most clearly why nobody can be asked.
	err = c.ask(ctx, func(conn *kafka.Conn) error {
		_, err := conn.ApiVersions()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("asking %s for topic %s: %w", c, topic, err)
	}
	answer, err := c.Client().CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: topic, NumPartitions: partitions, ReplicationFactor: -1,
	}}})
	if err == nil {
		err = answer.Errors[topic]
	}
	switch {
	case err == nil:
		created = true
	case errors.Is(err, kafka.TopicAlreadyExists): // perhaps only just now, and its leaders are being elected
	default: // who may not create topics may still use one
		if led, askErr := c.hasLeaders(ctx, topic); askErr != nil || !led {
			return false, fmt.Errorf("creating topic %s on %s: %w", topic, c, err)
		}
		return false, nil
	}
	return created, c.waitForLeaders(ctx, topic)
}

// hasLeaders reports whether the topic exists and each partition has a broker
// that leads it.
func (c *Cluster) hasLeaders(ctx context.Context, topic string) (bool, error) {
	var partitions []kafka.Partition
	err := c.ask(ctx, func(conn *kafka.Conn) (err error) {
		partitions, err = conn.ReadPartitions(topic)
		return err
	})
	if errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, kafka.LeaderNotAvailable) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	led := len(partitions) > 0
	for _, p := range partitions {
		led = led && p.Error == nil && p.Leader.Host != ""
	}
	return led, nil
}

// ask has a connection to any broker. A Transport answers from metadata that is
// seconds old.
func (c *Cluster) ask(ctx context.Context, question func(*kafka.Conn) error) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	return question(conn)
}

// dial connects to any broker that answers.
func (c *Cluster) dial(ctx context.Context) (*kafka.Conn, error) {
	var errs []error
	for _, address := range c.Addresses {
		conn, err := c.Dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		if IsRefusal(err) {
			return nil, err // the others would say the same
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// waitForLeaders waits until a topic that was just made can be used.
func (c *Cluster) waitForLeaders(ctx context.Context, topic string) error {
	const (
		patience = 10 * time.Second
		pause    = 50 * time.Millisecond
	)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if led, err := c.hasLeaders(ctx, topic); err == nil && led {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for a leader of each partition of topic %s on %s: %w", topic, c, ctx.Err())
		case <-time.After(pause):
		}
	}
}
