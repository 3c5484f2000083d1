package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run())
}

// run is main with an exit code, for the tests that run it as a program of its own.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second Ctrl-C ends the process at once: nobody is kept waiting for a tidy end. A second SIGTERM does not: Linux
	// sends a parent's death signal once for each thread that the parent had, and a tidy end is what it asks for.
	context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt) })
	term := &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	return execute(ctx, term, os.Args[1:])
}
