//go:build linux

package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
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
// and reports the first port that is taken. All are held until the last is found, so they differ; then none is: another program
// may take one before the child's own listen, which the child then reports in its log.
func (c *Config) claimPorts() error {
	last, err := c.lastPorts()
	if err != nil {
		return err
	}
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			_ = listener.Close()
		}
	}()
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
		listener, err := claim(*want.port, want.last)
		if errors.Is(err, syscall.EADDRINUSE) {
			return &BusyPortError{Port: *want.port, For: want.use, Flag: want.flag}
		}
		if err != nil {
			return fmt.Errorf("listen on port %d (%s): %w", *want.port, want.use, err)
		}
		held = append(held, listener)
		*want.port = listener.Addr().(*net.TCPAddr).Port
	}
	if last.Sandboxd != 0 && last.Sandboxd != c.SandboxdPort {
		// The account, whose slots they wait for, is known by the server's address.
		c.Notify(fmt.Sprintf("the sandbox server was on port %d and is now on %d: evals that waited for a sandbox when it"+
			" stopped go on once it is started on port %d again", last.Sandboxd, c.SandboxdPort, last.Sandboxd))
	}
	return c.rememberPorts()
}

// claim listens on wanted; for 0 on the last one, if that is free, else on any.
func claim(wanted, last int) (net.Listener, error) {
	if wanted != 0 {
		return net.Listen("tcp", loopback(wanted))
	}
	if last != 0 {
		if listener, err := net.Listen("tcp", loopback(last)); err == nil {
			return listener, nil
		}
	}
	return listenAnywhere()
}

// Free ports are looked for below those that Linux gives to outgoing connections, 32768 and up (ip_local_port_range): one of
// these took the port of Temporal's UI between this look and its listen, for as long as the connection lasted (seen beside
// other tests).
const (
	lowestFree = 10_000
	beyondFree = 32_000
	freeTries  = 100
)

func listenAnywhere() (listener net.Listener, err error) {
	for range freeTries {
		port := lowestFree + rand.IntN(beyondFree-lowestFree) //nolint:gosec // any will do
		if listener, err = net.Listen("tcp", loopback(port)); err == nil {
			return listener, nil
		}
	}
	return nil, fmt.Errorf("find a free port from %d to %d: %w", lowestFree, beyondFree-1, err)
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
