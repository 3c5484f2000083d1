//go:build linux

package toolbox

import (
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// forkLimited forks and execs, and lets the new program run its first instruction only with its limits set: the child
// stops at its exec because it is traced, the limits are set from outside, and the trace ends. Limits set after a plain
// start would leave a moment in which the program can fork away from them, and a helper that sets them and then execs would
// cost each command the start of another Go program.
func forkLimited(argv []string, attr *syscall.ProcAttr, limits []resourceLimit) (int, error) {
	// A trace belongs to the thread that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr.Sys.Ptrace = true
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, err
	}
	if err := limitStopped(pid, limits); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		return 0, err
	}
	return pid, nil
}

func limitStopped(pid int, limits []resourceLimit) error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return fmt.Errorf("wait for exec: %w", err)
	}
	if !status.Stopped() {
		return fmt.Errorf("wait for exec: process ended with status %#x", status)
	}
	for _, limit := range limits {
		if err := unix.Prlimit(pid, limit.resource, &limit.value, nil); err != nil {
			return fmt.Errorf("limit process: %w", err)
		}
	}
	if err := syscall.PtraceDetach(pid); err != nil {
		return fmt.Errorf("release process: %w", err)
	}
	return nil
}
