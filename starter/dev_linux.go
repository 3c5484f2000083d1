package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pitwall/internal/config"
	"pitwall/internal/devstack"
	"pitwall/workflows"
)

// devOptions are the flags of `dev`.
type devOptions struct {
	stateDir     string
	ephemeral    bool
	temporalPort int
	uiPort       int
	sandboxdPort int
	healthPort   int
	snapshots    []string
	demo         string
	keep         string
}

func devCommand(term *terminal) *cobra.Command {
	var options devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run Temporal, its UI, local sandboxes and a worker in this terminal, until Ctrl-C (Linux)",
		Long: `Run Temporal, its UI, local sandboxes and a worker in this terminal, until Ctrl-C.

A starter in any other terminal finds them by itself. Ctrl-C removes all local sandboxes and keeps the database, so
that the next dev goes on where this one stopped; --ephemeral forgets it. A second Ctrl-C leaves at once; the
children then end, and remove the sandboxes, by themselves.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if options.demo != "" {
				freePortsUnlessChosen(cmd, &options)
			}
			return runDev(cmd.Context(), term, options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.stateDir, "state-dir", "", "`folder` of database, logs and records (default: dev in Pitwall's state folder)")
	flags.BoolVar(&options.ephemeral, "ephemeral", false, "use a temporary state folder and forget it at the end")
	flags.IntVar(&options.temporalPort, "temporal-port", 7233, "port of Temporal; 0 chooses a free one")
	flags.IntVar(&options.uiPort, "ui-port", 8233, "port of Temporal's UI; 0 chooses a free one")
	flags.IntVar(&options.sandboxdPort, "sandboxd-port", 3986, "port of the local sandbox server; 0 chooses a free one")
	flags.IntVar(&options.healthPort, "health-port", 0, "port of the worker's health endpoint; 0 chooses a free one")
	flags.StringArrayVar(&options.snapshots, "snapshot", nil, "`NAME=DIR`: offer a prepared root or virtual environment to sandboxes; repeatable")
	flags.StringVar(&options.demo, "demo", "", "run the campaign in `folder`, print its result, stop everything and exit by its outcome")
	flags.StringVar(&options.keep, "keep", "", "`folder` that keeps the demo's results and artifacts (default: demo in Pitwall's state folder)")
	return cmd
}

// freePortsUnlessChosen lets a demo run beside a `starter dev`: nobody relies on a demo's ports.
func freePortsUnlessChosen(cmd *cobra.Command, options *devOptions) {
	for flag, port := range map[string]*int{"temporal-port": &options.temporalPort, "ui-port": &options.uiPort, "sandboxd-port": &options.sandboxdPort} {
		if !cmd.Flags().Changed(flag) {
			*port = 0
		}
	}
}

func runDev(ctx context.Context, term *terminal, options devOptions) (err error) {
	stack, cleanup, err := devConfig(term, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	term.note("starting Temporal, the sandbox server and a worker …")
	running, err := devstack.Start(ctx, stack, probeTemporal)
	if err != nil {
		if ctx.Err() != nil {
			return interrupted{"stopped before everything was ready"}
		}
		return explainStack(err)
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	if options.demo != "" {
		return runDemo(ctx, term, running, options)
	}
	return supervise(ctx, term, running)
}

// supervise keeps the stack until Ctrl-C, which is its regular end.
func supervise(ctx context.Context, term *terminal, running *devstack.Stack) error {
	where := running.Endpoints()
	profile, err := announceProfile(term, where)
	if err != nil {
		return err
	}
	defer profile.remove(term)
	if err := printDev(term, where, profile.path); err != nil {
		return err
	}
	if err := running.Wait(ctx); err != nil {
		return explainStack(err)
	}
	term.note("\nstopping: the worker hands over what it runs, then all local sandboxes are removed; the database is kept")
	return nil
}

// devConfig makes the stack's configuration; cleanup forgets an ephemeral one.
func devConfig(term *terminal, options devOptions) (stack devstack.Config, cleanup func() error, err error) {
	cleanup = func() error { return nil }
	self, err := thisProgram()
	if err != nil {
		return stack, cleanup, err
	}
	stack = devstack.Config{
		BinDir: filepath.Dir(self), StarterPath: self, StateDir: options.stateDir,
		TemporalPort: options.temporalPort, UIPort: options.uiPort, SandboxdPort: options.sandboxdPort, HealthPort: options.healthPort,
		WorkerEnv: term.environ,
		Notify:    func(message string) { term.note("%s", message) },
	}
	stack.SearchAttributes = workflows.SearchAttributePairs()
	for _, snapshot := range options.snapshots {
		stack.SandboxdArgs = append(stack.SandboxdArgs, "--snapshot", snapshot)
	}
	if stack.StateDir, cleanup, err = devStateDir(term, options); err != nil {
		return stack, cleanup, err
	}
	stack.StoreURL, err = devStore(term, options)
	return stack, cleanup, err
}

// devStateDir is the folder of database, logs and records.
func devStateDir(term *terminal, options devOptions) (dir string, cleanup func() error, err error) {
	cleanup = func() error { return nil }
	switch {
	case options.ephemeral && options.stateDir != "":
		return "", cleanup, &UsageError{Problem: "--ephemeral and --state-dir exclude each other", Hint: "keep one of them"}
	case options.ephemeral:
		if dir, err = os.MkdirTemp("", "pitwall-"); err != nil {
			return "", cleanup, fmt.Errorf("make a temporary state folder: %w", err)
		}
		return dir, func() error { return os.RemoveAll(dir) }, nil
	case options.stateDir != "":
		dir, err = filepath.Abs(options.stateDir)
		return dir, cleanup, err
	}
	root, err := stateRoot(term)
	return filepath.Join(root, "dev"), cleanup, err
}

// devStore is the store of a stack: what PITWALL_STORE says; beside the profile, where `campaign results` finds it also
// when no stack runs; or inside a state folder that the caller named. Empty: inside the state folder.
func devStore(term *terminal, options devOptions) (string, error) {
	switch {
	case options.demo != "":
		return demoStore(term, options)
	case term.env("PITWALL_STORE") != "":
		return term.env("PITWALL_STORE"), nil
	case options.ephemeral, options.stateDir != "":
		return "", nil
	}
	root, err := stateRoot(term)
	return config.FileURL(filepath.Join(root, "store")), err
}

// explainStack adds what to do to an error of the stack.
func explainStack(err error) error {
	var busy *devstack.BusyPortError
	var locked *devstack.LockedError
	switch {
	case errors.As(err, &busy):
		return &UsageError{Err: err, Hint: fmt.Sprintf("stop that program, or choose another port with %s N (0: any free one)", busy.Flag)}
	case errors.As(err, &locked):
		return &UsageError{Err: err, Hint: "use that one, or start another with --ephemeral or --state-dir DIR and other ports"}
	case errors.Is(err, devstack.ErrProgramsMissing):
		return &UsageError{Err: err, Hint: "build them with: make build"}
	}
	return explainStateDir(err)
}
