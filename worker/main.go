package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second Ctrl-C ends the process at once; leases and the provider's clocks then clean up. A second SIGTERM does
	// not: Linux sends a parent's death signal once for each thread that the parent had.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	return execute(ctx, os.Args[1:], os.Environ(), os.Stderr)
}
