//go:build linux

package toolbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"
)

// The watcher looks again when the memory that is left could be gone at the earliest, within bounds. A look costs some 1 ms
// of processor time in gVisor, so looking every 20 ms at a job that sleeps would take 5 % of a core.
const (
	minPeriod = 10 * time.Millisecond
	maxPeriod = 250 * time.Millisecond
	// growthPerMicrosecond is 4 GB/s: more than the 2 GB/s at which gVisor was seen to hand out fresh pages to a job on two
	// cores. The overshoot is what a job takes in minPeriod and until the agent gets a processor: up to 14 MB was seen for one
	// process, 151 MB for six at once on two loaded cores. The sandbox's outer bound lies 512 MiB above.
	growthPerMicrosecond = 4_000
)

// killRounds bounds the killing of the user's processes after a limit was passed.
const killRounds = 1000

// watcher ends all of the user's processes when together they pass a limit, and says so in the limit events file first, so
// that whoever sees a job end finds the reason.
type watcher struct {
	groups *groups
	limits Limits
	// uid is the user's.
	uid    int
	events *limitEvents
	logger *slog.Logger
	// started is signalled by each start of a process.
	started chan struct{}
	// pressure has what the host says of the whole sandbox's memory.
	pressure chan LimitEvent

	// last is what the last look saw.
	last bothUsages
}

// run watches until ctx ends.
func (w *watcher) run(ctx context.Context) {
	for {
		period, err := w.look()
		if err != nil {
			w.logger.Error("watch limits", "error", err)
			period = maxPeriod
		}
		if !w.rest(ctx, period) {
			return
		}
	}
}

// rest waits for the next look: for period, or when it is 0, as there is nothing to watch, until a process is started. It
// says whether ctx goes on.
func (w *watcher) rest(ctx context.Context, period time.Duration) bool {
	var timer <-chan time.Time
	if period > 0 {
		timer = time.After(period)
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer:
	case <-w.started:
	case event := <-w.pressure:
		if err := w.relieve(event); err != nil {
			w.logger.Error("relieve the sandbox's memory", "error", err)
		}
	}
	return true
}

// relieve ends the user's processes, where there are any, before the whole sandbox is ended for its memory.
func (w *watcher) relieve(event LimitEvent) error {
	strays, err := w.gather()
	if err != nil {
		return err
	}
	used, err := w.usage()
	if err != nil || used.job.processes+int64(strays) == 0 {
		return err
	}
	return w.end(event)
}

// look compares usage and limits once, and says when to look again: 0 when there are no processes.
func (w *watcher) look() (time.Duration, error) {
	strays, err := w.gather()
	if err != nil {
		return 0, err
	}
	used, err := w.usage()
	if err != nil {
		return 0, fmt.Errorf("read usage: %w", err)
	}
	refused := used.job.refusedForks > w.last.job.refusedForks
	if strays > 0 {
		// Else it was root's own commands that were refused, which is not the job's doing.
		refused = refused || used.control.refusedForks > w.last.control.refusedForks
	}
	w.last = used
	now, userProcesses := time.Now().UTC(), used.job.processes+int64(strays)
	switch memory := used.memoryBytes(); {
	case used.job.processes+used.control.processes == 0:
		return 0, nil
	case w.limits.MemoryBytes > 0 && memory > w.limits.MemoryBytes:
		return minPeriod, w.end(LimitEvent{now, LimitMemory, memory, w.limits.MemoryBytes})
	case w.limits.Processes > 0 && (refused || userProcesses > w.limits.Processes):
		// A refused fork would have been one more than the bound.
		return minPeriod, w.end(LimitEvent{now, LimitProcesses, max(userProcesses, w.limits.Processes+1), w.limits.Processes})
	default:
		return w.period(memory), nil
	}
}

// period is how long the memory that is left lasts at least.
func (w *watcher) period(memory int64) time.Duration {
	if w.limits.MemoryBytes == 0 {
		return maxPeriod
	}
	left := time.Duration((w.limits.MemoryBytes-memory)/growthPerMicrosecond) * time.Microsecond
	return min(max(left, minPeriod), maxPeriod)
}

// bothUsages are those of the two groups.
type bothUsages struct{ job, control usage }

// memoryBytes counts root's commands too: the user's processes that they started may be there.
func (b bothUsages) memoryBytes() int64 { return b.job.memoryBytes + b.control.memoryBytes }

func (w *watcher) usage() (bothUsages, error) {
	job, errJob := w.groups.job.usage()
	control, errControl := w.groups.control.usage()
	return bothUsages{job, control}, errors.Join(errJob, errControl)
}

// strays are the user's processes that a command of root's started in its own group.
func (w *watcher) strays() ([]int, error) {
	members, err := w.groups.control.members()
	if err != nil {
		return nil, fmt.Errorf("list group: %w", err)
	}
	var strays []int
	for _, pid := range members {
		if liveUID(pid) == w.uid {
			strays = append(strays, pid)
		}
	}
	return strays, nil
}

// gather puts strays where they belong, and says how many there were.
func (w *watcher) gather() (int, error) {
	strays, err := w.strays()
	for _, pid := range strays {
		// An error says that the process has ended meanwhile.
		_ = w.groups.job.join(pid)
	}
	return len(strays), err
}

// end records event and kills every process of the user, in and outside the group.
func (w *watcher) end(event LimitEvent) error {
	w.logger.Warn("limit passed", "limit", event.Limit, "value", event.Value, "bound", event.Bound)
	if err := w.events.add(event); err != nil {
		// The job is ended all the same.
		w.logger.Error("record limit event", "error", err)
	}
	err := w.killAll()
	// Forks that were refused until now belong to this event.
	used, errUsage := w.usage()
	w.last = used
	return errors.Join(err, errUsage)
}

// killAll kills the group of the user's processes at once, and the strays as it finds them, until it finds none. While
// there are strays nobody in root's group can fork: else root keeps its forks, as a shell of root's that is refused one
// ends, and the job's supervisor is such a shell.
func (w *watcher) killAll() (result error) {
	forbidden := false
	for range killRounds {
		if err := w.groups.job.kill(); err != nil {
			return fmt.Errorf("kill group: %w", err)
		}
		strays, err := w.strays()
		if err != nil || len(strays) == 0 {
			return err
		}
		if !forbidden {
			if err := w.groups.control.forbidForks(); err != nil {
				return fmt.Errorf("forbid forks: %w", err)
			}
			forbidden = true
			defer func() { result = errors.Join(result, w.groups.control.allowForks()) }()
		}
		for _, pid := range strays {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("end the user's processes: some are left")
}
