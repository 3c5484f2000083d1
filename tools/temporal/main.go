package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	uiversion "github.com/temporalio/ui-server/v2/server/version"
	"go.temporal.io/server/common/headers"
)

// Exit codes: 0 stopped by a signal, 1 the server did not start or stop, 3 wrong use.
const (
	exitFailed = 1
	exitUsage  = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "version") {
		fmt.Fprintln(stdout, versionLine())
		return 0
	}
	opts, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "temporal-dev: %v\n", err)
		return exitUsage
	}
	if err := serve(ctx, opts, stdout); err != nil {
		fmt.Fprintf(stderr, "temporal-dev: %v\n", err)
		return exitFailed
	}
	return 0
}

// serve runs the server until ctx ends. What it prints on stdout tells a reader that clients can connect now.
func serve(ctx context.Context, opts Options, stdout io.Writer) error {
	server, err := Start(ctx, opts)
	switch {
	case ctx.Err() != nil && server == nil:
		return nil // told to stop while starting
	case err != nil:
		return err
	}
	fmt.Fprintln(stdout, versionLine())
	fmt.Fprintf(stdout, "Server: %s\n", opts.frontendAddress())
	if !opts.Headless {
		fmt.Fprintf(stdout, "UI:     http://%s%s\n", opts.uiAddress(), opts.UIPublicPath)
	}
	if opts.MetricsPort != 0 {
		fmt.Fprintf(stdout, "Metrics: http://%s/metrics\n", opts.address(opts.MetricsPort))
	}
	<-ctx.Done()
	return server.Stop()
}

func versionLine() string {
	return fmt.Sprintf("temporal-dev (Server %s, UI %s)", headers.ServerVersion, uiversion.UIVersion)
}
