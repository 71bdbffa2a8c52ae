//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tillstream/internal/kafkatest"
)

const (
	// sessionOfOne is short, so that an instance that comes back after a kill does
	// not wait long for the group to give up the one that died.
	sessionOfOne = time.Second
	// stuck is when something that must happen counts as not happening.
	stuck = time.Minute
	// atOnce is how often to look when an instance is to be hit right afterwards,
	// calmly when it is not.
	atOnce = 50 * time.Microsecond
	calmly = 100 * time.Millisecond
	// leaveTime is within what an instance has to end after SIGTERM.
	leaveTime = 10 * time.Second
)

// lab is where the instances are tried.
type lab struct {
	ctx       context.Context
	dir       string
	binary    string
	kafka     *kafkatest.Server
	random    *rand.Rand
	processes []*process // all that were started
}

func newLab(ctx context.Context, seed uint64) (l *lab, err error) {
	l = &lab{ctx: ctx, random: rand.New(rand.NewPCG(seed, 0))}
	if l.dir, err = os.MkdirTemp("", "tillstream-crash-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close(), os.RemoveAll(l.dir))
		}
	}()
	l.binary = filepath.Join(l.dir, "tillstream")
	if err := l.command("go", "build", "-o", l.binary, "tillstream"); err != nil {
		return nil, err
	}
	say("starting Kafka")
	kafkaDir := filepath.Join(l.dir, "kafka")
	if err := os.Mkdir(kafkaDir, 0o700); err != nil {
		return nil, err
	}
	l.kafka, err = kafkatest.Run(ctx, kafkatest.Dir(kafkaDir))
	return l, err
}

// close ends all that still runs.
func (l *lab) close() error {
	for _, p := range l.processes {
		if p.alive() {
			_ = p.cmd.Process.Kill() // or it ends just now
			<-p.done
		}
	}
	if l.kafka == nil {
		return nil
	}
	return l.kafka.Close()
}

// command runs something to its end.
func (l *lab) command(name string, args ...string) error {
	cmd := exec.CommandContext(l.ctx, name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// start starts a tillstream with its log in a file of that name.
func (l *lab) start(name string, args ...string) (*process, error) {
	args = append(args, "--brokers", l.kafka.Addr())
	p, err := startProcess(filepath.Join(l.dir, name+".log"), l.binary, args...)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	l.processes = append(l.processes, p)
	return p, nil
}

// generate makes a source and returns its path.
func (l *lab) generate(name string, lines int) (string, error) {
	say("generating %d lines", lines)
	dir := filepath.Join(l.dir, name)
	seed := strconv.FormatUint(l.random.Uint64N(1e6), 10)
	return filepath.Join(dir, "transactions.csv"),
		l.command(l.binary, "generate", "--lines", strconv.Itoa(lines), "--seed", seed, "--out", dir)
}

// tills is a producer that runs in the background.
type tills struct {
	*process
	source  string
	address string
}

// produced is the producer's summary.
type produced struct{ Produced, Lines, Duplicates int64 }

func (l *lab) produce(topic, source string, rate float64, more ...string) (*tills, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := l.start(topic+"-produce", append([]string{"produce", "--topic", topic, "--source", source,
		"--rate", strconv.FormatFloat(rate, 'f', -1, 64), "--stamp", "now", "--listen", address}, more...)...)
	return &tills{p, source, address}, err
}

// setRate changes how many lines a second are produced.
func (t *tills) setRate(ctx context.Context, rate float64) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+t.address+"/rate", strings.NewReader(strconv.FormatFloat(rate, 'f', 0, 64)))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		if !t.alive() {
			return nil // the source is through
		}
		return fmt.Errorf("changing the producer's rate: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("changing the producer's rate: %s", answer.Status)
	}
	return nil
}

// stop ends the producer, unless its source is through already, and returns what
// it has sent.
func (t *tills) stop() (sent produced, err error) {
	if !t.alive() {
		if code := t.cmd.ProcessState.ExitCode(); code != 0 {
			return sent, t.failure("it ended by itself")
		}
		return sent, json.Unmarshal(t.stdout.Bytes(), &sent)
	}
	_, err = t.leave(leaveTime, &sent)
	return sent, err
}

// until waits for a condition, which it looks at every so often.
func (l *lab) until(what string, every, patience time.Duration, condition func() (bool, error)) error {
	for deadline := time.Now().Add(patience); ; {
		if done, err := condition(); done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %s", patience, what)
		}
		if err := l.pause(every); err != nil {
			return err
		}
	}
}

func (l *lab) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
}

// between is a random time.
func (l *lab) between(least, most time.Duration) time.Duration {
	return least + time.Duration(l.random.Int64N(int64(most-least)))
}

// get returns a page of an instance, empty while it does not answer.
func (l *lab) get(address, path string) string {
	request, err := http.NewRequestWithContext(l.ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return ""
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := io.Copy(&body, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return ""
	}
	return body.String()
}

// freeAddress is an address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// say tells how far it is, on stderr.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
}
