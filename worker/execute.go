package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"go.uber.org/zap"

	"pitwall/internal/config"
	"pitwall/internal/policy"
	"pitwall/internal/redact"
	"pitwall/internal/secrets"
	"pitwall/internal/telemetry"
)

// Exit codes.
const (
	exitStopped = 0
	exitInfra   = 2
	exitUsage   = 3
)

// usageError is a wrong flag or setting: starting again does not help.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// execute runs the worker until ctx ends and returns the exit code. An error is one line on stderr.
func execute(ctx context.Context, args, environ []string, stderr io.Writer) int {
	redactor := redact.New()
	stderr = redactor.EachWrite(stderr)
	setup, err := readSetup(args, environ, redactor, stderr)
	if err == nil {
		err = work(ctx, setup)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitStopped
	case errors.As(err, new(usageError)):
		fmt.Fprintln(stderr, "worker:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "worker:", err)
	return exitInfra
}

// setup is what the command line and the environment say.
type setup struct {
	queues []string
	config config.Config
	policy *policy.Policy
	log    *zap.Logger
	// redactor knows every secret that this process holds; secrets are those that jobs may name.
	redactor *redact.Redactor
	secrets  *secrets.Keeper
}

func readSetup(args, environ []string, redactor *redact.Redactor, stderr io.Writer) (setup, error) {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error is printed once, by execute
	list := flags.String("queues", strings.Join(allQueues(), ","), "comma-separated `queues` that this replica serves")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.SetOutput(stderr)
			flags.Usage()
			return setup{}, err
		}
		return setup{}, usageError{fmt.Errorf("%w: see worker -help", err)}
	}
	if flags.NArg() > 0 {
		return setup{}, usageError{fmt.Errorf("unexpected argument %q: settings are environment variables", flags.Arg(0))}
	}
	queues, err := parseQueues(*list)
	if err != nil {
		return setup{}, usageError{err}
	}
	loaded, err := config.Load(environ)
	if err != nil {
		return setup{}, usageError{err}
	}
	for name, values := range loaded.SecretValues() {
		for _, value := range values {
			redactor.Add(name, value)
		}
	}
	keeper, err := secrets.NewKeeper(environ, loaded.SecretsDir, redactor)
	if err != nil {
		return setup{}, usageError{err}
	}
	admitted, err := policy.Load(loaded.PolicyFile)
	if err != nil {
		return setup{}, usageError{fmt.Errorf("PITWALL_POLICY_FILE: %w", err)}
	}
	log, err := telemetry.NewLogger(stderr, loaded.LogFormat, loaded.LogLevel)
	if err != nil {
		return setup{}, usageError{err}
	}
	return setup{queues: queues, config: loaded, policy: admitted, log: log, redactor: redactor, secrets: keeper}, nil
}
