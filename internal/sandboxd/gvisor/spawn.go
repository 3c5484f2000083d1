//go:build linux

package gvisor

import (
	"fmt"
	"os/exec"
	"runtime"
)

// spawn starts cmd inside a cgroup from its first instruction on: a child inherits the cgroups of the *thread* that forks it
// (v1), or is cloned into one (v2). It holds one OS thread meanwhile.
func spawn(cmd *exec.Cmd, group cgroup) error {
	if group == nil {
		return cmd.Start()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		leave, err := group.enter(cmd)
		if err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("enter cgroup: %w", err)
			return
		}
		err = cmd.Start()
		if leave() == nil {
			runtime.UnlockOSThread() // else the thread ends with this goroutine, and leaves the cgroup so
		}
		done <- err
	}()
	return <-done
}
