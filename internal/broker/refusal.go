package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/segmentio/kafka-go"
)

// refusals are a cluster's answers to who we are. The same again gets the same
// answer.
var refusals = []error{
	kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState, kafka.SecurityDisabled,
}

// IsRefusal reports whether the cluster and we do not come together, however often
// we try: a wrong password, a certificate that is not trusted, encryption on one
// side only.
func IsRefusal(err error) bool {
	for _, r := range refusals {
		if errors.Is(err, r) {
			return true
		}
	}
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var encrypted *encryptedError
	return errors.As(err, &certificate) || errors.As(err, &plain) || errors.As(err, &encrypted)
}

// Advice says what to check when the cluster cannot be reached.
func Advice(err error) string {
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var encrypted *encryptedError
	var network *net.OpError
	switch {
	case errors.As(err, &certificate):
		return "check --tls-ca, or --tls-server-name where the certificate is for another name"
	case errors.As(err, &plain):
		return "this port does not encrypt: name the broker's TLS port in --brokers, or leave out --tls"
	case errors.As(err, &encrypted):
		return "add --tls, or name a port without encryption in --brokers"
	case errors.Is(err, kafka.UnsupportedSASLMechanism):
		return "choose one of the broker's mechanisms with --sasl-mechanism"
	case errors.Is(err, kafka.IllegalSASLState), errors.Is(err, kafka.SecurityDisabled):
		return "this port asks for no login: name another one in --brokers, or leave out --sasl-mechanism"
	case errors.Is(err, kafka.SASLAuthenticationFailed):
		return "check --sasl-user, the password and --sasl-mechanism"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the broker closed the connection: does this port want --tls, or no --tls, or a login (--sasl-mechanism)?"
	case errors.As(err, &network):
		return "is Kafka running there, and is --brokers right?"
	}
	return "is Kafka well? Its log may say more"
}

// encryptedError is a broker that speaks TLS to a client that does not.
type encryptedError struct{ address string }

func (e *encryptedError) Error() string {
	return fmt.Sprintf("%s answers with TLS, and TLS is not turned on", e.address)
}

// plainText is a connection without encryption. To a server that wants TLS our
// first request is nonsense, and it answers with a TLS alert, which would be taken
// for a response of 350 MB.
type plainText struct {
	net.Conn
	read bool
}

// Read looks at the first bytes that come.
func (c *plainText) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.read && n > 0 {
		c.read = true
		const alert, major = 21, 3 // RFC 8446, 5.1
		if n >= 2 && p[0] == alert && p[1] == major {
			return 0, &encryptedError{c.RemoteAddr().String()}
		}
	}
	return n, err
}
