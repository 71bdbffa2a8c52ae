package broker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Options say where the cluster is and how it is to be convinced.
type Options struct {
	Addresses []string // host:port

	TLS        bool   // encrypt, and check the brokers' certificates
	CAFile     string // PEM certificates to trust instead of the system's
	CertFile   string // PEM certificate by which we show who we are
	KeyFile    string // its private key
	ServerName string // expected in the certificates, where it is not the host's

	Mechanism string // of SASL: one of Mechanisms; empty is none
	User      string
	Password  string
}

// Mechanisms are the SASL mechanisms that are supported.
var Mechanisms = []string{"plain", "scram-sha-256", "scram-sha-512"}

func (o Options) tlsConfig() (*tls.Config, error) {
	if !o.TLS {
		if o.CAFile != "" || o.CertFile != "" || o.KeyFile != "" || o.ServerName != "" {
			return nil, errors.New("TLS files are given, but TLS is not turned on; add --tls")
		}
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.ServerName}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the CA certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the CA certificates: %s holds no PEM certificate", o.CAFile)
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		own, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate %q and its key %q: %w", o.CertFile, o.KeyFile, err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

func (o Options) saslMechanism() (sasl.Mechanism, error) {
	if o.Mechanism == "" {
		if o.User != "" || o.Password != "" {
			return nil, fmt.Errorf("a SASL user or password is given, but no mechanism; it is one of %s", strings.Join(Mechanisms, ", "))
		}
		return nil, nil
	}
	if o.User == "" || o.Password == "" {
		return nil, fmt.Errorf("the SASL mechanism %s needs a user and a password", o.Mechanism)
	}
	switch o.Mechanism {
	case "plain":
		return plain.Mechanism{Username: o.User, Password: o.Password}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, o.User, o.Password)
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, o.User, o.Password)
	}
	return nil, fmt.Errorf("the SASL mechanism %q is not supported; it is one of %s", o.Mechanism, strings.Join(Mechanisms, ", "))
}
