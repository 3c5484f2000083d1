//go:build linux

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Stop ends a machine's processes and keeps its files for the next Start. What is in /dev/shm is lost, as it would be.
func (r *Runtime) Stop(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	fresh := r.savedDir(id) + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("stop machine %s: %w", id, err)
	}
	l := r.take(id) // the checkpoint ends the machine, which is no exit to report
	if _, err := r.call(ctx, append(r.globalFlags(id, 0), "fscheckpoint", "--image-path="+fresh, id)...); err != nil {
		r.giveBack(l)
		return fmt.Errorf("save files of machine %s: %w", id, err)
	}
	if err := r.end(ctx, id, l); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(r.savedDir(id)), os.Rename(fresh, r.savedDir(id))); err != nil {
		return fmt.Errorf("keep files of machine %s: %w", id, err)
	}
	return nil
}

// Delete ends a machine and removes everything of it. Deleting what is not there is no error. When it returns nil, gVisor's
// process is gone, and so are cgroup, state and files.
func (r *Runtime) Delete(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if err := r.halt(ctx, id); err != nil {
		return err
	}
	if err := os.RemoveAll(r.machineDir(id)); err != nil {
		return fmt.Errorf("remove files of machine %s: %w", id, err)
	}
	return nil
}

// halt ends all processes of a machine and removes its cgroup.
func (r *Runtime) halt(ctx context.Context, id string) error { return r.end(ctx, id, r.take(id)) }

// end is halt for a machine whose life was taken; nil where this runtime holds none.
func (r *Runtime) end(ctx context.Context, id string, l *life) error {
	if l == nil {
		// An earlier server's, or one whose start failed: a launcher may still be making processes.
		r.killStrays(func(machine string) bool { return machine == id })
	} else {
		l.cancel()
		if l.launch != nil {
			<-l.launch.done // bounded; before it, gVisor's state on disk is not whole
		}
		// Killing the kernel first makes runsc's own ending a matter of files.
		l.kill()
	}
	if err := r.removeContainer(ctx, id); err != nil {
		return fmt.Errorf("end machine %s: %w", id, err)
	}
	if l != nil {
		if err := l.awaitGone(ctx); err != nil {
			return fmt.Errorf("end machine %s: %w", id, err)
		}
	}
	if r.cgroups != nil {
		group := r.cgroups.open(id)
		group.kill()
		if err := group.remove(); err != nil {
			return err
		}
	}
	return nil
}

// removeContainer makes gVisor forget the container. Where its own way fails, the machine's processes are killed and its state
// removed by hand.
func (r *Runtime) removeContainer(ctx context.Context, id string) error {
	states, _ := filepath.Glob(filepath.Join(r.cfg.StateDir, "runsc", id+"_sandbox:*"))
	if len(states) == 0 {
		return nil
	}
	_, err := r.call(ctx, append(r.globalFlags(id, 0), "delete", "-force", id)...)
	if err == nil {
		return nil
	}
	r.killStrays(func(machine string) bool { return machine == id })
	for _, state := range states {
		if removeErr := os.Remove(state); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			return errors.Join(err, removeErr)
		}
	}
	return nil
}

// awaitGone waits until gVisor's process has ended.
func (l *life) awaitGone(ctx context.Context) error {
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	select {
	case <-l.gone:
		return l.pidfd.Close()
	case <-ctx.Done():
		return fmt.Errorf("wait for gVisor's process %d to end: %w", l.pid, ctx.Err())
	case <-timeout.C:
		return fmt.Errorf("wait for gVisor's process %d to end: it did not within 10 s", l.pid)
	}
}
