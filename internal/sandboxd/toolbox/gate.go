package toolbox

import (
	"fmt"
	"runtime"
	"syscall"
)

// forkGated forks and execs, and lets the new program run its first instruction only after admit has bounded it: the
// child stops at its exec because it is traced, admit acts from outside, and the trace ends. Limits set after a plain start
// would leave a moment in which the program can fork away from them, and a helper that sets them and then execs would cost
// each command the start of another Go program.
func forkGated(argv []string, attr *syscall.ProcAttr, admit func(pid int) error) (int, error) {
	// A trace belongs to the thread that forked.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr.Sys.Ptrace = true
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, err
	}
	if err := openGate(pid, admit); err != nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		return 0, err
	}
	return pid, nil
}

func openGate(pid int, admit func(pid int) error) error {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
		return fmt.Errorf("wait for exec: %w", err)
	}
	if !status.Stopped() {
		return fmt.Errorf("wait for exec: process ended with %v", status)
	}
	if err := admit(pid); err != nil {
		return err
	}
	if err := syscall.PtraceDetach(pid); err != nil {
		return fmt.Errorf("release process: %w", err)
	}
	return nil
}
