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

	"pitwall/internal/sandboxd/toolbox"
)

// watchMemory looks at what a machine uses as a whole. At three quarters of the headroom above its jobs' bound it asks the
// agent to end the job: what gVisor's kernel takes on a job's behalf, some 2 KB for each file that it makes, is in none of the
// job's processes. Where no cgroup does, it ends a machine that goes over all of the headroom. Overshoot: what it can touch in
// one period, some 2 GB/s of fresh pages.
func (r *Runtime) watchMemory(ctx context.Context, l *life, jobBytes int64) {
	file := memoryFile(l.pid)
	soft, hard := jobBytes+r.cfg.Headroom/4*3, jobBytes+r.cfg.Headroom
	ticker := time.NewTicker(r.cfg.WatchPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		switch used := memoryUsed(l.pid, file); {
		case used > hard && l.group == nil && r.take(l.id) != nil:
			l.kill()
			r.report(Exit{l.id, fmt.Sprintf("it used %d MiB of memory, its bound is %d MiB", used>>20, hard>>20)})
			return
		case used > soft:
			if err := tellPressure(ctx, r.Socket(l.id), toolbox.Pressure{Value: used, Bound: soft}); err != nil && ctx.Err() == nil {
				r.cfg.Logger.Warn("cannot tell a sandbox's agent to end its job", zap.String("machine", l.id), zap.Error(err))
			}
		}
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
