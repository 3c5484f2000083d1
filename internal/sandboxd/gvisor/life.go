//go:build linux

package gvisor

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// life is a running machine as this process sees it: gVisor's kernel process, held by a pidfd, so that a reused process ID
// is never mistaken for it.
type life struct {
	id     string
	pid    int
	pidfd  *os.File
	group  cgroup
	launch *ending // nil when adopted
	gone   chan struct{}
	cancel context.CancelFunc
	ended  bool // guarded by Runtime.mu
}

// attach begins to hold a running machine: CPU bound, exit, memory.
func (r *Runtime) attach(s Spec, group cgroup, launch *ending) error {
	pid, err := readPID(r.pidFile(s.ID))
	if err != nil {
		return fmt.Errorf("read gVisor's process ID: %w", err)
	}
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("hold gVisor's process: %w", err)
	}
	l := &life{id: s.ID, pid: pid, pidfd: os.NewFile(uintptr(fd), "pidfd"), group: group, launch: launch, gone: make(chan struct{})}
	if group != nil {
		err = group.limitCPU(s.Limits.CPUs)
	} else {
		err = limitAffinity(pid, s.Limits.CPUs)
	}
	if err != nil {
		l.pidfd.Close()
		return fmt.Errorf("bound CPUs: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	r.mu.Lock()
	r.lives[s.ID] = l
	r.mu.Unlock()
	go r.watchExit(l)
	go r.watchMemory(ctx, l, s.Limits.MemoryBytes)
	return nil
}

// watchExit reports a machine that ends while nobody asked for it.
func (r *Runtime) watchExit(l *life) {
	defer close(l.gone)
	waitPidfd(l.pidfd)
	r.mu.Lock()
	l.ended = true
	current := r.lives[l.id] == l
	if current {
		delete(r.lives, l.id)
	}
	r.mu.Unlock()
	l.cancel()
	if !current {
		return
	}
	reason := "its process died"
	if l.group != nil && l.group.outOfMemory() {
		reason = "it went over the memory bound of the whole sandbox"
	}
	r.report(Exit{l.id, reason})
}

func (r *Runtime) report(e Exit) {
	select {
	case r.exits <- e:
	default:
		r.cfg.Logger.Warn("nobody hears of a machine's end", zap.String("machine", e.ID), zap.String("reason", e.Reason))
	}
}

// take ends our watching of a machine and returns it, so that its end is not reported.
func (r *Runtime) take(id string) *life {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lives[id]
	delete(r.lives, id)
	return l
}

// giveBack undoes take, for a machine that could not be ended.
func (r *Runtime) giveBack(l *life) {
	if l == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.ended {
		r.report(Exit{l.id, "its process died"})
		return
	}
	r.lives[l.id] = l
}

// forget stops watching and leaves the machine alone.
func (l *life) forget() {
	l.cancel()
	l.pidfd.Close() // ends watchExit
	<-l.gone
}

// kill ends gVisor's kernel process, and with it everything inside.
func (l *life) kill() {
	control, err := l.pidfd.SyscallConn()
	if err != nil {
		return
	}
	_ = control.Control(func(fd uintptr) { _ = unix.PidfdSendSignal(int(fd), unix.SIGKILL, nil, 0) })
}

// waitPidfd returns when the process has ended, or the file is closed. It holds no thread: pidfds can be polled.
func waitPidfd(file *os.File) {
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Read(func(fd uintptr) bool {
		set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(set, 0)
		return n > 0 || (err != nil && err != unix.EINTR)
	})
}

func readPID(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
