//go:build linux

package gvisor

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// emptyNetwork makes a network namespace with nothing in it, for all file servers (gofers) of this runtime: making one per
// machine would cost each start some milliseconds. gVisor's own way to share one leaves a mount in its state directory, which
// outlives a kill; this one goes with its last user.
func emptyNetwork() (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, now in another namespace, ends with this goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- result{nil, fmt.Errorf("make network namespace: %w", err)}
			return
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		done <- result{file, err}
	}()
	r := <-done
	return r.file, r.err
}

// goferNetwork is runsc's flag for the file servers' network. Without a namespace to share each gets a new, empty one.
func (r *Runtime) goferNetwork() string {
	if r.network == nil {
		return "--gofer-network-namespace=new"
	}
	return fmt.Sprintf("--gofer-network-namespace=/proc/%d/fd/%d", os.Getpid(), r.network.Fd())
}
