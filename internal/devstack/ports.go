//go:build linux

package devstack

import (
	"errors"
	"fmt"
	"net"
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

// claimPorts replaces each 0 by a free port and reports the first port that is taken. Nothing is held: between the
// check and the child's own listen another program may take the port, which the child then reports in its log.
func (c *Config) claimPorts() error {
	for _, want := range []struct {
		port      *int
		use, flag string
	}{
		{&c.TemporalPort, "Temporal", "--temporal-port"},
		{&c.UIPort, "Temporal UI", "--ui-port"},
		{&c.SandboxdPort, "sandbox server", "--sandboxd-port"},
		{&c.HealthPort, "worker health", "--health-port"},
	} {
		free, err := freePort(*want.port)
		if errors.Is(err, syscall.EADDRINUSE) {
			return &BusyPortError{Port: *want.port, For: want.use, Flag: want.flag}
		}
		if err != nil {
			return fmt.Errorf("listen on port %d (%s): %w", *want.port, want.use, err)
		}
		*want.port = free
	}
	return nil
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
