//go:build linux

package devstack

import (
	"context"
	"time"
)

// service is one program of the stack.
type service struct {
	name string
	path string
	args []string
	// env is asked at each start: the worker's holds the key that the sandbox server makes at its first.
	env func() ([]string, error)
	// ready is asked until it returns nil; the error of the last try says what is missing.
	ready func(ctx context.Context) error
	// readyWithin bounds a start, generously: the machine may be busy building.
	readyWithin time.Duration
	// stopWithin is how long the program may take to end after SIGTERM, before it is killed.
	stopWithin time.Duration
}

// services are the stack's programs, in the order of their start.
func (c Config) services(probe Probe) []service {
	where := c.endpoints()
	return []service{c.temporal(where, probe), c.sandboxd(where), c.worker(where)}
}

func (c Config) temporal(where Endpoints, probe Probe) service {
	args := []string{
		"server", "start-dev", "--ip", "127.0.0.1", "--port", portText(c.TemporalPort), "--ui-port", portText(c.UIPort),
		"--namespace", Namespace, "--db-filename", c.databaseFile(), "--log-level", "warn",
	}
	for _, attribute := range c.SearchAttributes {
		args = append(args, "--search-attribute", attribute)
	}
	return service{
		name: "temporal", path: c.temporalPath(), args: args, env: plainEnv,
		ready:       func(ctx context.Context) error { return probe(ctx, where.TemporalAddress, Namespace) },
		readyWithin: 2 * time.Minute,
		stopWithin:  20 * time.Second,
	}
}

func (c Config) sandboxd(where Endpoints) service {
	args := []string{
		"sandboxd", "--addr", loopback(c.SandboxdPort), "--state-dir", c.sandboxdDir(),
		"--runsc", c.runscPath(), "--toolbox", c.toolboxPath(),
	}
	return service{
		name: "sandboxd", path: c.StarterPath, args: append(args, c.SandboxdArgs...), env: plainEnv,
		ready:       func(ctx context.Context) error { return answersOK(ctx, where.DaytonaAPIURL+"/health") },
		readyWithin: time.Minute,
		// It removes up to a few hundred sandboxes first; one takes 15–17 ms on a quiet machine.
		stopWithin: time.Minute,
	}
}

func (c Config) worker(where Endpoints) service {
	return service{
		name: "worker", path: c.workerPath(),
		env:         func() ([]string, error) { return c.workerEnv(where) },
		ready:       func(ctx context.Context) error { return answersOK(ctx, where.HealthURL+"/readyz") },
		readyWithin: time.Minute,
		stopWithin:  30 * time.Second,
	}
}
