//go:build unix

package config

import (
	"errors"

	"golang.org/x/sys/unix"
)

// alive reports whether a process runs; one that belongs to somebody else does.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}
