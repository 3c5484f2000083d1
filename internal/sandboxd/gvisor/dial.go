//go:build linux

package gvisor

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Dial connects to a machine's agent. The socket lies in a directory that the sandbox's root can write, so what is there is
// opened without following links and must be a socket; the connection is made to exactly what was opened. That also lifts
// the limit of 108 bytes on the path.
func Dial(ctx context.Context, socket string) (net.Conn, error) {
	fd, err := unix.Open(socket, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open agent's socket: %w", err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("open agent's socket: %w", err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, fmt.Errorf("open agent's socket: %s is not a socket", socket)
	}
	return new(net.Dialer).DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d", fd))
}
