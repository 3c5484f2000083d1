//go:build linux

package gvisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// Recover takes over what an earlier runtime on this state directory left, for instance one that was killed. For each machine
// that it finds it asks keep; those that are not kept are removed, with every process, cgroup and template that belongs to no
// kept machine. Call it once, before Start.
func (r *Runtime) Recover(ctx context.Context, keep func(State) bool) error {
	kept := map[string]bool{}
	var errs []error
	for _, id := range r.known() {
		state := State{ID: id, Running: r.alive(ctx, id)}
		switch {
		case !keep(state):
			errs = append(errs, r.Delete(ctx, id))
		case state.Running:
			kept[id] = true
			errs = append(errs, r.adopt(id))
		default:
			kept[id] = true
			errs = append(errs, r.halt(ctx, id))
		}
	}
	r.killStrays(func(machine string) bool { return !kept[machine] })
	if r.cgroups != nil {
		for _, id := range r.cgroups.list() {
			if !kept[id] {
				group := r.cgroups.open(id)
				group.kill()
				errs = append(errs, group.remove())
			}
		}
	}
	r.removeTemplates(kept)
	return errors.Join(errs...)
}

// known are the machines that have a directory or a state of gVisor's.
func (r *Runtime) known() []string {
	ids := subdirs(filepath.Join(r.cfg.StateDir, "m"))
	states, _ := filepath.Glob(filepath.Join(r.cfg.StateDir, "runsc", "*_sandbox:*.state"))
	for _, state := range states {
		id, _, _ := strings.Cut(filepath.Base(state), "_sandbox:")
		if !isDir(r.machineDir(id)) {
			ids = append(ids, id)
		}
	}
	valid := ids[:0]
	for _, id := range ids {
		if validID.MatchString(id) {
			valid = append(valid, id)
		}
	}
	return valid
}

// alive says whether the machine's process is gVisor's for this machine and its agent answers.
func (r *Runtime) alive(ctx context.Context, id string) bool {
	pid, err := readPID(r.pidFile(id))
	return err == nil && r.ours()[pid] == id && answers(ctx, r.Socket(id))
}

func (r *Runtime) adopt(id string) error {
	s, err := r.readSpec(id)
	if err != nil {
		return fmt.Errorf("adopt machine %s: %w", id, err)
	}
	var group cgroup
	if r.cgroups != nil {
		group = r.cgroups.open(id)
	}
	if err := r.attach(s, group, nil); err != nil {
		return fmt.Errorf("adopt machine %s: %w", id, err)
	}
	return nil
}

func (r *Runtime) readSpec(id string) (Spec, error) {
	var s Spec
	text, err := os.ReadFile(filepath.Join(r.machineDir(id), machineSpecName))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// strayPasses and strayPause bound the killing of strays. Launchers make processes while they are looked for, so it goes on
// until a pass finds none.
const (
	strayPasses = 200
	strayPause  = 5 * time.Millisecond
)

// killStrays kills gVisor's processes of the machines that match.
func (r *Runtime) killStrays(match func(machine string) bool) {
	for range strayPasses {
		found := false
		for pid, machine := range r.ours() {
			if match(machine) {
				found = true
				r.cfg.Logger.Debug("kill a process of a machine that is not kept", zap.Int("pid", pid), zap.String("machine", machine))
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if !found {
			return
		}
		time.Sleep(strayPause)
	}
	r.cfg.Logger.Error("processes of machines that are not kept do not end")
}

// removeTemplates removes those that neither this runtime nor a kept machine uses.
func (r *Runtime) removeTemplates(kept map[string]bool) {
	used := map[string]bool{}
	for _, t := range r.templates {
		used[filepath.Base(t.dir)] = true
	}
	for id := range kept {
		var bundle struct {
			Root struct{ Path string }
		}
		text, _ := os.ReadFile(filepath.Join(r.machineDir(id), "config.json"))
		if json.Unmarshal(text, &bundle) == nil {
			used[filepath.Base(bundle.Root.Path)] = true
		}
	}
	base := filepath.Join(r.cfg.StateDir, "rootfs")
	for _, name := range subdirs(base) {
		if !used[name] {
			_ = os.RemoveAll(filepath.Join(base, name))
		}
	}
}
