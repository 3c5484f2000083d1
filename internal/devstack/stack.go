//go:build linux

package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Stack is a running set of services.
type Stack struct {
	config  Config
	lock    *os.File
	spawn   *spawner
	keepers []*keeper // in the order of their start
	failed  chan error
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

// Start starts the stack and returns when every service is ready. Returns ErrProgramsMissing, *LockedError,
// *BusyPortError or *DeathError, and then nothing is left running. End it with Stop.
func Start(ctx context.Context, config Config, probe Probe) (*Stack, error) {
	config = config.WithDefaults()
	if err := config.findPrograms(); err != nil {
		return nil, err
	}
	for _, dir := range []string{config.StateDir, config.logDir(), config.sandboxdDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("create state folder: %w", err)
		}
	}
	lock, err := config.lock()
	if err != nil {
		return nil, err
	}
	if err := config.claimPorts(); err != nil {
		lock.Close()
		return nil, err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stack := &Stack{config: config, lock: lock, spawn: newSpawner(), failed: make(chan error, 1), cancel: cancel}
	if err := stack.startAll(ctx, background, probe); err != nil {
		return nil, errors.Join(err, stack.Stop())
	}
	return stack, nil
}

func (s *Stack) startAll(ctx, background context.Context, probe Probe) error {
	var logs []string
	for _, svc := range s.config.services(probe) {
		path := filepath.Join(s.config.logDir(), svc.name+".log")
		ch, err := startChild(s.spawn, svc, path)
		if err != nil {
			return err
		}
		kept := &keeper{stack: s, child: ch, stopped: make(chan struct{})}
		s.keepers = append(s.keepers, kept)
		if err := ch.awaitReady(ctx, s.config.Notify); err != nil {
			return err
		}
		logs = append(logs, path)
		s.wg.Go(func() { kept.keep(background) })
	}
	s.wg.Go(func() { boundLogs(background, logs) })
	return nil
}

// Endpoints says where everything is.
func (s *Stack) Endpoints() Endpoints { return s.config.endpoints() }

// Wait returns nil when ctx ends, or the *DeathError of a child that was restarted too often.
func (s *Stack) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// Stop ends the services in the reverse order of their start: the worker first, which hands over what it runs, then the
// sandbox server, which removes every sandbox, then Temporal. It returns when all of them are gone.
func (s *Stack) Stop() error {
	s.cancel()
	var problems []error
	for _, kept := range slices.Backward(s.keepers) {
		problems = append(problems, kept.stop())
	}
	s.wg.Wait()
	s.spawn.close()
	return errors.Join(append(problems, s.lock.Close())...)
}
