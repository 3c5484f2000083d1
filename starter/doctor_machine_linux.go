package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pitwall/internal/sandboxd/gvisor"
)

// machine looks at what local sandboxes need; it matters only where the provider is this host.
func (e *examination) machine(ctx context.Context) {
	if !e.target.IsLocal() {
		e.add("local sandboxes", findingSkip, "the provider is remote", "")
		return
	}
	e.python()
	e.bounds(ctx)
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

// bounds says of each resource whether the kernel bounds it or a watcher does, which may be overshot.
func (e *examination) bounds(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, doctorBound)
	defer cancel()
	bounds, err := e.askBounds(ctx)
	if err != nil {
		e.add("bounds", findingSkip, "the sandbox server does not say how it bounds sandboxes: "+err.Error(), "")
		return
	}
	for _, bound := range bounds {
		how := "watched"
		if bound.Hard {
			how = "hard"
		}
		e.add("bound: "+bound.Resource, findingOK, how+": "+bound.By, "")
	}
}

// askBounds asks the local server, which alone has this route.
func (e *examination) askBounds(ctx context.Context) ([]gvisor.Bound, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(e.target.APIURL, "/")+"/pitwall/bounds", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+e.target.APIKey.Reveal())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", response.Status)
	}
	var bounds []gvisor.Bound
	err = json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&bounds)
	return bounds, err
}
