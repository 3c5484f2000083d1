package sandboxd

import (
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pitwall/internal/sandboxd/egress"
	"pitwall/internal/sandboxd/gvisor"
)

// Config is what a server is made of.
type Config struct {
	// StateDir holds everything that the server keeps: API key, records, ledger, machines. Made with mode 0700 when missing.
	// Required, absolute.
	StateDir string
	// RunscPath and ToolboxPath are the programs that make and serve a sandbox. Required, absolute.
	RunscPath, ToolboxPath string
	// Snapshots are offered beside "default", the host's own /usr.
	Snapshots []gvisor.Snapshot
	// APIKey is what clients must send. Defaults to the key in StateDir/api-key, which is generated on first use.
	APIKey string
	// MaxSandboxes bounds the sandboxes that exist at one time, stopped ones included. Defaults to 64.
	MaxSandboxes int
	// Size is what a sandbox gets whose request and snapshot say nothing. Zero fields take gvisor.DefaultLimits.
	Size gvisor.Limits
	// KeepOnShutdown leaves sandboxes alive when the server stops in good order, for the next one to adopt. By default they are
	// removed. A server that is killed always leaves them.
	KeepOnShutdown bool
	// Minute is how long a minute of autoStop, autoDelete and ttl lasts. Defaults to a minute; tests shorten it.
	Minute time.Duration
	// ClockPeriod is how often those clocks are read. Defaults to 1 s (Daytona: 10 s).
	ClockPeriod time.Duration
	// NoCgroups holds limits without cgroups even where there are some. For tests.
	NoCgroups bool
	// egress is zero but in tests, which have neither names nor public addresses.
	egress egress.Dialer
	// Logger receives one line for each sandbox that is created, adopted, lost or destroyed. Defaults to none.
	Logger *zap.Logger `json:"-"`
}

// WithDefaults returns a copy with every unset field resolved, but for APIKey.
func (c Config) WithDefaults() Config {
	if c.MaxSandboxes <= 0 {
		c.MaxSandboxes = 64
	}
	c.Size = c.Size.WithDefaults()
	if c.Minute <= 0 {
		c.Minute = time.Minute
	}
	if c.ClockPeriod <= 0 {
		c.ClockPeriod = time.Second
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}

func (c Config) validate() error {
	if !filepath.IsAbs(c.StateDir) {
		return fmt.Errorf("check sandbox server configuration: state directory %q is not an absolute path", c.StateDir)
	}
	return nil
}

func (c Config) gvisor() gvisor.Config {
	return gvisor.Config{
		RunscPath: c.RunscPath, AgentPath: c.ToolboxPath, StateDir: filepath.Join(c.StateDir, "gv"),
		Snapshots: c.Snapshots, NoCgroups: c.NoCgroups, Logger: c.Logger,
	}
}
