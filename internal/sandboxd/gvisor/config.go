package gvisor

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// Config says where the runtime finds its programs and keeps its state.
type Config struct {
	// RunscPath is the static runsc program. Required.
	RunscPath string
	// AgentPath is the static toolbox program that becomes each sandbox's first process. Required.
	AgentPath string
	// StateDir is a directory of our own, made with mode 0700 when missing. Required, absolute.
	StateDir string
	// Snapshots are the prepared trees that sandboxes may start from, beside the built-in DefaultSnapshot.
	Snapshots []Snapshot
	// StartTimeout bounds one start, from runsc's launch to the agent's first answer. Defaults to 30 s: 300 times the
	// median, for a machine that swaps.
	StartTimeout time.Duration
	// CallTimeout bounds every other call of runsc. Defaults to 20 s.
	CallTimeout time.Duration
	// WatchPeriod is how often the memory of each machine is read. Defaults to 100 ms.
	WatchPeriod time.Duration
	// Headroom is added to a machine's memory bound for agent and gVisor's own kernel, and for what a job takes before the
	// agent, short of processor, ends it: a storm of 256 forked Pythons on a loaded host was seen at 1280 MiB of a bound of
	// 1024. An idle sandbox uses 50–70 MB. Defaults to 512 MiB.
	Headroom int64
	// NoCgroups makes the runtime act as if the host allowed no cgroups. For tests.
	NoCgroups bool
	// Logger receives what has no caller to go to. Defaults to none.
	Logger *zap.Logger
}

// WithDefaults returns a copy with every unset field resolved.
func (c Config) WithDefaults() Config {
	if c.StartTimeout <= 0 {
		c.StartTimeout = 30 * time.Second
	}
	if c.CallTimeout <= 0 {
		c.CallTimeout = 20 * time.Second
	}
	if c.WatchPeriod <= 0 {
		c.WatchPeriod = 100 * time.Millisecond
	}
	if c.Headroom <= 0 {
		c.Headroom = 512 << 20
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

func (c Config) validate() error {
	var problems []error
	for name, path := range map[string]string{"RunscPath": c.RunscPath, "AgentPath": c.AgentPath, "StateDir": c.StateDir} {
		if !filepath.IsAbs(path) {
			problems = append(problems, fmt.Errorf("%s %q is not an absolute path", name, path))
		}
	}
	return errors.Join(problems...)
}
