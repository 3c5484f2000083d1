//go:build linux

package gvisor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
	if group == nil {
		go r.watchMemory(ctx, l, s.Limits.MemoryBytes+r.cfg.Headroom)
	}
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

// watchMemory ends a machine whose memory goes over its bound, where no cgroup does. Overshoot: what it can touch in one
// period, some 2 GB/s of fresh pages.
func (r *Runtime) watchMemory(ctx context.Context, l *life, bound int64) {
	file := memoryFile(l.pid)
	ticker := time.NewTicker(r.cfg.WatchPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		used := memoryUsed(l.pid, file)
		if used <= bound || r.take(l.id) == nil {
			continue
		}
		l.kill()
		r.report(Exit{l.id, fmt.Sprintf("it used %d MiB of memory, its bound is %d MiB", used>>20, bound>>20)})
		return
	}
}

// memoryFile finds the file in which gVisor keeps its applications' memory: a memfd that it names runsc-memory.
func memoryFile(pid int) string {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if target, err := os.Readlink(path); err == nil && strings.Contains(target, "runsc-memory") {
			return path
		}
	}
	return ""
}

// memoryUsed is what a machine's memory file holds and what its kernel allocated for itself, in bytes.
func memoryUsed(pid int, file string) int64 {
	var used int64
	var stat unix.Stat_t
	if file != "" && unix.Stat(file, &stat) == nil {
		used = stat.Blocks * 512
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "RssAnon:" {
			kb, _ := strconv.ParseInt(fields[1], 10, 64)
			used += kb << 10
		}
	}
	return used
}

func readPID(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
