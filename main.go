// Tillstream is the sales pipeline of a fashion retailer. See README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"tillstream/internal/command"
)

func main() {
	// Before anything else: a signal that comes while it starts must not lose
	// anything either. The first one asks for an orderly end. Then the usual
	// handling is back, so that a second one ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := command.App().RunContext(ctx, os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tillstream: "+err.Error())
	}
	os.Exit(command.ExitCode(err))
}
