//go:build linux

package gvisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// v1Controllers are the hierarchies that a machine joins.
var v1Controllers = []string{"memory", "cpu", "pids"}

// treeV1 is a base directory in each hierarchy, below the cgroup that we run in.
type treeV1 struct {
	own   map[string]string // controller → directory of the cgroup that we run in
	bases map[string]string // controller → our base directory
	note  string            // file in the state directory that says where the bases are
}

// newTreeV1 makes the base directories. Where we run in another cgroup than the server before us did, its bases, which are
// noted in the file, are used on: living machines are in them.
func newTreeV1(mount, name, note string, paths map[string]string) (*treeV1, error) {
	t := &treeV1{own: map[string]string{}, bases: map[string]string{}, note: note}
	earlier := readBases(note)
	for _, controller := range v1Controllers {
		path, ok := paths[controller]
		if !ok {
			return nil, fmt.Errorf("no cgroup v1 hierarchy for %s", controller)
		}
		t.own[controller] = filepath.Join(mount, controller, path)
		if _, err := os.Stat(t.own[controller]); err != nil {
			t.own[controller] = filepath.Join(mount, controller) // a container that sees its own cgroup as the root
		}
		t.bases[controller] = filepath.Join(t.own[controller], name)
		if isDir(earlier[controller]) {
			t.bases[controller] = earlier[controller]
		}
		if err := os.MkdirAll(t.bases[controller], 0o755); err != nil {
			t.removeBase()
			return nil, fmt.Errorf("make cgroup: %w", err)
		}
	}
	text, err := json.Marshal(t.bases)
	if err == nil {
		err = os.WriteFile(note, text, 0o600)
	}
	if err != nil {
		t.removeBase()
		return nil, fmt.Errorf("note cgroups: %w", err)
	}
	return t, nil
}

func readBases(note string) map[string]string {
	bases := map[string]string{}
	text, _ := os.ReadFile(note)
	_ = json.Unmarshal(text, &bases) // none is noted on the first start
	return bases
}

func (t *treeV1) name() string { return "cgroup v1" }

func (t *treeV1) create(id string, memoryBytes int64, tasks int) (cgroup, error) {
	g := groupV1{t, id}
	for _, controller := range v1Controllers {
		if err := os.MkdirAll(g.dir(controller), 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("make cgroup: %w", err), g.remove())
		}
	}
	err := errors.Join(
		writeControl(g.dir("memory"), "memory.limit_in_bytes", strconv.FormatInt(memoryBytes, 10)),
		writeControl(g.dir("pids"), "pids.max", strconv.Itoa(tasks)),
	)
	if err != nil {
		return nil, errors.Join(err, g.remove())
	}
	return g, nil
}

func (t *treeV1) open(id string) cgroup { return groupV1{t, id} }

func (t *treeV1) list() []string { return subdirs(t.bases["memory"]) }

func (t *treeV1) removeBase() {
	for _, base := range t.bases {
		_ = os.Remove(base) // stays when a machine lives in it
	}
	if len(t.list()) == 0 {
		_ = os.Remove(t.note)
	}
}

type groupV1 struct {
	tree *treeV1
	id   string
}

func (g groupV1) dir(controller string) string { return filepath.Join(g.tree.bases[controller], g.id) }

// enter moves the calling thread; "0" stands for the writer.
func (g groupV1) enter(*exec.Cmd) (func() error, error) {
	leave := func() error {
		var errs []error
		for _, controller := range v1Controllers {
			errs = append(errs, writeControl(g.tree.own[controller], "tasks", "0"))
		}
		return errors.Join(errs...)
	}
	for _, controller := range v1Controllers {
		if err := writeControl(g.dir(controller), "tasks", "0"); err != nil {
			return nil, errors.Join(err, leave())
		}
	}
	return leave, nil
}

func (g groupV1) limitCPU(cpus int) error {
	period := cpuPeriod.Microseconds()
	return errors.Join(
		writeControl(g.dir("cpu"), "cpu.cfs_period_us", strconv.FormatInt(period, 10)),
		writeControl(g.dir("cpu"), "cpu.cfs_quota_us", strconv.FormatInt(period*int64(cpus), 10)),
	)
}

func (g groupV1) outOfMemory() bool {
	return eventCount(filepath.Join(g.dir("memory"), "memory.oom_control"), "oom_kill") > 0
}

func (g groupV1) kill() { killMembers(g.dir("memory")) }

func (g groupV1) remove() error {
	var errs []error
	for _, controller := range v1Controllers {
		errs = append(errs, removeGroup(g.dir(controller)))
	}
	return errors.Join(errs...)
}
