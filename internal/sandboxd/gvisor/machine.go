package gvisor

import (
	"fmt"
	"regexp"
	"time"
)

// Spec is what a machine is made of.
type Spec struct {
	// ID names the machine: 1–36 characters of a-z, 0-9 and '-'. It is also the hostname inside.
	ID string
	// Snapshot names the tree that it starts from. Defaults to DefaultSnapshot.
	Snapshot string
	// Env is added to the environment of every command inside.
	Env map[string]string
	// Egress opens the way out (package egress): connections to EgressAddress inside wait at Runtime.EgressSocket. Every
	// command's environment names it as its HTTP proxy, unless Env says otherwise.
	Egress bool
	// Limits bound the machine. Zero fields take DefaultLimits.
	Limits Limits
}

// Limits bound one machine. The agent inside holds jobs to them; the machine as a whole gets headroom on top.
type Limits struct {
	CPUs        int   // whole CPUs
	MemoryBytes int64 // resident memory of all jobs together
	DiskBytes   int64 // everything written to the root file system, /tmp and the home directory included
	Processes   int   // processes and threads of jobs
	OpenFiles   int   // descriptors of one process
}

// DefaultLimits are Daytona's documented default size (1 vCPU, 1 GiB, 3 GiB), and bounds on what it leaves open.
func DefaultLimits() Limits {
	return Limits{CPUs: 1, MemoryBytes: 1 << 30, DiskBytes: 3 << 30, Processes: 256, OpenFiles: 4096}
}

// WithDefaults returns a copy with zero fields resolved.
func (l Limits) WithDefaults() Limits {
	d := DefaultLimits()
	if l.CPUs <= 0 {
		l.CPUs = d.CPUs
	}
	if l.MemoryBytes <= 0 {
		l.MemoryBytes = d.MemoryBytes
	}
	if l.DiskBytes <= 0 {
		l.DiskBytes = d.DiskBytes
	}
	if l.Processes <= 0 {
		l.Processes = d.Processes
	}
	if l.OpenFiles <= 0 {
		l.OpenFiles = d.OpenFiles
	}
	return l
}

// Machine is a started machine.
type Machine struct {
	ID     string
	Socket string // host path of the agent's Unix socket
	Timing Timing
}

// Timing says where the time of a start went, in the order in which it passes.
type Timing struct {
	Bundle time.Duration // directories, configuration and control files
	Launch time.Duration // until runsc's process exists
	Agent  time.Duration // from there until the agent's first answer
	Bounds time.Duration // applying the CPU bound
}

// Total is the whole of a start.
func (t Timing) Total() time.Duration { return t.Bundle + t.Launch + t.Agent + t.Bounds }

// State is what the runtime finds of a machine that an earlier process started.
type State struct {
	ID      string
	Running bool // false: it has files on disk, but no process
}

// Exit says why a machine ended by itself.
type Exit struct {
	ID     string
	Reason string // "memory: 1.3 GiB of 1.2 GiB", or "died"
}

// Bound says how one resource is held.
type Bound struct {
	Resource string `json:"resource"` // memory, cpu, processes, disk, open files, network
	Hard     bool   `json:"hard"`     // by the kernel (gVisor's or the host's); else watched, with overshoot
	By       string `json:"by"`
}

var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,35}$`)

func checkID(id string) error {
	if !validID.MatchString(id) {
		return fmt.Errorf("invalid machine ID %q", id)
	}
	return nil
}
