package toolbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"
)

// watchPeriod is how often the watcher looks while there are processes; with none it sleeps. What a job takes between two
// looks is the overshoot: for memory some 2 GB/s × 25 ms = 50 MB at the speed at which gVisor hands out fresh pages, so the
// sandbox's outer bound has to lie well above.
const watchPeriod = 25 * time.Millisecond

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

	// refusedForks is how many were refused in both groups at the last look.
	refusedForks int64
	// strays are the user's processes that the last look found outside the group.
	strays map[int]bool
}

// run watches until ctx ends.
func (w *watcher) run(ctx context.Context) {
	for {
		others, err := w.look()
		if err != nil {
			w.logger.Error("watch limits", "error", err)
		}
		if !w.rest(ctx, others) {
			return
		}
	}
}

// rest waits for the next look: a period, or while there is nothing to watch until a process is started. It says whether
// ctx goes on.
func (w *watcher) rest(ctx context.Context, others bool) bool {
	var period <-chan time.Time
	if others {
		period = time.After(watchPeriod)
	}
	select {
	case <-ctx.Done():
		return false
	case <-period:
	case <-w.started:
	}
	return true
}

// look compares usage and limits once, and says whether there may be processes besides the agent.
func (w *watcher) look() (others bool, err error) {
	if others, err = w.gather(); err != nil {
		return true, err
	}
	used, err := w.usage()
	if err != nil {
		return true, fmt.Errorf("read usage: %w", err)
	}
	now := time.Now().UTC()
	switch {
	case others && w.limits.MemoryBytes > 0 && used.memoryBytes > w.limits.MemoryBytes:
		return true, w.end(LimitEvent{now, LimitMemory, used.memoryBytes, w.limits.MemoryBytes})
	case w.limits.Processes > 0 && (used.processes > w.limits.Processes || used.refusedForks > w.refusedForks):
		// A refused fork would have been one more than the bound.
		return true, w.end(LimitEvent{now, LimitProcesses, max(used.processes, w.limits.Processes+1), w.limits.Processes})
	}
	return others, nil
}

// usage is what the user's processes take, strays too; only of memory a stray takes none until it is gathered.
func (w *watcher) usage() (usage, error) {
	job, errJob := w.groups.job.usage()
	control, errControl := w.groups.control.usage()
	return usage{
		memoryBytes:  job.memoryBytes,
		processes:    job.processes + int64(len(w.strays)),
		refusedForks: job.refusedForks + control.refusedForks,
	}, errors.Join(errJob, errControl)
}

// gather puts processes of the user that came to be outside the group into it: those that a command of root's started
// under the user's id. A process that is just being forked in the group may seem outside for an instant, and moving it then
// would count it twice; so only one that was a stray at the last look too is moved.
func (w *watcher) gather() (others bool, err error) {
	pids, err := listProcesses()
	if err != nil {
		return true, fmt.Errorf("list processes: %w", err)
	}
	members, err := w.groups.job.members()
	if err != nil {
		return true, fmt.Errorf("list group: %w", err)
	}
	strays := map[int]bool{}
	for _, pid := range pids {
		if pid == os.Getpid() {
			continue
		}
		others = true
		if members[pid] || liveUID(pid) != w.uid {
			continue
		}
		strays[pid] = true
		if w.strays[pid] {
			// Its error says that the process has ended meanwhile.
			_ = w.groups.job.join(pid)
		}
	}
	w.strays = strays
	return others, nil
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
	w.refusedForks = used.refusedForks
	return errors.Join(err, errUsage)
}

// killAll kills the group of the user's processes at once, and the strays, while none of them can fork, as it finds them,
// until it finds none.
func (w *watcher) killAll() (err error) {
	if err := w.groups.control.forbidForks(); err != nil {
		return fmt.Errorf("forbid forks: %w", err)
	}
	defer func() { err = errors.Join(err, w.groups.control.allowForks()) }()
	for range killRounds {
		if err := w.groups.job.kill(); err != nil {
			return fmt.Errorf("kill group: %w", err)
		}
		if _, err := w.gather(); err != nil {
			return err
		}
		if len(w.strays) == 0 {
			return nil
		}
		for pid := range w.strays {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("end the user's processes: %d are left", len(w.strays))
}
