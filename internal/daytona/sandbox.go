package daytona

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// States of a sandbox, as GET gives them. LIST gives the stored state instead, which may lag: StateUnknown for a fresh
// sandbox, StateStarted for one that is being destroyed.
const (
	StateCreating        = "creating"
	StateRestoring       = "restoring"
	StateStarting        = "starting"
	StateStarted         = "started"
	StateStopping        = "stopping"
	StateStopped         = "stopped"
	StateDestroying      = "destroying"
	StateDestroyed       = "destroyed"
	StateError           = "error"
	StateBuildFailed     = "build_failed"
	StatePendingBuild    = "pending_build"
	StateBuilding        = "building_snapshot"
	StatePullingSnapshot = "pulling_snapshot"
	StateArchiving       = "archiving"
	StateArchived        = "archived"
	StatePausing         = "pausing"
	StatePaused          = "paused"
	StateResuming        = "resuming"
	StateUnknown         = "unknown"
)

// Sandbox is the control plane's record of one sandbox.
type Sandbox struct {
	ID, Name, OrganizationID string
	State, DesiredState      string
	ErrorReason              string
	Snapshot, User, Target   string
	ToolboxProxyURL          string // base of the toolbox proxy, without the sandbox's id
	Labels                   map[string]string
	Env                      map[string]string // absent in a list
	CPU                      float64
	MemoryGiB                float64
	DiskGiB                  float64
	Network                  Network
	AutoStopMinutes          *int // 0: off
	AutoDeleteMinutes        *int // after a stop; -1: off; 0: ephemeral, deleted when it stops
	// AutoDestroyAt is when the TTL ends; zero without one. Times that the server leaves out are zero.
	AutoDestroyAt, CreatedAt, UpdatedAt, LastActivityAt time.Time
}

// Started says that the sandbox is up.
func (s Sandbox) Started() bool { return s.State == StateStarted && s.DesiredState != StateDestroyed }

// Failed says that the sandbox did not come up, or broke, and will not recover by itself.
func (s Sandbox) Failed() bool { return s.State == StateError || s.State == StateBuildFailed }

// Leaving says that the sandbox is gone or on its way.
func (s Sandbox) Leaving() bool {
	return s.State == StateDestroyed || s.State == StateDestroying || s.DesiredState == StateDestroyed
}

// GetSandbox reads one sandbox by id, or by name; Daytona looks for the id first. Returns ErrNotFound if there is none:
// by name, that is also so for a sandbox that is still being removed.
func (c *Client) GetSandbox(ctx context.Context, idOrName string) (Sandbox, error) {
	cl := call{op: "get sandbox", method: http.MethodGet, path: sandboxPath(idOrName)}
	if idOrName == "" {
		return Sandbox{}, cl.refuse(fmt.Errorf("%w: no sandbox named", ErrInvalidRequest))
	}
	sandbox, err := c.sandboxCall(ctx, cl)
	if err != nil {
		return Sandbox{}, err
	}
	if sandbox.ID != idOrName && sandbox.Name != idOrName {
		return Sandbox{}, cl.fail(http.StatusOK, fmt.Errorf("%w: it is about sandbox %s", ErrBadAnswer, clean(sandbox.ID)))
	}
	return sandbox, nil
}

// StartSandbox starts a stopped sandbox; started already is no error. It does not wait: see WaitStarted.
func (c *Client) StartSandbox(ctx context.Context, id string) (Sandbox, error) {
	return c.sandboxCall(ctx, call{op: "start sandbox", method: http.MethodPost, path: sandboxPath(id) + "/start"})
}

// StopSandbox stops a sandbox, which destroys an ephemeral one. It does not wait.
func (c *Client) StopSandbox(ctx context.Context, id string) (Sandbox, error) {
	return c.sandboxCall(ctx, call{op: "stop sandbox", method: http.MethodPost, path: sandboxPath(id) + "/stop"})
}

// TouchActivity resets the clock of autoStop: a job that runs quietly looks idle to Daytona.
func (c *Client) TouchActivity(ctx context.Context, id string) error {
	cl := call{op: "touch sandbox", method: http.MethodPost, path: sandboxPath(id) + "/last-activity", json: struct{}{}}
	return c.exchange(ctx, cl, nil)
}

// sandboxCall sends a call that answers with a sandbox.
func (c *Client) sandboxCall(ctx context.Context, cl call) (Sandbox, error) {
	var wire wireSandbox
	if err := c.exchange(ctx, cl, &wire); err != nil {
		return Sandbox{}, err
	}
	sandbox, err := wire.sandbox()
	if err != nil {
		return Sandbox{}, cl.fail(http.StatusOK, err)
	}
	return sandbox, nil
}

func sandboxPath(idOrName string) string { return "/sandbox/" + url.PathEscape(idOrName) }
