//go:build linux

package toolbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// unlimitedProcesses is the highest bound that the pids controller takes (PID_MAX_LIMIT of Linux).
const unlimitedProcesses = 4 << 20

// group is a control group in gVisor's own cgroup2 file system, which knows nothing of the host's: it needs no root outside,
// and rootless sandboxes have it too. Seen in gVisor's source and by trial: it refuses forks past pids.max and ends a group
// at once by cgroup.kill; memory it only counts, each shared page once and files in tmpfs too. It ignores RLIMIT_NPROC, so
// this is the only bound on processes.
type group struct {
	dir *os.File
	// processes is the bound on processes and threads; 0 is none.
	processes int64
}

// groups are where commands are born: the user's in job, root's in control, so that a fork storm in job leaves root its
// forks. Control has a bound too, because a command of root's may start processes under the user's id.
type groups struct {
	job, control *group
}

// controlReserve is how many processes control may have above the bound of job.
const controlReserve = 64

// newGroups mounts cgroup2 at mount and makes the groups. The agent needs CAP_SYS_ADMIN in the sandbox, and runsc the flag
// --in-sandbox-cgroup=v2.
func newGroups(mount string, limits Limits) (*groups, error) {
	if err := os.MkdirAll(mount, 0o700); err != nil {
		return nil, fmt.Errorf("make cgroup mount point: %w", err)
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("cgroup", mount, "cgroup2", flags, ""); err != nil {
		return nil, fmt.Errorf("mount cgroup2 at %s (is runsc run with --in-sandbox-cgroup=v2, the agent with CAP_SYS_ADMIN?): %w", mount, err)
	}
	bound := limits.Processes
	job, err := newGroup(filepath.Join(mount, "job"), bound)
	if err != nil {
		return nil, err
	}
	if bound > 0 {
		bound += controlReserve
	}
	control, err := newGroup(filepath.Join(mount, "control"), bound)
	return &groups{job, control}, err
}

// of is the group that a command of id is born in.
func (g *groups) of(id identity) *group {
	if id.root {
		return g.control
	}
	return g.job
}

func newGroup(path string, processes int64) (*group, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, fmt.Errorf("make cgroup: %w", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open cgroup: %w", err)
	}
	g := &group{dir, processes}
	return g, g.allowForks()
}

// allowForks lets the group grow to its bound.
func (g *group) allowForks() error {
	if g.processes == 0 {
		return g.write("pids.max", unlimitedProcesses)
	}
	return g.write("pids.max", g.processes)
}

// forbidForks lets the group grow no more.
func (g *group) forbidForks() error { return g.write("pids.max", 0) }

// join puts a running process into the group.
func (g *group) join(pid int) error { return g.write("cgroup.procs", int64(pid)) }

// kill ends every process of the group, those that are just being forked among them.
func (g *group) kill() error { return g.write("cgroup.kill", 1) }

// usage is what the group takes and has been refused.
type usage struct {
	memoryBytes int64
	processes   int64
	// refusedForks counts the forks that the bound on processes refused, ever.
	refusedForks int64
}

func (g *group) usage() (usage, error) {
	memory, errMemory := g.read("memory.current")
	processes, errProcesses := g.read("pids.current")
	refused, errRefused := g.read("pids.events")
	return usage{memory, processes, refused}, errors.Join(errMemory, errProcesses, errRefused)
}

// members are the pids of the group.
func (g *group) members() ([]int, error) {
	text, err := os.ReadFile(g.path("cgroup.procs"))
	if err != nil {
		return nil, err
	}
	var members []int
	for _, field := range bytes.Fields(text) {
		pid, err := strconv.Atoi(string(field))
		if err != nil {
			return nil, fmt.Errorf("cgroup.procs: %w", err)
		}
		members = append(members, pid)
	}
	return members, nil
}

func (g *group) path(file string) string { return filepath.Join(g.dir.Name(), file) }

func (g *group) write(file string, value int64) error {
	f, err := os.OpenFile(g.path(file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.FormatInt(value, 10))
	return errors.Join(err, f.Close())
}

// read returns the number in a control file, or the last one of its first line: "max 3".
func (g *group) read(file string) (int64, error) {
	text, err := os.ReadFile(g.path(file))
	if err != nil {
		return 0, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) == 0 {
		return 0, fmt.Errorf("%s is empty", file)
	}
	return strconv.ParseInt(string(fields[len(fields)-1]), 10, 64)
}
