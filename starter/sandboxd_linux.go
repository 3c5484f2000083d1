package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"pitwall/internal/sandboxd"
	"pitwall/internal/sandboxd/gvisor"
	"pitwall/internal/telemetry"
)

// sandboxdOptions are the flags of `sandboxd`.
type sandboxdOptions struct {
	addr         string
	stateDir     string
	runsc        string
	toolbox      string
	snapshots    []string
	maxSandboxes int
	keep         bool
	faults       string
	logFormat    string
	logLevel     string
}

func sandboxdCommand(term *terminal) *cobra.Command {
	var options sandboxdOptions
	cmd := &cobra.Command{
		Use:   "sandboxd",
		Short: "Serve local sandboxes behind Daytona's API (Linux)",
		Long: `Serve local sandboxes behind Daytona's API until Ctrl-C. Each is a gVisor container without a network, but
for what an allow list admits.

An API key is always required; it is made on the first run and stands in <state-dir>/api-key. Ctrl-C removes every
sandbox; a server that is killed leaves them, and the next one adopts them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serveSandboxes(cmd.Context(), term, options) },
	}
	flags := cmd.Flags()
	flags.StringVar(&options.addr, "addr", "127.0.0.1:3986", "`address` to listen on")
	flags.StringVar(&options.stateDir, "state-dir", "", "`folder` of records and key (default: sandboxd in Pitwall's state folder)")
	flags.StringVar(&options.runsc, "runsc", "", "`path` of runsc (default: beside this program)")
	flags.StringVar(&options.toolbox, "toolbox", "", "`path` of the agent inside (default: beside this program)")
	flags.StringArrayVar(&options.snapshots, "snapshot", nil, "`NAME=DIR`: offer a prepared root or virtual environment, read-only; repeatable")
	flags.IntVar(&options.maxSandboxes, "max-sandboxes", 0, "refuse more than `n` sandboxes at once (default 64)")
	flags.BoolVar(&options.keep, "keep", false, "leave sandboxes alive at Ctrl-C, for the next server to adopt")
	flags.StringVar(&options.faults, "faults", "", "`file` with faults to inject, to see what clients make of them")
	flags.StringVar(&options.logFormat, "log-format", telemetry.FormatConsole, "console or json")
	flags.StringVar(&options.logLevel, "log-level", "info", "debug, info, warn or error")
	return cmd
}

func serveSandboxes(ctx context.Context, term *terminal, options sandboxdOptions) error {
	log, err := telemetry.NewLogger(term.err, options.logFormat, options.logLevel)
	if err != nil {
		return &UsageError{Err: err}
	}
	config, err := options.config(term, log)
	if err != nil {
		return err
	}
	script, err := options.loadFaults()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", options.addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return &UsageError{Problem: options.addr + " is in use by another program", Hint: "stop that program, or choose another address with --addr"}
	}
	if err != nil {
		return &UsageError{Problem: "listen on " + options.addr, Err: err, Hint: "write --addr HOST:PORT, such as 127.0.0.1:3986; port 0 is any free one"}
	}
	server, err := sandboxd.New(ctx, config)
	if err != nil {
		return errors.Join(explainSandboxd(err), listener.Close())
	}
	log.Info("sandbox server is ready", zap.String("url", "http://"+listener.Addr().String()+"/api"),
		zap.String("key_file", sandboxd.KeyFile(config.StateDir)), zap.Int("fault_rules", len(script.Rules)))
	if len(script.Rules) > 0 {
		err = serveWithFaults(ctx, server, listener, script, log)
	} else {
		err = server.Serve(ctx, listener)
	}
	if err != nil {
		return err
	}
	log.Info("sandbox server has stopped", zap.Bool("sandboxes_kept", options.keep))
	return nil
}

// explainSandboxd adds what to do to an error of the start.
func explainSandboxd(err error) error {
	if errors.Is(err, gvisor.ErrInUse) {
		return &UsageError{Err: err, Hint: "use that server, or choose another folder with --state-dir"}
	}
	return explainStateDir(err)
}

// explainStateDir adds what to do where the state folder cannot be written.
func explainStateDir(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &InfraError{Err: err, Hint: "free some space there, or choose another folder with --state-dir"}
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return &InfraError{Err: err, Hint: "let this user write there, or choose another folder with --state-dir"}
	}
	return err
}

// config finds the programs beside this one, where the flags do not say.
func (o sandboxdOptions) config(term *terminal, log *zap.Logger) (sandboxd.Config, error) {
	config := sandboxd.Config{MaxSandboxes: o.maxSandboxes, KeepOnShutdown: o.keep, Logger: log}
	self, err := thisProgram()
	if err != nil {
		return config, err
	}
	bin := filepath.Dir(self)
	if o.stateDir == "" {
		root, err := stateRoot(term)
		if err != nil {
			return config, err
		}
		o.stateDir = filepath.Join(root, "sandboxd")
	}
	for _, path := range []struct {
		given, otherwise string
		into             *string
	}{
		{o.stateDir, "", &config.StateDir},
		{o.runsc, filepath.Join(bin, "runsc"), &config.RunscPath},
		{o.toolbox, filepath.Join(bin, "toolbox"), &config.ToolboxPath},
	} {
		chosen := path.given
		if chosen == "" {
			chosen = path.otherwise
		}
		if *path.into, err = filepath.Abs(chosen); err != nil {
			return config, fmt.Errorf("find %s: %w", chosen, err)
		}
	}
	for _, pair := range o.snapshots {
		name, dir, found := strings.Cut(pair, "=")
		if !found || name == "" || dir == "" {
			return config, &UsageError{Problem: "--snapshot " + pair, Hint: "write --snapshot NAME=DIR"}
		}
		if dir, err = filepath.Abs(dir); err != nil {
			return config, fmt.Errorf("find %s: %w", dir, err)
		}
		config.Snapshots = append(config.Snapshots, gvisor.Snapshot{Name: name, Dir: dir})
	}
	return config, nil
}

// thisProgram is the path of this program; the others stand beside it.
func thisProgram() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	return self, nil
}
