//go:build linux

// Crash runs the real binary against a real Apache Kafka, kills it with SIGKILL
// at random instants and checks from outside that each line of sale is on disk
// exactly once. What it counts with is its own: encoding/csv, sets of identities
// and exact integers, and once more in Python.
//
// One instance: a single consumer is killed again and again while the producer
// runs; afterwards source, CSV and /metrics must agree to the last micro-dollar.
//
// Fleet: up to three instances of one group join, leave and, in the second half,
// are killed. Nothing may be lost, and only what a killed instance had written but
// not committed may be in two files.
//
// It needs Linux, where no child outlives it however it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.kills, "n", 200, "how often the one instance is killed; 0 leaves this part out")
	flag.IntVar(&o.events, "events", 100, "joins, leaves and kills of the fleet; 0 leaves this part out")
	flag.Float64Var(&o.rate, "rate", 4000, "lines a second for the one instance")
	flag.Float64Var(&o.fleetRate, "fleet-rate", 2000, "lines a second for the fleet")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()%1e9), "of everything random here, to do the same again as far as the machine allows")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory also when nothing is wrong")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

type options struct {
	kills, events   int
	rate, fleetRate float64
	seed            uint64
	keep            bool
}

func run(ctx context.Context, o options) (err error) {
	l, err := newLab(ctx, o.seed)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, l.close())
		switch {
		case err != nil && ctx.Err() == nil:
			err = fmt.Errorf("%w\nseed %d; the files, the logs and Kafka's data are kept in %s", err, o.seed, l.dir)
		case o.keep:
			say("kept: %s", l.dir)
		default:
			err = errors.Join(err, os.RemoveAll(l.dir))
		}
	}()
	fmt.Printf("%s, seed %d\n\n", time.Now().UTC().Format(time.DateOnly), o.seed)
	if o.kills > 0 {
		r, err := l.one(o.kills, o.rate)
		if err != nil {
			return fmt.Errorf("one instance: %w", err)
		}
		fmt.Println(r)
	}
	if o.events > 0 {
		r, err := l.fleet(o.events, o.fleetRate)
		if err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
		fmt.Println(r)
	}
	return nil
}
