//go:build linux

package gvisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// cgroupTree makes one cgroup per machine under a base of ours.
type cgroupTree interface {
	name() string
	// create makes a machine's cgroup with its memory and process bounds. The CPU bound comes later, by limitCPU: a start
	// takes 200 ms of CPU time in 100 ms, and a quota of one CPU would double it.
	create(id string, memoryBytes int64, tasks int) (cgroup, error)
	open(id string) cgroup
	// list names the machines that have a cgroup.
	list() []string
	removeBase()
}

// cgroup is one machine's.
type cgroup interface {
	enter(cmd *exec.Cmd) (leave func() error, err error)
	limitCPU(cpus int) error
	// outOfMemory says whether the kernel killed something in it for its memory bound.
	outOfMemory() bool
	// kill ends every process that is still in it.
	kill()
	remove() error
}

// cpuPeriod is the kernel's default period of the CPU quota.
const cpuPeriod = 100_000 * time.Microsecond

// baseName is the directory of all machines of one state directory, found again by later runtimes.
func baseName(stateDir string) string { return "pitwall-" + shortHash(stateDir) }

// findCgroups returns what the host lets us have, or nil.
func findCgroups(stateDir string, log *zap.Logger) cgroupTree {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		log.Info("no cgroups", zap.Error(err))
		return nil
	}
	paths := parseOwnCgroups(string(own))
	v1, errV1 := newTreeV1("/sys/fs/cgroup", baseName(stateDir), filepath.Join(stateDir, "cgroups.json"), paths)
	if errV1 == nil {
		return v1
	}
	v2, errV2 := newTreeV2("/sys/fs/cgroup", baseName(stateDir), paths[""])
	if errV2 == nil {
		return v2
	}
	log.Info("no cgroups: memory is watched instead", zap.NamedError("v1", errV1), zap.NamedError("v2", errV2))
	return nil
}

// parseOwnCgroups reads /proc/self/cgroup: controller name → path; "" is the unified hierarchy.
func parseOwnCgroups(text string) map[string]string {
	paths := map[string]string{}
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			paths[controller] = parts[2]
		}
	}
	return paths
}

func writeControl(dir, file, value string) error {
	if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0); err != nil {
		return fmt.Errorf("set %s: %w", file, err)
	}
	return nil
}

// removeGroup removes an emptied cgroup. The kernel takes some moments to forget the last process: seen up to 30 ms.
func removeGroup(dir string) error {
	var err error
	for wait := time.Millisecond; wait < 2*time.Second; wait *= 2 {
		if err = unix.Rmdir(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(wait)
	}
	return fmt.Errorf("remove cgroup %s: %w", dir, err)
}

// killMembers kills the processes of a cgroup. We are never in one but for the moment of a start, with one thread.
func killMembers(dir string) {
	text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	for _, field := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 && pid != os.Getpid() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

func subdirs(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
}

// eventCount reads "name N" from a flat keyed control file.
func eventCount(path, name string) int64 {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
}
