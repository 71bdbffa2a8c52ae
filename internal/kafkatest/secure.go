//go:build unix

package kafkatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// secure is a second listener, for clients that encrypt and log in.
type secure struct {
	user, password string
	port           int
}

// Secure adds a listener that takes TLS with a login only: by PLAIN, SCRAM-SHA-256
// or SCRAM-SHA-512. Its certificate is signed by an authority of its own, see
// CAFile. The broker's plain listener stays.
func Secure(user, password string) Option {
	return func(o *options) { o.secure = &secure{user: user, password: password} }
}

// SecureAddr is the address of the listener that Secure adds, host:port.
func (s *Server) SecureAddr() string { return net.JoinHostPort(host, strconv.Itoa(s.secure.port)) }

// CAFile holds the certificate of the authority that has signed the broker's, as
// PEM.
func (s *Server) CAFile() string { return filepath.Join(s.dir, "ca.pem") }

func (s *Server) keyFile() string { return filepath.Join(s.dir, "broker.pem") }

// mechanisms by which the listener lets users in.
var mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

// properties of the listener, for the broker's configuration.
func (l *secure) properties(keyFile string) map[string]string {
	const listener = "listener.name.secure."
	all := map[string]string{
		"sasl.enabled.mechanisms":          strings.Join(mechanisms, ","),
		listener + "ssl.keystore.type":     "PEM",
		listener + "ssl.keystore.location": keyFile,
		listener + "plain.sasl.jaas.config": fmt.Sprintf(
			"org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q;", l.user, l.password),
	}
	for _, m := range mechanisms[1:] {
		all[listener+strings.ToLower(m)+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
	}
	return all
}

// formatArgs make the user known to the two SCRAM mechanisms, whose users are in
// the cluster's metadata.
func (l *secure) formatArgs() (args []string) {
	for _, m := range mechanisms[1:] {
		args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", m, l.user, l.password))
	}
	return args
}

// certify makes an authority and the broker's certificate. Kafka wants key and
// certificates in one file, the key as PKCS #8.
func (s *Server) certify() error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kafkatest authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kafkatest broker"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.ParseIP(host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, authority, key.Public(), authorityKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	authorityPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER})
	broker := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	broker = append(broker, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(s.keyFile(), append(broker, authorityPEM...), 0o600); err != nil {
		return err
	}
	return os.WriteFile(s.CAFile(), authorityPEM, 0o600)
}
