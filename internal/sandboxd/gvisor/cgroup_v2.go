//go:build linux

package gvisor

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// v2Controllers are enabled for our base's children.
const v2Controllers = "+memory +cpu +pids"

// treeV2 is a base directory in the unified hierarchy: at its root for root, below our own cgroup when that is delegated to
// us (systemd's Delegate=yes).
type treeV2 struct{ base string }

func newTreeV2(mount, name, own string) (*treeV2, error) {
	if _, err := os.Stat(filepath.Join(mount, "cgroup.controllers")); err != nil {
		return nil, fmt.Errorf("find cgroup v2: %w", err)
	}
	parent := mount
	if os.Geteuid() != 0 {
		parent = filepath.Join(mount, own)
	}
	if err := offerControllers(parent); err != nil {
		return nil, err
	}
	t := &treeV2{base: filepath.Join(parent, name)}
	if err := os.MkdirAll(t.base, 0o755); err != nil {
		return nil, fmt.Errorf("make cgroup: %w", err)
	}
	if err := writeControl(t.base, "cgroup.subtree_control", v2Controllers); err != nil {
		t.removeBase()
		return nil, err
	}
	return t, nil
}

// offerControllers lets parent's children have the controllers. A cgroup with processes of its own may not (but for the real
// root), so where we are the only process in it we step aside into a leaf.
func offerControllers(parent string) error {
	err := writeControl(parent, "cgroup.subtree_control", v2Controllers)
	if err == nil {
		return nil
	}
	procs, readErr := os.ReadFile(filepath.Join(parent, "cgroup.procs"))
	if readErr != nil || strings.TrimSpace(string(procs)) != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("enable cgroup controllers in %s (a cgroup delegated to this process alone is needed): %w", parent, err)
	}
	leaf := filepath.Join(parent, "pitwall-server")
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return fmt.Errorf("make cgroup: %w", err)
	}
	if err := writeControl(leaf, "cgroup.procs", "0"); err != nil {
		return err
	}
	return writeControl(parent, "cgroup.subtree_control", v2Controllers)
}

func (t *treeV2) name() string { return "cgroup v2" }

func (t *treeV2) create(id string, memoryBytes int64, tasks int) (cgroup, error) {
	g := groupV2{filepath.Join(t.base, id)}
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make cgroup: %w", err)
	}
	err := errors.Join(
		writeControl(g.dir, "memory.max", strconv.FormatInt(memoryBytes, 10)),
		writeControl(g.dir, "memory.oom.group", "1"), // a machine without its kernel is no machine
		writeControl(g.dir, "pids.max", strconv.Itoa(tasks)),
	)
	if err != nil {
		return nil, errors.Join(err, g.remove())
	}
	return g, nil
}

func (t *treeV2) open(id string) cgroup { return groupV2{filepath.Join(t.base, id)} }

func (t *treeV2) list() []string { return subdirs(t.base) }

func (t *treeV2) removeBase() { _ = os.Remove(t.base) }

type groupV2 struct{ dir string }

// enter makes the kernel clone the child into the cgroup.
func (g groupV2) enter(cmd *exec.Cmd) (func() error, error) {
	dir, err := os.Open(g.dir)
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr.UseCgroupFD = true
	cmd.SysProcAttr.CgroupFD = int(dir.Fd())
	return dir.Close, nil
}

func (g groupV2) limitCPU(cpus int) error {
	period := cpuPeriod.Microseconds()
	return writeControl(g.dir, "cpu.max", fmt.Sprintf("%d %d", period*int64(cpus), period))
}

func (g groupV2) outOfMemory() bool {
	return eventCount(filepath.Join(g.dir, "memory.events"), "oom_kill") > 0
}

func (g groupV2) kill() { killMembers(g.dir) }

func (g groupV2) remove() error { return removeGroup(g.dir) }
