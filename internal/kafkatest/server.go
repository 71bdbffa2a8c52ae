//go:build unix

package kafkatest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// host is an address, not a name, which would need a resolver and could mean
	// two addresses.
	host          = "127.0.0.1"
	startPatience = 90 * time.Second // a first start on a busy machine of two cores
	stopPatience  = 20 * time.Second
)

// Server is a real Apache Kafka, broker and controller in one Java process on the
// loopback interface. Run starts one; tests use Start.
type Server struct {
	dir       string // configuration, log and data
	temporary bool   // whether Close removes dir
	java      string
	jars      string
	flags     []string
	port      int // of the brokers' protocol; the same over restarts
	fixed     bool
	control   int // port of the controller
	secure    *secure

	mu      sync.Mutex
	process *process
}

// Option changes how a broker is started.
type Option func(*options)

type options struct {
	dir        string
	port       int
	flags      []string
	properties map[string]string
	secure     *secure
}

// Partitions sets how many partitions a topic gets that is created by its first
// use. The default is 4.
func Partitions(n int) Option { return Property("num.partitions", strconv.Itoa(n)) }

// Property sets a property of the broker, over the defaults of this package.
func Property(name, value string) Option {
	return func(o *options) { o.properties[name] = value }
}

// Port makes the broker listen on this port instead of a free one.
func Port(port int) Option { return func(o *options) { o.port = port } }

// Dir keeps configuration, log and data in a directory of the caller's, which
// must not hold an earlier broker's. The default is a temporary one.
func Dir(dir string) Option { return func(o *options) { o.dir = dir } }

// JavaFlags adds flags for the Java machine; a later one wins, so "-Xmx2g" raises
// the heap from its 512 MiB.
func JavaFlags(flags ...string) Option {
	return func(o *options) { o.flags = append(o.flags, flags...) }
}

// defaults are the broker's properties where they differ from Kafka's own, which
// are meant for a cluster that runs for months.
func defaults() map[string]string {
	return map[string]string{
		"num.partitions": "4",
		// The first consumer of a group does not wait for others.
		"group.initial.rebalance.delay.ms": "0",
		// Tests of dead consumers should not take Kafka's least of 6 s.
		"group.min.session.timeout.ms": "500",
		// One partition holds all groups: once it answers, every group is loaded.
		"offsets.topic.num.partitions":                     "1",
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.num.partitions":             "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.num.partitions":     "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		// A broker that was killed is let in again when its old session has ended: 9 s.
		"broker.session.timeout.ms":    "3000",
		"broker.heartbeat.interval.ms": "500",
		// A quarter of the heap would go to the log cleaner.
		"log.cleaner.dedupe.buffer.size": "8388608",
	}
}

// Run starts a broker and returns when it answers, also for consumer groups. The
// caller closes it. It dies with the process that started it (on Linux).
func Run(ctx context.Context, opts ...Option) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute) // Maven's downloads are in it
	defer cancel()
	o := options{flags: []string{"-Xmx512m"}, properties: defaults()}
	for _, opt := range opts {
		opt(&o)
	}
	s := &Server{dir: o.dir, flags: o.flags, port: o.port, fixed: o.port != 0, secure: o.secure}
	var err error
	if s.java, err = findJava(); err != nil {
		return nil, err
	}
	if s.jars, err = Jars(ctx); err != nil {
		return nil, err
	}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "tillstream-kafka-"); err != nil {
			return nil, fmt.Errorf("starting Kafka: %w", err)
		}
		s.temporary = true
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return nil, fmt.Errorf("starting Kafka: %w", err)
	}
	// Between finding a free port and Kafka's listening on it another process may
	// take it.
	for try := 1; ; try++ {
		err = s.first(ctx, o.properties)
		if err == nil {
			return s, nil
		}
		if try == 3 || s.fixed || !strings.Contains(s.Log(), "Address already in use") {
			return nil, errors.Join(err, s.Close())
		}
	}
}

// first writes the configuration, formats the storage and starts the broker.
func (s *Server) first(ctx context.Context, properties map[string]string) error {
	var err error
	if !s.fixed {
		if s.port, err = freePort(); err != nil {
			return err
		}
	}
	if s.control, err = freePort(); err != nil {
		return err
	}
	if s.secure != nil {
		if s.secure.port, err = freePort(); err != nil {
			return err
		}
	}
	if err := s.configure(properties); err != nil {
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	cluster := base64.RawURLEncoding.EncodeToString(id[:])
	// A retry on other ports finds the storage formatted.
	arguments := []string{"format", "--ignore-formatted", "--cluster-id=" + cluster, "--config", s.config()}
	if s.secure != nil {
		arguments = append(arguments, s.secure.formatArgs()...)
	}
	format := exec.CommandContext(ctx, s.java, s.args("kafka.tools.StorageTool",
		// A second of work is not worth a compiler's.
		[]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}, arguments...)...)
	if out, err := format.CombinedOutput(); err != nil {
		hint := ""
		if bytes.Contains(out, []byte("UnsupportedClassVersionError")) {
			hint = "\nThis Java is too old: Kafka 4 needs Java 17 or later."
		}
		return fmt.Errorf("formatting Kafka's storage in %s: %w\n%s%s", s.dir, err, tail(out), hint)
	}
	return s.Restart(ctx)
}

func (s *Server) configure(properties map[string]string) error {
	listen := net.JoinHostPort(host, strconv.Itoa(s.port))
	control := net.JoinHostPort(host, strconv.Itoa(s.control))
	all := map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        "1",
		"controller.quorum.voters":       "1@" + control,
		"listeners":                      "PLAINTEXT://" + listen + ",CONTROLLER://" + control,
		"advertised.listeners":           "PLAINTEXT://" + listen,
		"controller.listener.names":      "CONTROLLER",
		"listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"log.dirs":                       filepath.Join(s.dir, "data"),
	}
	if s.secure != nil {
		if err := s.certify(); err != nil {
			return fmt.Errorf("making Kafka's certificate: %w", err)
		}
		for _, name := range []string{"listeners", "advertised.listeners"} {
			all[name] += ",SECURE://" + s.SecureAddr()
		}
		all["listener.security.protocol.map"] += ",SECURE:SASL_SSL"
		maps.Copy(all, s.secure.properties(s.keyFile()))
	}
	maps.Copy(all, properties)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s=%s\n", name, all[name])
	}
	if err := os.WriteFile(s.config(), []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("configuring Kafka: %w", err)
	}
	return nil
}

func (s *Server) config() string  { return filepath.Join(s.dir, "server.properties") }
func (s *Server) logFile() string { return filepath.Join(s.dir, "kafka.log") }

func (s *Server) args(class string, flags []string, args ...string) []string {
	// A killed Java leaves its unpacked native libraries behind; here they go with
	// the rest.
	flags = append([]string{"-Djava.io.tmpdir=" + s.dir, "-XX:-UsePerfData"}, flags...)
	return append(javaArgs(s.jars, "info", flags, class), args...)
}

// Addr is the broker's address, host:port, also while it is down.
func (s *Server) Addr() string { return net.JoinHostPort(host, strconv.Itoa(s.port)) }

// Dir is the directory of its configuration, log and data.
func (s *Server) Dir() string { return s.dir }

// Restart starts the broker on the same ports and data, stopping it first if it
// still runs, and returns when it answers.
func (s *Server) Restart(ctx context.Context) error {
	s.Stop()
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("starting Kafka: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	// Not CommandContext: the broker is to outlive this call's context.
	cmd := exec.Command(s.java, s.args("kafka.Kafka", s.flags, s.config())...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	p, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("starting Kafka: %w", err)
	}
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()

	ctx, cancelCause := context.WithCancelCause(ctx)
	defer cancelCause(nil)
	go func() {
		select {
		case <-p.done:
			cancelCause(fmt.Errorf("the broker ended by itself (%v)", p.cmd.ProcessState))
		case <-ctx.Done():
		}
	}()
	if err := poll(ctx, s.ready); err != nil {
		s.Kill()
		return fmt.Errorf("waiting for Kafka on %s: %w\n%s", s.Addr(), err, s.Log())
	}
	return nil
}

// running returns the process if it lives.
func (s *Server) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || !s.process.alive() {
		return nil
	}
	return s.process
}

// Kill ends the broker with SIGKILL, as a crash would. Restart brings it back.
func (s *Server) Kill() {
	if p := s.running(); p != nil {
		p.kill()
	}
}

// Stop ends the broker in order. Restart brings it back.
func (s *Server) Stop() {
	if p := s.running(); p != nil {
		p.terminate(stopPatience)
	}
}

// Pause freezes the broker (SIGSTOP): its connections stay and nothing answers.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a paused broker go on (SIGCONT).
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	p := s.running()
	if p == nil {
		return fmt.Errorf("sending %s to Kafka: it does not run", sig)
	}
	return p.signal(sig)
}

// Close ends the broker and removes its data if they are in a directory of its
// own.
func (s *Server) Close() error {
	s.Stop()
	if !s.temporary {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// Log returns the end of the broker's own log, for a message about a failure.
func (s *Server) Log() string {
	f, err := os.Open(s.logFile())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	const most = 8 << 10
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-most), io.SeekStart)
	}
	end, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return "Kafka's log ends:\n" + string(tail(end))
}

// tail returns the last lines of an output.
func tail(out []byte) []byte {
	const most = 40
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-most):], []byte("\n"))
}

// freePort finds a port that nobody listens on. It is below those that the kernel
// gives to outgoing connections: while the broker is down, a client that keeps
// trying could else get the broker's own port as its source, and then either
// holds it or is connected to itself.
func freePort() (int, error) {
	const low, high = 20000, 32000
	var err error
	for range 100 {
		n, _ := rand.Int(rand.Reader, big.NewInt(high-low))
		port := low + int(n.Int64())
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("finding a free port on %s: %w", host, err)
}

// poll calls try until it succeeds or the context ends.
func poll(ctx context.Context, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; the last try said: %w", context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
