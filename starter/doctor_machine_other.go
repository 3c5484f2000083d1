//go:build !linux

package main

// machine: local sandboxes need Linux.
func (e *examination) machine() {
	e.add("local sandboxes", findingSkip, "they need Linux; this machine uses a remote Daytona", "")
}
