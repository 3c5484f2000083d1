//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"pitwall/internal/daytona"
)

// measureSandboxes makes one sandbox after the other: no pool, no reuse, so each create is cold.
func measureSandboxes(ctx context.Context, l *lab, opt options, report *Report) error {
	l.note("sandboxes: %d, one after the other …", opt.sandboxes)
	var times sandboxTimes
	for range opt.sandboxes {
		if err := times.measure(ctx, l, opt); err != nil {
			return err
		}
	}
	report.Sandbox = SandboxFigures{
		FirstCommand: Figure{
			Spread: spread(times.first), AimP50: 100, BaselineOf: "runsc do true: gVisor alone, from start to end of one process",
			Baseline: spread(times.bare),
		},
		Create:        spread(times.create),
		SecondCommand: Figure{Spread: spread(times.second), BaselineOf: "GET /version by the same way: no process is started", Baseline: spread(times.version)},
		Delete:        Figure{Spread: spread(times.remove), BaselineOf: "one GET of the sandbox", Baseline: spread(times.get)},
	}
	return nil
}

type sandboxTimes struct{ create, first, second, remove, bare, version, get []time.Duration }

// measure is the life of one sandbox, and the baselines beside it.
func (t *sandboxTimes) measure(ctx context.Context, l *lab, opt options) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var sandbox daytona.Sandbox
	var toolbox *daytona.Toolbox
	command := func() error {
		answer, err := toolbox.Execute(ctx, daytona.ExecuteRequest{Command: "true"})
		if err == nil && answer.ExitCode != 0 {
			err = fmt.Errorf("true exits %d: %s", answer.ExitCode, answer.Output)
		}
		return err
	}
	var began time.Time
	steps := []struct {
		into *[]time.Duration
		do   func() error
	}{
		{&t.create, func() (err error) {
			if sandbox, err = l.daytona.CreateSandbox(ctx, createRequest("")); err == nil && !sandbox.Started() {
				sandbox, err = l.daytona.WaitStarted(ctx, sandbox.ID)
			}
			toolbox = l.daytona.Toolbox(sandbox)
			return err
		}},
		{&t.first, func() error { return command() }},
		{&t.second, func() error { return command() }},
		{&t.version, func() error { _, err := toolbox.Version(ctx); return err }},
		{&t.get, func() error { _, err := l.daytona.GetSandbox(ctx, sandbox.ID); return err }},
		{&t.remove, func() error { _, err := l.daytona.RemoveSandbox(ctx, sandbox.ID, nil); return err }},
		{&t.bare, func() error {
			flags := []string{"--root=" + filepath.Join(l.dir, "bare"), "--network=none", "--platform=systrap", "--ignore-cgroups"}
			if os.Geteuid() != 0 {
				flags = append(flags, "--rootless")
			}
			return bareSandbox(ctx, filepath.Join(opt.bin, "runsc"), flags)
		}},
	}
	for _, step := range steps {
		if step.into != &t.first { // the first command counts from the create on
			began = time.Now()
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("measure a sandbox: %w", err)
		}
		*step.into = append(*step.into, time.Since(began))
	}
	return nil
}

func bareSandbox(ctx context.Context, runsc string, flags []string) error {
	out, err := exec.CommandContext(ctx, runsc, append(flags, "do", "/bin/true")...).CombinedOutput() //nolint:gosec // the built program, named by whoever runs the bench
	if err != nil {
		return fmt.Errorf("runsc do: %w: %.200s", err, out)
	}
	return nil
}
