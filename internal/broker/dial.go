package broker

import (
	"bufio"
	"context"
	"net"
)

// readBuffer is how much is asked of the socket at once. kafka-go reads through
// 4 KiB, which makes a system call for each ten messages.
const readBuffer = 128 << 10

// buffered is a connection whose reads are of a good size.
type buffered struct {
	net.Conn
	reader *bufio.Reader
}

// Read reads what is buffered, and only then asks the socket.
func (b *buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }

// dialFunc opens a connection to an address.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func dialEncrypted(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}

// dialPlain notices when it should have been dialEncrypted.
func dialPlain(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dialEncrypted(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &plainText{Conn: conn}, nil
}

// reading gives a connection's reads a good size.
func reading(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &buffered{conn, bufio.NewReaderSize(conn, readBuffer)}, nil
	}
}
