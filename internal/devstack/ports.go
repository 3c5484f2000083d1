//go:build linux

package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// BusyPortError: something else listens on a port that the stack was told to use.
type BusyPortError struct {
	Port int
	// For says what the port is for; Flag is the flag of `starter dev` that changes it.
	For, Flag string
}

func (e *BusyPortError) Error() string {
	return fmt.Sprintf("port %d (%s) is in use by another program", e.Port, e.For)
}

// claimPorts replaces each 0 by the port of the last start in this state folder, if that is free, else by any free one,
// and reports the first port that is taken. Nothing is held: between the check and the child's own listen another program
// may take the port, which the child then reports in its log.
func (c *Config) claimPorts() error {
	last, err := c.lastPorts()
	if err != nil {
		return err
	}
	for _, want := range []struct {
		port      *int
		last      int
		use, flag string
	}{
		{&c.TemporalPort, last.Temporal, "Temporal", "--temporal-port"},
		{&c.UIPort, last.UI, "Temporal UI", "--ui-port"},
		{&c.SandboxdPort, last.Sandboxd, "sandbox server", "--sandboxd-port"},
		{&c.HealthPort, last.Health, "worker health", "--health-port"},
	} {
		free, err := claim(*want.port, want.last)
		if errors.Is(err, syscall.EADDRINUSE) {
			return &BusyPortError{Port: *want.port, For: want.use, Flag: want.flag}
		}
		if err != nil {
			return fmt.Errorf("listen on port %d (%s): %w", *want.port, want.use, err)
		}
		*want.port = free
	}
	if last.Sandboxd != 0 && last.Sandboxd != c.SandboxdPort {
		// The account, whose slots they wait for, is known by the server's address.
		c.Notify(fmt.Sprintf("the sandbox server was on port %d and is now on %d: evals that waited for a sandbox when it"+
			" stopped go on once it is started on port %d again", last.Sandboxd, c.SandboxdPort, last.Sandboxd))
	}
	return c.rememberPorts()
}

// claim returns wanted when it can be listened on; for 0 the last one, if that is free, else any.
func claim(wanted, last int) (int, error) {
	if wanted == 0 && last != 0 {
		if free, err := freePort(last); err == nil {
			return free, nil
		}
	}
	return freePort(wanted)
}

// freePort returns port when it can be listened on, and some free one for 0.
func freePort(port int) (int, error) {
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// ports are what a state folder remembers of its last start, so that what waits in its database finds the same place.
type ports struct {
	Temporal int `json:"temporal"`
	UI       int `json:"ui"`
	Sandboxd int `json:"sandboxd"`
	Health   int `json:"health"`
}

func (c *Config) lastPorts() (last ports, err error) {
	data, err := os.ReadFile(c.portsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return ports{}, nil
	}
	if err != nil {
		return ports{}, fmt.Errorf("read the ports of the last start: %w", err)
	}
	_ = json.Unmarshal(data, &last) // half written by a start that was killed: it is only a preference
	return last, nil
}

func (c *Config) rememberPorts() error {
	data, err := json.Marshal(ports{Temporal: c.TemporalPort, UI: c.UIPort, Sandboxd: c.SandboxdPort, Health: c.HealthPort})
	if err == nil {
		err = os.WriteFile(c.portsFile(), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("remember the ports: %w", err)
	}
	return nil
}
