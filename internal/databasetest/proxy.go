//go:build mssql

package databasetest

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

func init() { hide = behindProxy }

// behindProxy puts a proxy of the test's own before the server. away ends its
// connections and refuses new ones.
func behindProxy(t testing.TB, address string) (hidden string, away, back func()) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{TB: t, server: u.Host, address: "localhost:0"}
	p.listen()
	p.address = p.listener.Addr().String()
	u.Host = p.address
	t.Cleanup(p.close)
	return u.String(), p.close, p.listen
}

// proxy passes on what it gets, both ways.
type proxy struct {
	testing.TB
	server, address string
	listener        net.Listener
	running         sync.WaitGroup

	mu    sync.Mutex
	away  bool
	conns []net.Conn
}

func (p *proxy) listen() {
	p.Helper()
	var err error
	if p.listener, err = net.Listen("tcp", p.address); err != nil {
		p.Fatal(err)
	}
	p.setAway(false)
	listener := p.listener
	p.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			server, err := net.Dial("tcp", p.server)
			if err != nil {
				_ = client.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, client, server)
			late := p.away
			p.mu.Unlock()
			if late {
				_, _ = client.Close(), server.Close()
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				p.running.Go(func() {
					_, _ = io.Copy(way[0], way[1]) // it ends with either connection
					_, _ = way[0].Close(), way[1].Close()
				})
			}
		}
	})
}

func (p *proxy) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.setAway(true)
	p.mu.Lock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.running.Wait()
}
