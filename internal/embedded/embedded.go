// Package embedded is a Kafka broker inside the process, with its data on disk,
// for running tillstream where nothing is installed. It is franz-go's kfake: it
// speaks the real protocol, but it is one process's toy beside a real cluster.
package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	lock    *flock.Flock
}

// Start runs a broker that keeps its data in dir, which is created if missing,
// and listens on a free port of the loopback interface. What it has acknowledged
// survives the end of the process, however it ends, but not a power cut.
func Start(dir string) (*Broker, error) {
	const dirPerm = 0o755
	if err := os.MkdirAll(dir, dirPerm); err != nil {
		return nil, fmt.Errorf("creating the embedded broker's directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	switch locked, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking the embedded broker's directory: %w", err)
	case !locked:
		return nil, fmt.Errorf("another tillstream demo runs on %s; stop it or choose another --dir", dir)
	}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.DataDir(dir),
		// There is no other member to wait for.
		kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the embedded broker on %s: %w", dir, err), lock.Unlock())
	}
	return &Broker{cluster: cluster, lock: lock}, nil
}

// Addresses are where it listens, as host:port.
func (b *Broker) Addresses() []string { return b.cluster.ListenAddrs() }

// Close stops it.
func (b *Broker) Close() error {
	b.cluster.Close()
	return b.lock.Unlock()
}
