//go:build linux

// Command userns tells whether the kernel lets this user make a user namespace, which local sandboxes are isolated by. Where it
// does not, it prints the one message that says so, with the remedy, and exits with 1.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

const remedy = `the kernel refuses user namespaces (%v), so local sandboxes cannot be isolated and nothing was run.
Remedy, as root, whichever of these settings the kernel has:
  sysctl -w user.max_user_namespaces=15000
  sysctl -w kernel.unprivileged_userns_clone=1
  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
In a container, its runtime's seccomp profile must allow the system calls unshare and clone with CLONE_NEWUSER.
`

func main() {
	if err := probe(); err != nil {
		fmt.Fprintf(os.Stderr, remedy, err)
		os.Exit(1)
	}
}

// probe runs a program that does nothing in new user and mount namespaces, as runsc does.
func probe() error {
	child := exec.Command("/bin/true")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return child.Run()
}
