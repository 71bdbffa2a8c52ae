//go:build observability && kafka

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tillstream/internal/kafkatest"
)

// stack is all of it: Kafka, Prometheus, Alertmanager, Jaeger, and what receives
// the alerts.
type stack struct {
	t     *testing.T // what the stack runs for, longer than the subtests
	kafka *kafkatest.Broker
	hook  *hook
	mail  *mailbox

	// Addresses, host:port.
	producer, consumer, etl, prometheus, alertmanager, jaeger, jaegerAdmin, collector string
	out                                                                               string // of the consumer
}

// starting starts everything but the producer and the consumer, and returns when
// it answers.
func starting(t *testing.T) *stack {
	t.Helper()
	s := &stack{t: t, kafka: kafkatest.Start(t), hook: newHook(t), mail: newMailbox(t), out: t.TempDir()}
	for _, address := range []*string{&s.producer, &s.consumer, &s.etl, &s.prometheus, &s.alertmanager, &s.jaeger, &s.jaegerAdmin, &s.collector} {
		*address = quietAddress(t)
	}
	dir := configured(t, s)
	manager := daemon(t, dir, nil, tool(t, "alertmanager-v*"), "--config.file="+dir+"/alertmanager.yml", "--storage.path="+t.TempDir(),
		"--web.listen-address="+s.alertmanager, "--cluster.listen-address=")
	watch := daemon(t, "", nil, tool(t, "prometheus"), "--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+t.TempDir(),
		"--web.listen-address="+s.prometheus, "--enable-feature=exemplar-storage",
		"--query.lookback-delta="+(5*time.Minute/faster).String(), "--rules.alert.resend-delay=1s")
	spans := daemon(t, "", nil, tool(t, "jaeger-v*"), "--query.http-server.host-port="+s.jaeger, "--query.grpc-server.host-port="+quietAddress(t),
		"--admin.http.host-port="+s.jaegerAdmin, "--collector.otlp.http.host-port="+s.collector, "--collector.otlp.grpc.host-port="+quietAddress(t),
		"--collector.grpc-server.host-port="+quietAddress(t), "--collector.http-server.host-port="+quietAddress(t))
	for url, p := range map[string]*process{
		"http://" + s.alertmanager + "/-/ready": manager,
		"http://" + s.prometheus + "/-/ready":   watch,
		"http://" + s.jaegerAdmin + "/":         spans,
	} {
		p.eventually(t, url+" answers", func() bool { code, _ := get(t, url); return code == http.StatusOK })
	}
	s.kafka.CreateTopic(t, topicName, 4)
	return s
}

// quietAddress is an address that nobody listens on, and that stays so: its port is
// below those that the kernel gives to outgoing connections, of which there are
// many here.
func quietAddress(t *testing.T) string {
	t.Helper()
	const low, high = 11_000, 20_000
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", low+rand.IntN(high-low))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

const topicName = "sales"

// traced is the environment that switches traces on.
func (s *stack) traced() []string {
	return []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + s.collector, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=500"}
}

// consumes starts the consumer, always with the same address and directory.
func (s *stack) consumes() *process {
	s.t.Helper()
	return daemon(s.t, "", s.traced(), binary, "consume", "--brokers", s.kafka.Addr(), "--topic", topicName, "--out", s.out,
		"--listen", s.consumer, "--session-timeout", "2s")
}

// produces starts the producer.
func (s *stack) produces(source string, rate int) *process {
	s.t.Helper()
	return daemon(s.t, "", s.traced(), binary, "produce", "--brokers", s.kafka.Addr(), "--topic", topicName, "--source", source, "--loop",
		"--rate", fmt.Sprint(rate), "--listen", s.producer)
}

// setRate does what a person would with curl -X PUT.
func (s *stack) setRate(t *testing.T, rate int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.producer+"/rate", strings.NewReader(fmt.Sprint(rate)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("PUT /rate: %s", response.Status)
	}
}

// daemon starts a program in a directory; it runs until the test ends.
func daemon(t *testing.T, dir string, environment []string, path string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Dir = dir
	p.cmd.Env = append(append(os.Environ(), "TMPDIR="+t.TempDir()), environment...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-p.ended:
		case <-time.After(10 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
		if t.Failed() {
			text := p.stderr.String()
			t.Logf("%s ended with:\n%s", path, text[max(0, len(text)-4000):])
		}
	})
	return p
}

// within waits for a condition, longer than process.eventually does.
func within(t *testing.T, patience time.Duration, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(tick / 2)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// notice is one alert of a message that Alertmanager sent.
type notice struct {
	Status              string
	Labels, Annotations map[string]string
}

// hook receives what Alertmanager POSTs.
type hook struct {
	url string
	mu  sync.Mutex
	got []notice
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Alerts []notice }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, body.Alerts...)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// received are the alerts so far.
func (h *hook) received() []notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]notice(nil), h.got...)
}

// count counts those of a name and status, or of an area where the name is empty.
func (h *hook) count(name, area, status string) (n int) {
	for _, a := range h.received() {
		if (name == "" || a.Labels["alertname"] == name) && (area == "" || a.Labels["area"] == area) && a.Status == status {
			n++
		}
	}
	return n
}

// mailbox is a mail server that keeps what it gets.
type mailbox struct {
	address string
	mu      sync.Mutex
	mails   []string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	m := &mailbox{address: listener.Addr().String()}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go m.serve(connection)
		}
	}()
	return m
}

// serve speaks as much SMTP as a sender needs.
func (m *mailbox) serve(connection net.Conn) {
	defer connection.Close()
	c := textproto.NewConn(connection)
	answer := func(text string) { _ = c.PrintfLine("%s", text) } // the next read finds a lost connection
	answer("220 mailbox")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO", "HELO":
			answer("250 mailbox")
		case "DATA":
			answer("354 go on")
			body, err := io.ReadAll(c.DotReader())
			if err != nil {
				return
			}
			m.mu.Lock()
			m.mails = append(m.mails, string(body))
			m.mu.Unlock()
			answer("250 kept")
		case "QUIT":
			answer("221 bye")
			return
		default:
			answer("250 fine")
		}
	}
}

// holds reports whether a mail has all the texts.
func (m *mailbox) holds(texts ...string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mail := range m.mails {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(mail, text)
		}
		if all {
			return true
		}
	}
	return false
}
