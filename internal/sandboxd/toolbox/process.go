//go:build linux

package toolbox

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// processes starts commands and reaps them. As the sandbox's first process the agent must reap every orphan too, so one
// place calls wait4, and hands each exit to whoever started the process: with os/exec, which waits by itself, the two
// would steal each other's.
type processes struct {
	// groups are where commands are born. Nil in SingleUser mode.
	groups *groups
	// rlimits are set on every command, root's too, since the user's processes may be those of a command of root's.
	rlimits []resourceLimit
	// started is signalled by each start; nobody has to listen.
	started chan struct{}
	// reapAll says that this is the sandbox's first process, so every child is ours to reap.
	reapAll bool

	// mu also keeps the reaper out between a fork and the entry here.
	mu      sync.Mutex
	running map[int]*process
}

// command is a process to be started.
type command struct {
	id    identity
	argv  []string // argv[0] is an absolute path
	dir   string
	env   []string
	files []uintptr // descriptors 0, 1, 2, ... of the process
}

// process is a started command. It leads its own session and process group.
type process struct {
	pid    int
	exited chan struct{} // closed after status is set
	status syscall.WaitStatus
}

func newProcesses(g *groups, rlimits []resourceLimit) *processes {
	return &processes{groups: g, rlimits: rlimits, started: make(chan struct{}, 1), reapAll: os.Getpid() == 1, running: map[int]*process{}}
}

// start starts c. The error, when there is one, is the exec's own, and names no more than the program.
func (p *processes) start(c command) (*process, error) {
	attr := &syscall.ProcAttr{Dir: c.dir, Env: c.env, Files: c.files, Sys: &syscall.SysProcAttr{Setsid: true}}
	if !c.id.current {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(c.id.uid), Gid: uint32(c.id.gid)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	pid, err := p.fork(c, attr)
	if err != nil {
		return nil, fmt.Errorf("fork/exec %s: %w", c.argv[0], err)
	}
	proc := &process{pid: pid, exited: make(chan struct{})}
	p.running[pid] = proc
	select {
	case p.started <- struct{}{}:
	default:
	}
	return proc, nil
}

func (p *processes) fork(c command, attr *syscall.ProcAttr) (int, error) {
	if p.groups != nil {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, int(p.groups.of(c.id).dir.Fd())
	}
	if len(p.rlimits) == 0 {
		return syscall.ForkExec(c.argv[0], c.argv, attr)
	}
	return forkLimited(c.argv, attr, p.rlimits)
}

// exitCode is the code that Daytona reports: the process's own, or -1 when a signal ended it.
func (proc *process) exitCode() int {
	if proc.status.Exited() {
		return proc.status.ExitStatus()
	}
	return -1
}

// killGroup kills the process and all that it started in its group.
func (proc *process) killGroup() { _ = syscall.Kill(-proc.pid, syscall.SIGKILL) }

// reapUntil reaps until ctx ends.
func (p *processes) reapUntil(ctx context.Context) {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	for {
		p.reap()
		select {
		case <-ctx.Done():
			return
		case <-children:
		}
	}
}

func (p *processes) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reapAll {
		for p.reapOne(-1) {
		}
		return
	}
	for pid := range p.running {
		p.reapOne(pid)
	}
}

// reapOne takes one exit of pid (-1: of any child), and says whether there was one.
func (p *processes) reapOne(pid int) bool {
	var status syscall.WaitStatus
	got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || got <= 0 {
		return false
	}
	if proc := p.running[got]; proc != nil && (status.Exited() || status.Signaled()) {
		delete(p.running, got)
		proc.status = status
		close(proc.exited)
	}
	return true
}
