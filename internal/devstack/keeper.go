//go:build linux

package devstack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// keeper keeps one service alive: it starts a child that died again, a bounded number of times.
type keeper struct {
	stack   *Stack
	stopped chan struct{} // closed when stop begins

	mu    sync.Mutex // guards child
	child *child
}

func (k *keeper) current() *child {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.child
}

// keep watches the child until the service is stopped or given up.
func (k *keeper) keep(ctx context.Context) {
	restarts := 0
	for {
		ch := k.current()
		select {
		case <-k.stopped:
			return
		case <-ctx.Done():
			return
		case <-ch.ended:
		}
		if time.Since(ch.startedAt) > restartWindow {
			restarts = 0
		}
		restarts++
		death := ch.deathError()
		if restarts > maxRestarts {
			k.giveUp(fmt.Errorf("%s died %d times: %w", ch.service.name, restarts, death))
			return
		}
		k.stack.config.Notify(fmt.Sprintf("%s ended (%s); starting it again (%d of %d)%s", death.Name, death.How, restarts, maxRestarts, death.lastLine()))
		if err := k.restart(ctx, ch); err != nil && !errors.As(err, new(*DeathError)) {
			k.giveUp(err)
			return
		}
	}
}

// restart starts the service again and waits until it is ready. A child that dies meanwhile is keep's next turn.
func (k *keeper) restart(ctx context.Context, old *child) error {
	k.mu.Lock()
	select {
	case <-k.stopped:
		k.mu.Unlock()
		return nil
	default:
	}
	ch, err := startChild(k.stack.spawn, old.service, old.logPath)
	if err == nil {
		k.child = ch
	}
	k.mu.Unlock()
	if err != nil {
		return err
	}
	if err := ch.awaitReady(ctx, k.stack.config.Notify); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

func (k *keeper) giveUp(err error) {
	select {
	case k.stack.failed <- err:
	default: // another service already ended the stack
	}
}

// stop ends the service for good.
func (k *keeper) stop() error {
	close(k.stopped)
	return k.current().stop()
}
