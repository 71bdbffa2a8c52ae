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

func dialBuffered(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &buffered{conn, bufio.NewReaderSize(conn, readBuffer)}, nil
}

// Read reads what is buffered, and only then asks the socket.
func (b *buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }
