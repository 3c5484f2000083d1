//go:build linux

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// machineSpecName keeps a machine's Spec beside its bundle, for adoption and for the next start.
const machineSpecName = "machine.json"

// tasksPerProcess is how many host tasks one process inside may need (a thread of gVisor's, and stub threads), and taskFloor
// what gVisor itself needs. The bound inside is the exact one; this one keeps the host's process table safe.
const (
	tasksPerProcess = 4
	taskFloor       = 512
)

// Start makes a machine and returns when its agent answers. With files saved by Stop it restores them. A start that fails
// leaves nothing behind. Returns ErrUnknownSnapshot, or an error with gVisor's last words.
func (r *Runtime) Start(ctx context.Context, s Spec) (Machine, error) {
	if err := checkID(s.ID); err != nil {
		return Machine{}, err
	}
	if s.Snapshot == "" {
		s.Snapshot = DefaultSnapshot
	}
	t, ok := r.templates[s.Snapshot]
	if !ok {
		return Machine{}, fmt.Errorf("start machine %s: %w: %s", s.ID, ErrUnknownSnapshot, s.Snapshot)
	}
	s.Limits = s.Limits.WithDefaults()
	m, err := r.start(ctx, s, t)
	if err != nil {
		return Machine{}, errors.Join(fmt.Errorf("start machine %s: %w", s.ID, err), r.undoStart(ctx, s.ID))
	}
	return m, nil
}

func (r *Runtime) start(ctx context.Context, s Spec, t template) (Machine, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.StartTimeout)
	defer cancel()
	clock := stopwatch(time.Now())
	m := Machine{ID: s.ID, Socket: r.Socket(s.ID)}
	if err := r.writeBundle(s, t); err != nil {
		return m, err
	}
	group, err := r.makeGroup(s)
	if err != nil {
		return m, err
	}
	m.Timing.Bundle = clock.lap()
	ended, err := r.launch(ctx, s, group)
	if err != nil {
		return m, err
	}
	m.Timing.Launch = clock.lap()
	if err := r.awaitAgent(ctx, s.ID, ended); err != nil {
		return m, err
	}
	m.Timing.Agent = clock.lap()
	if err := r.attach(s, group, ended); err != nil {
		return m, err
	}
	m.Timing.Bounds = clock.lap()
	return m, nil
}

func (r *Runtime) makeGroup(s Spec) (cgroup, error) {
	if r.cgroups == nil {
		return nil, nil
	}
	return r.cgroups.create(s.ID, s.Limits.MemoryBytes+r.cfg.Headroom, taskFloor+tasksPerProcess*s.Limits.Processes)
}

// launch starts `runsc run --detach`. The channel delivers its end, which comes some 20 ms after the agent's first answer.
func (r *Runtime) launch(ctx context.Context, s Spec, group cgroup) (*ending, error) {
	args := append(r.globalFlags(s.ID, s.Limits.DiskBytes), "run", "--detach", "--bundle="+r.machineDir(s.ID), "--pid-file="+r.pidFile(s.ID))
	if isDir(r.savedDir(s.ID)) {
		args = append(args, "--fs-restore-image-path="+r.savedDir(s.ID))
	}
	cmd := r.command(append(args, s.ID)...)
	words, err := os.OpenFile(r.wordsFile(s.ID), os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of machine: %w", err)
	}
	defer words.Close()
	cmd.Stdout, cmd.Stderr = words, words // a file: it outlives us, where a pipe would end the agent
	if err := spawn(cmd, group); err != nil {
		return nil, fmt.Errorf("start runsc: %w", err)
	}
	return waitLaunch(ctx, cmd), nil
}

// ending is the end of the process that launched a machine.
type ending struct {
	done chan struct{}
	err  error // valid once done is closed
}

func waitLaunch(ctx context.Context, cmd *exec.Cmd) *ending {
	e := &ending{done: make(chan struct{})}
	// The launcher outlives the start by some milliseconds, so the start's own end must not kill it: a bound of its own.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	if deadline, ok := ctx.Deadline(); ok {
		bounded, cancel = context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(10*time.Second))
	}
	go func() {
		defer cancel()
		e.err = waitGroup(bounded, cmd)
		close(e.done)
	}()
	return e
}

// awaitAgent returns once the agent answers, or says why it will not.
func (r *Runtime) awaitAgent(ctx context.Context, id string, launched *ending) error {
	ended := launched.done
	for wait := time.Millisecond; ; {
		if answers(ctx, r.Socket(id)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the agent's first answer: %w%s", ctx.Err(), r.lastWords(id))
		case <-ended:
			if launched.err != nil {
				return fmt.Errorf("runsc run: %w%s", launched.err, r.lastWords(id))
			}
			ended, wait = nil, 2*time.Millisecond
		case <-time.After(wait):
		}
	}
}

// undoStart removes what a failed start left, on a context of its own.
func (r *Runtime) undoStart(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*r.cfg.CallTimeout)
	defer cancel()
	if isDir(r.savedDir(id)) {
		return r.halt(ctx, id) // its files are not ours to remove
	}
	return r.Delete(ctx, id)
}

func (r *Runtime) pidFile(id string) string   { return filepath.Join(r.machineDir(id), "pid") }
func (r *Runtime) wordsFile(id string) string { return filepath.Join(r.machineDir(id), "log") }

// lastWords quotes what gVisor and the agent wrote.
func (r *Runtime) lastWords(id string) string {
	file, err := os.OpenFile(r.wordsFile(id), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, maxOutput))
	return quoteOutput(text)
}

type stopwatchTime struct{ last time.Time }

func stopwatch(now time.Time) *stopwatchTime { return &stopwatchTime{now} }

func (s *stopwatchTime) lap() time.Duration {
	now := time.Now()
	d := now.Sub(s.last)
	s.last = now
	return d
}
