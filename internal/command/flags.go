package command

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"tillstream/consumer"
	"tillstream/internal/broker"
	"tillstream/internal/fx"
	"tillstream/internal/store"
	"tillstream/producer"
)

// Every flag's name, default and help is declared once. docs/configuration.md is
// made from them.

var (
	brokersFlag = &cli.StringSliceFlag{Name: "brokers", Value: cli.NewStringSlice("localhost:9092"), Usage: "Kafka `ADDRESSES` to start from, host:port, comma-separated"}
	topicFlag   = &cli.StringFlag{Name: "topic", Value: "sales", Usage: "`TOPIC` of the sales"}
	partsFlag   = &cli.IntFlag{Name: "partitions", Value: 4, Usage: "partitions of a topic that has to be created"}
	giveUpFlag  = &cli.DurationFlag{Name: "give-up-after", Usage: "end with an error when Kafka cannot be reached for so long; 0 tries for ever"}

	tlsFlag          = &cli.BoolFlag{Name: "tls", Usage: "encrypt the connections to Kafka and check its certificates"}
	tlsCAFlag        = &cli.StringFlag{Name: "tls-ca", Usage: "PEM `FILE` of CA certificates to trust instead of the system's"}
	tlsCertFlag      = &cli.StringFlag{Name: "tls-cert", Usage: "PEM `FILE` of the client certificate"}
	tlsKeyFlag       = &cli.StringFlag{Name: "tls-key", Usage: "PEM `FILE` of the client certificate's key"}
	tlsNameFlag      = &cli.StringFlag{Name: "tls-server-name", Usage: "`NAME` to expect in the brokers' certificates"}
	saslFlag         = &cli.StringFlag{Name: "sasl-mechanism", Usage: "log in to Kafka: " + strings.Join(broker.Mechanisms, ", ")}
	saslUserFlag     = &cli.StringFlag{Name: "sasl-user", Usage: "`USER` to log in as"}
	saslPasswordFlag = &cli.StringFlag{Name: "sasl-password-file", Usage: "`FILE` that holds the password; or set TILLSTREAM_SASL_PASSWORD"}

	logLevelFlag  = &cli.StringFlag{Name: "log-level", Value: "info", Usage: "debug, info, warn or error"}
	logFormatFlag = &cli.StringFlag{Name: "log-format", Value: "text", Usage: "text or json; logs go to stderr"}

	sourceFlag     = &cli.StringFlag{Name: "source", Usage: "transactions CSV `FILE` with the published columns"}
	rateFlag       = &cli.Float64Flag{Name: "rate", Value: 50, Usage: "lines a second, fractions allowed; 0 is as fast as possible. PUT /rate changes it"}
	loopFlag       = &cli.BoolFlag{Name: "loop", Usage: "begin again at the end, with new invoice numbers"}
	renumberFlag   = &cli.BoolFlag{Name: "renumber", Usage: "new invoice numbers from the first line on: each run sells anew instead of sending the same lines again"}
	limitFlag      = &cli.Int64Flag{Name: "limit", Usage: "stop after so many lines; 0 is no limit"}
	stampFlag      = &cli.StringFlag{Name: "stamp", Value: producer.StampNow.String(), Usage: "now dates each line with the store's local time, keep leaves the source's date"}
	duplicatesFlag = &cli.Float64Flag{Name: "duplicate-ratio", Usage: "share of lines to send twice, 0 to 1, to try the pipeline out"}
	corruptFlag    = &cli.Float64Flag{Name: "corrupt-ratio", Usage: "damaged messages to add, as a share of the lines, 0 to 1"}
	seedFlag       = &cli.Uint64Flag{Name: "seed", Value: 1, Usage: "of everything random: the same seed gives the same"}

	groupFlag   = &cli.StringFlag{Name: "group", Value: "tillstream", Usage: "consumer `GROUP`"}
	outFlag     = &cli.StringFlag{Name: "out", Value: "data/live", Usage: "`DIR` of live_transactions.csv"}
	storesFlag  = &cli.StringFlag{Name: "stores", Usage: "stores CSV `FILE`; without, the 35 published stores, as 'tillstream defaults stores' prints them"}
	fxFlag      = &cli.StringFlag{Name: "fx", Usage: "rates CSV `FILE`: Date,Currency,Units Per USD; without, the built-in rates, as 'tillstream defaults fx' prints them"}
	lettersFlag = &cli.StringFlag{Name: "dead-letter-topic", Value: "sales.dead-letter", Usage: "`TOPIC` for what cannot be used"}
	windowFlag  = &cli.DurationFlag{Name: "dedupe-window", Value: 168 * time.Hour, Usage: "how long a line is remembered at least, to recognise it; 0 is for ever"}
	rotateFlag  = &cli.Int64Flag{Name: "rotate-bytes", Usage: "begin a new CSV when it is so long; 0 never does"}
	sessionFlag = &cli.DurationFlag{Name: "session-timeout", Value: consumer.DefaultSessionTimeout, Usage: "after how long without a sign of life the group gives this instance's partitions to another"}
	drainFlag   = &cli.BoolFlag{Name: "drain", Usage: "stop at the end of the topic as it stands at the start"}

	linesFlag       = &cli.Int64Flag{Name: "lines", Value: 100_000, Usage: "transaction lines to generate"}
	generateOutFlag = &cli.StringFlag{Name: "out", Value: "data/generated", Usage: "`DIR` for the six files"}

	demoLinesFlag = &cli.Int64Flag{Name: "lines", Value: 3000, Usage: "lines to generate where there is no --source; 0 has no end"}
	durationFlag  = &cli.DurationFlag{Name: "duration", Usage: "stop producing after so long; 0 goes on to the end of the source"}
	dirFlag       = &cli.StringFlag{Name: "dir", Usage: "`DIR` for the broker's data and the CSV, taken up again where it was left; without, a new temporary one"}
)

// listenFlag is each engine's own, so that all of them run side by side.
func listenFlag(address string) *cli.StringFlag {
	return &cli.StringFlag{Name: "listen", Value: address, Usage: "`ADDRESS` of the HTTP side: /metrics /healthz /readyz /debug/pprof; empty is none"}
}

func logFlags() []cli.Flag { return []cli.Flag{logLevelFlag, logFormatFlag} }

func clusterFlags() []cli.Flag {
	return []cli.Flag{brokersFlag, topicFlag, partsFlag, giveUpFlag,
		tlsFlag, tlsCAFlag, tlsCertFlag, tlsKeyFlag, tlsNameFlag, saslFlag, saslUserFlag, saslPasswordFlag}
}

func replayFlags() []cli.Flag {
	return []cli.Flag{sourceFlag, rateFlag, loopFlag, renumberFlag, limitFlag, stampFlag, duplicatesFlag, corruptFlag, seedFlag}
}

// bindEnvironment makes the flag settable by its environment variable.
func bindEnvironment(flag cli.Flag) {
	name := []string{environmentName(flag.Names()[0])}
	switch f := flag.(type) {
	case *cli.StringFlag:
		f.EnvVars = name
	case *cli.StringSliceFlag:
		f.EnvVars = name
	case *cli.IntFlag:
		f.EnvVars = name
	case *cli.Int64Flag:
		f.EnvVars = name
	case *cli.Uint64Flag:
		f.EnvVars = name
	case *cli.Float64Flag:
		f.EnvVars = name
	case *cli.BoolFlag:
		f.EnvVars = name
	case *cli.DurationFlag:
		f.EnvVars = name
	default:
		panic(fmt.Sprintf("a flag of type %T cannot be bound to the environment", flag))
	}
}

// clusterOf returns the way to Kafka that the flags describe.
func clusterOf(c *cli.Context) (*broker.Cluster, error) {
	options := broker.Options{
		Addresses:  c.StringSlice(brokersFlag.Name),
		TLS:        c.Bool(tlsFlag.Name),
		CAFile:     c.String(tlsCAFlag.Name),
		CertFile:   c.String(tlsCertFlag.Name),
		KeyFile:    c.String(tlsKeyFlag.Name),
		ServerName: c.String(tlsNameFlag.Name),
		Mechanism:  c.String(saslFlag.Name),
		User:       c.String(saslUserFlag.Name),
		Password:   os.Getenv("TILLSTREAM_SASL_PASSWORD"),
	}
	if path := c.String(saslPasswordFlag.Name); path != "" {
		password, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the SASL password: %w", err)
		}
		options.Password = strings.TrimRight(string(password), "\r\n")
	}
	if n := c.Int(partsFlag.Name); n < 1 {
		return nil, usagef("--%s is %d; a topic has at least 1", partsFlag.Name, n)
	}
	cluster, err := broker.New(options)
	if err != nil {
		return nil, usageError{err}
	}
	return cluster, nil
}

// storesOf returns the stores that the flags name.
func storesOf(c *cli.Context) (*store.Directory, error) {
	if path := c.String(storesFlag.Name); path != "" {
		return store.Load(path)
	}
	return store.Default(), nil
}

// ratesOf returns the rates of exchange that the flags name.
func ratesOf(c *cli.Context) (*fx.Table, error) {
	if path := c.String(fxFlag.Name); path != "" {
		return fx.Load(path)
	}
	return fx.Default(), nil
}

func concat(groups ...[]cli.Flag) (all []cli.Flag) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}
