//go:build linux

// Command toolbox is the first process of a local sandbox. The sandbox server starts it; see package toolbox.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"pitwall/internal/sandboxd/toolbox"
)

// softMemory is what the collector keeps the agent's heap within where it can; the sandbox's outer bound counts it.
const softMemory = 64 << 20

// maxLogBytes bounds the agent's log, a file on the host: whoever uses a sandbox can make its agent complain for ever.
const maxLogBytes = 1 << 20

// boundedLog drops what is past its bound. The logger writes one line at a time.
type boundedLog struct {
	out  io.Writer
	left int
}

func (b *boundedLog) Write(line []byte) (int, error) {
	if b.left -= len(line); b.left >= 0 {
		return b.out.Write(line)
	}
	return len(line), nil
}

func main() {
	debug.SetMemoryLimit(softMemory)
	ctx, stop := toolbox.Signals(context.Background())
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "toolbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	cfg := toolbox.Config{Logger: slog.New(slog.NewTextHandler(&boundedLog{out: os.Stderr, left: maxLogBytes}, nil))}
	flags := flag.NewFlagSet("toolbox", flag.ContinueOnError)
	socket := flags.String("socket", "/.pitwall/run/toolbox.sock", "Unix `path` to listen on")
	limits := flags.String("limits", "", "JSON `file` with the limits of the user's processes")
	env := flags.String("env", "", "JSON `file` with the variables of every command, an object of strings")
	flags.StringVar(&cfg.EgressSocket, "egress-socket", "", "Unix `path` on which the host calls for connections that leave the sandbox")
	flags.StringVar(&cfg.EgressListen, "egress-listen", "", "loopback `address` at which these begin")
	flags.StringVar(&cfg.User, "user", "", "login name of the user (default daytona)")
	flags.IntVar(&cfg.UID, "uid", 0, "uid of the user (default 1000)")
	flags.IntVar(&cfg.GID, "gid", 0, "gid of the user (default 1000)")
	flags.StringVar(&cfg.Home, "home", "", "home of the user (default /home/daytona)")
	flags.BoolVar(&cfg.SingleUser, "single-user", false, "run everything as the current user, without limits; for trusted commands only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := readFiles(&cfg, *limits, *env); err != nil {
		return err
	}
	server, err := toolbox.New(cfg)
	if err != nil {
		return err
	}
	listener, err := toolbox.Listen(*socket)
	if err != nil {
		return err
	}
	return server.Serve(ctx, listener)
}

// readFiles reads the files that the flags name into cfg.
func readFiles(cfg *toolbox.Config, limits, env string) error {
	var err error
	if limits != "" {
		if cfg.Limits, err = toolbox.ReadLimits(limits); err != nil {
			return err
		}
	}
	if env == "" {
		return nil
	}
	text, err := os.ReadFile(env)
	if err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if err := json.Unmarshal(text, &cfg.Env); err != nil {
		return fmt.Errorf("read environment %s: %w", env, err)
	}
	return nil
}
