//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"tillstream/internal/database"
	"tillstream/internal/embedded"
	"tillstream/internal/workbench"
)

const (
	liveRate  = 200 // lines a second
	liveLines = 30 * liveRate
	// liveRotate makes a file of each few seconds.
	liveRotate = 300_000 // bytes
	// look is how often it is looked for lines.
	look = 20 * time.Millisecond
)

// live shows how long a line takes from the till into fact_sales, through broker,
// consumer, CSV and `etl live`, over rotations of the CSV: into SQLite, and into the
// server where there is one.
func (b *bench) live(server string) error {
	data, err := b.Generate(liveLines)
	if err != nil {
		return err
	}
	fmt.Printf("| %d lines a second, from the till into fact_sales | p50 | p95 | longest | lines |\n|---|---|---|---|---|\n", liveRate)
	took, err := b.follow("sqlite", data, "sqlite:"+b.Path("source.db"), "sqlite:"+b.Path("warehouse.db"))
	if err != nil {
		return err
	}
	printLatency("SQLite", took)
	if err := b.Remove("source.db", "warehouse.db"); err != nil {
		return err
	}
	if server != "" {
		target, err := newTarget(b.Context, server)
		if err != nil {
			return err
		}
		if err := target.drop(); err != nil {
			return err
		}
		took, err := b.follow("server", data, target.source, target.warehouse)
		if err := errors.Join(err, target.drop()); err != nil {
			return err
		}
		printLatency("SQL Server", took)
	}
	fmt.Println()
	return nil
}

func printLatency(engine string, took []time.Duration) {
	slices.Sort(took)
	at := func(q float64) float64 { return took[min(len(took)-1, int(q*float64(len(took))))].Seconds() }
	fmt.Printf("| %s | %.2f s | %.2f s | %.2f s | %d |\n", engine, at(0.5), at(0.95), at(1), len(took))
}

// follow runs the pipeline once and returns how long each line took. The k-th that was
// acknowledged to the till is taken for the k-th that is in the warehouse.
func (b *bench) follow(name, data, source, warehouse string) (took []time.Duration, err error) {
	workbench.Say("live, %s", name)
	if _, err := b.etl(nil, source, warehouse, "init"); err != nil {
		return nil, err
	}
	if _, err := b.etl(nil, source, warehouse, "import", "--from", data); err != nil { // what the sales refer to
		return nil, err
	}
	dw, err := database.Open(b.Context, warehouse)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dw.Close()) }()
	broker, err := embedded.Start(b.Path("broker-" + name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	brokers := []string{"--brokers", broker.Addresses()[0]}
	csv := b.Path("csv-" + name)
	consumer, err := b.Start(append([]string{"consume", "--out", csv, "--rotate-bytes", strconv.Itoa(liveRotate)}, brokers...)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, consumer.Stop()) }()
	follower, err := b.Start("etl", "live", "--csv", csv, "--source-db", source, "--warehouse", warehouse)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, follower.Stop()) }()
	// A producer ends with its source, and this one is to be asked until all is found.
	producer, err := b.Start(append([]string{"produce", "--source", data + "/transactions.csv", "--loop", "--rate", strconv.Itoa(liveRate)}, brokers...)...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, producer.Stop()) }()
	return watch(b.Context, func() (int, error) {
		n, err := producer.Counter("tillstream_produced_messages_total")
		return int(n), err
	}, func() (n int, err error) {
		err = dw.QueryRow(b.Context, "SELECT COUNT(*) FROM dw.fact_sales").Scan(&n)
		return n, err
	})
}

// watch looks at two counts until the second has got to liveLines, and returns how long
// after the first it got to each number.
func watch(ctx context.Context, sent, found func() (int, error)) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var times [2][]time.Time // when each number was first seen
	var failed [2]error
	var watching sync.WaitGroup
	for i, count := range []func() (int, error){sent, found} {
		watching.Go(func() {
			for len(times[i]) < liveLines && failed[i] == nil {
				n, err := count()
				now := time.Now()
				for range min(n, liveLines) - len(times[i]) {
					times[i] = append(times[i], now)
				}
				failed[i] = errors.Join(err, ctx.Err())
				workbench.Pause(look)
			}
		})
	}
	watching.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return nil, err
	}
	took := make([]time.Duration, liveLines)
	for k := range took {
		took[k] = times[1][k].Sub(times[0][k])
	}
	return took, nil
}
