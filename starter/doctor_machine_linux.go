package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// machine looks at what local sandboxes need; it matters only where the provider is this host.
func (e *examination) machine() {
	if !e.target.IsLocal() {
		e.add("local sandboxes", findingSkip, "the provider is remote", "")
		return
	}
	e.python()
}

// python warns when python3 is only outside /usr: sandboxes see this machine's /usr and nothing else of it.
func (e *examination) python() {
	const visibleInside = "/usr/bin/python3"
	if _, err := os.Stat(visibleInside); err == nil {
		e.add("python3", findingOK, visibleInside, "")
		return
	}
	found, err := exec.LookPath("python3")
	if err == nil {
		found, err = filepath.EvalSymlinks(found)
	}
	switch {
	case err != nil:
		e.add("python3", findingWarn, "not found on this machine, so it is not in sandboxes either", "install it under /usr, or offer a folder: --snapshot NAME=DIR")
	case strings.HasPrefix(found, "/usr/"):
		e.add("python3", findingOK, found, "")
	default:
		e.add("python3", findingWarn, found+" is outside of what sandboxes see", "install it under /usr, or offer its folder: --snapshot NAME=DIR")
	}
}
