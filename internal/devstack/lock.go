//go:build linux

package devstack

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// LockedError: another stack uses the state folder.
type LockedError struct {
	Dir string
	// PID of the other stack; 0 when it cannot be read.
	PID int
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("state folder %s is in use by another starter dev", e.Dir)
	}
	return fmt.Sprintf("state folder %s is in use by another starter dev (process %d)", e.Dir, e.PID)
}

// lock takes the state folder. The kernel lets go of it when this process ends, however it ends.
func (c Config) lock() (*os.File, error) {
	file, err := os.OpenFile(c.lockFile(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of state folder: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		return nil, &LockedError{Dir: c.StateDir, PID: readPID(file)}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock state folder %s: %w", c.StateDir, err)
	}
	if err = file.Truncate(0); err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("write lock of state folder %s: %w", c.StateDir, err)
	}
	return file, nil
}

func readPID(file *os.File) int {
	text := make([]byte, 16)
	n, _ := file.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		return 0
	}
	return pid
}
