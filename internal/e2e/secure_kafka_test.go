//go:build kafka

package e2e

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tillstream/internal/kafkatest"
)

const (
	kafkaUser     = "till"
	kafkaPassword = "Pa55word-of-the-tills"
)

// login are the flags of a client that does everything right, over the given
// mechanism. The password comes from a file.
func login(t *testing.T, kafka *kafkatest.Broker, mechanism, password string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--brokers", kafka.SecureAddr(), "--tls", "--tls-ca", kafka.CAFile(),
		"--sasl-mechanism", mechanism, "--sasl-user", kafkaUser, "--sasl-password-file", file, "--listen", ""}
}

// otherCA is the certificate of an authority that has nothing to do with Kafka's.
func otherCA(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "other.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TLS and a login, against a real Apache Kafka.
func TestSecureKafka(t *testing.T) {
	kafka := kafkatest.Start(t, kafkatest.Secure(kafkaUser, kafkaPassword))

	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		t.Run(mechanism, func(t *testing.T) {
			source, out := cashierStream(t, 2000), t.TempDir()
			flags := append(login(t, kafka, mechanism, kafkaPassword), "--topic", mechanism)
			ok(t, append([]string{"produce", "--source", source, "--rate", "0"}, flags...)...)
			got := decode[summary](t, ok(t, append([]string{"consume", "--out", out, "--group", mechanism, "--drain"}, flags...)...).stdout)
			same(t, got, recount(t, source, false))
		})
	}

	// What no waiting mends ends the command, with one line that says what to check.
	right := login(t, kafka, "scram-sha-512", kafkaPassword)
	replaced := func(name, value string) []string {
		flags := append([]string(nil), right...)
		for i, f := range flags {
			if f == name {
				flags[i+1] = value
			}
		}
		return flags
	}
	for _, test := range []struct {
		name  string
		flags []string
		want  []string // in the error
	}{
		{"wrong password", login(t, kafka, "scram-sha-512", "wrong-"+kafkaPassword), []string{"SASL", "check --sasl-user, the password"}},
		{"wrong password with plain", login(t, kafka, "plain", "wrong-"+kafkaPassword), []string{"SASL", "check --sasl-user, the password"}},
		{"unknown user", replaced("--sasl-user", "nobody"), []string{"SASL", "check --sasl-user"}},
		{"wrong CA", replaced("--tls-ca", otherCA(t)), []string{"x509", "check --tls-ca"}},
		{"wrong name", append([]string{"--tls-server-name", "kafka.example.com"}, right...), []string{"kafka.example.com", "--tls-server-name"}},
		{"plain text to the TLS port", []string{"--brokers", kafka.SecureAddr(), "--listen", ""}, []string{"TLS", "add --tls"}},
		{"TLS to the plain port", replaced("--brokers", kafka.Addr()), nil},
		{"a login where none is asked for", []string{"--brokers", kafka.Addr(), "--listen", "", "--sasl-mechanism", "plain", "--sasl-user", kafkaUser,
			"--sasl-password-file", right[len(right)-3]}, []string{"--sasl-mechanism"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, command := range [][]string{
				{"produce", "--source", cashierStream(t, 10)},
				{"consume", "--out", t.TempDir(), "--group", "refused"},
			} {
				began := time.Now()
				args := append(append(command, "--topic", "refused"), test.flags...)
				if test.want == nil { // the broker only hangs up, as one that is restarted does
					args = append(args, "--give-up-after", "2s")
				}
				o := run(t, args...)
				t.Logf("%s, exit code %d after %v:\n%s", command[0], o.code, time.Since(began).Round(time.Millisecond), o.stderr)
				lines := strings.Split(strings.TrimSpace(o.stderr), "\n")
				last := lines[len(lines)-1]
				if o.code != 1 || !strings.HasPrefix(last, "tillstream: ") {
					t.Errorf("%s ends with exit code %d: %s", command[0], o.code, last)
				}
				for _, want := range test.want {
					if !strings.Contains(last, want) {
						t.Errorf("%s does not say %q: %s", command[0], want, last)
					}
				}
				if test.want != nil && time.Since(began) > 15*time.Second {
					t.Errorf("%s tried for %v what trying does not mend", command[0], time.Since(began))
				}
				if strings.Contains(o.stderr+o.stdout, kafkaPassword) {
					t.Errorf("%s shows the password", command[0])
				}
			}
		})
	}

	// A broker that is away is waited for, with the same credentials.
	t.Run("broker away", func(t *testing.T) {
		source, out := cashierStream(t, 500), t.TempDir()
		flags := append([]string{"--topic", "scram-sha-256"}, right...)
		kafka.Stop(t)
		address := freeAddress(t)
		p := start(t, append([]string{"consume", "--out", out, "--group", "waits"}, append(flags, "--listen", address)...)...)
		p.eventually(t, "it says that it waits", func() bool { return strings.Contains(p.stderr.String(), "trying again until it works") })
		kafka.Restart(t)
		ok(t, append([]string{"produce", "--source", source, "--rate", "0", "--renumber"}, flags...)...)
		p.eventually(t, "all is written", func() bool {
			code, metrics := get(t, "http://"+address+"/metrics")
			return code == http.StatusOK && strings.Contains(metrics, "tillstream_written_lines_total 2500\n")
		})
		p.signal(t, syscall.SIGTERM)
		if o := p.wait(t); o.code != 0 {
			t.Errorf("exit code %d\n%s", o.code, o.stderr)
		}
	})
}
