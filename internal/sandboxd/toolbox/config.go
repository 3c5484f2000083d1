//go:build linux

package toolbox

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
)

// Config is what an agent is started with. Zero values mean the defaults of WithDefaults, which are those of a sandbox.
type Config struct {
	// User is the login name of the sandbox's ordinary user. Defaults to "daytona".
	User string
	// UID and GID are that user's numbers. Default to 1000 each.
	UID, GID int
	// Home is that user's home, and the work dir of every request that names none. Defaults to "/home/daytona".
	Home string
	// Env is given to every command, over the defaults of HOME, USER, PATH and so on, under the request's own variables.
	Env map[string]string
	// Limits bound what the user's processes may take. The zero value bounds nothing.
	Limits Limits
	// StateDir holds session logs; root's alone (mode 0700). Defaults to "/.pitwall/state".
	StateDir string
	// LimitEvents is the file, root's alone, to which the watcher appends a line for each limit that was passed.
	// Defaults to "/.pitwall/run/limit-events.jsonl".
	LimitEvents string
	// CgroupDir is the mount point for gVisor's own control groups. Defaults to "/.pitwall/state/cgroup".
	CgroupDir string
	// EgressSocket is a Unix socket, root's alone, on which the host calls for connections that leave the sandbox, and
	// EgressListen the loopback address at which they begin. Both or neither; by default nothing leaves.
	EgressSocket, EgressListen string
	// Version is the answer of GET /version. Defaults to Version.
	Version string
	// SingleUser runs every request as the agent's own user, without limits. It is for tests of the wire on a developer's
	// machine, with commands that are trusted; a sandbox never sets it.
	SingleUser bool
	// Logger gets the agent's own log. Defaults to slog.Default().
	Logger *slog.Logger
}

// Version is the agent's version. Daytona's client libraries only print it.
const Version = "0.205.1-pitwall"

// WithDefaults returns a copy in which every field that was left zero has its default.
func (c Config) WithDefaults() Config {
	setDefault(&c.User, "daytona")
	setDefault(&c.UID, 1000)
	setDefault(&c.GID, 1000)
	setDefault(&c.Home, "/home/daytona")
	setDefault(&c.StateDir, "/.pitwall/state")
	setDefault(&c.LimitEvents, "/.pitwall/run/limit-events.jsonl")
	setDefault(&c.CgroupDir, "/.pitwall/state/cgroup")
	setDefault(&c.Version, Version)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Validate reports every problem of a configuration that has its defaults.
func (c Config) Validate() error {
	var errs []error
	if c.UID < 1 || c.GID < 1 {
		errs = append(errs, fmt.Errorf("user %s has uid %d and gid %d: both must be above 0, which is the agent's own", c.User, c.UID, c.GID))
	}
	if (c.EgressSocket == "") != (c.EgressListen == "") {
		errs = append(errs, errors.New("the way out needs both its socket and its address"))
	}
	for name, path := range map[string]string{"home": c.Home, "state dir": c.StateDir, "limit events": c.LimitEvents} {
		if !filepath.IsAbs(path) {
			errs = append(errs, fmt.Errorf("%s %q is not an absolute path", name, path))
		}
	}
	return errors.Join(append(errs, c.Limits.Validate())...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
