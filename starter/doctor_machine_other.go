//go:build !linux

package main

import "context"

// machine: local sandboxes need Linux.
func (e *examination) machine(context.Context) {
	e.add("local sandboxes", findingSkip, "they need Linux; this machine uses a remote Daytona", "")
}
