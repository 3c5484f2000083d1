package daytona

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Polling of a starting sandbox: fast at first, for a warm start takes some 100 ms; then Daytona's own pace of 1 s.
const (
	startPollFirst = 50 * time.Millisecond
	startPollLast  = time.Second
)

// BadStateError is a sandbox in a state that ends a wait. It matches ErrStartFailed (error, build_failed), ErrSandboxGone
// (destroying, destroyed, absent) or ErrSandboxNotRunning (stopped, archived, paused).
type BadStateError struct {
	SandboxID, State, Reason string
	Err                      error
}

func (e *BadStateError) Error() string {
	text := fmt.Sprintf("sandbox %s is %s", e.SandboxID, e.State)
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the sentinel.
func (e *BadStateError) Unwrap() error { return e.Err }

// WaitStarted polls a sandbox by id until it is started. It tolerates whatever may pass (5xx, 429, lost connections) and
// ends with a *BadStateError when the sandbox can no longer start, with the refusal when the key is refused, or with the
// context's error, which then names the last state.
func (c *Client) WaitStarted(ctx context.Context, id string) (Sandbox, error) {
	pacer := newPacer(startPollFirst, startPollLast)
	var last string
	for {
		sandbox, err := withCallTimeout(ctx, func(ctx context.Context) (Sandbox, error) { return c.GetSandbox(ctx, id) })
		switch {
		case err == nil && sandbox.Started():
			return sandbox, nil
		case err == nil:
			last = sandbox.State
			if ended := notStarting(sandbox); ended != nil {
				return sandbox, ended
			}
		case errors.Is(err, ErrNotFound):
			return Sandbox{}, &BadStateError{SandboxID: id, State: "absent", Err: ErrSandboxGone}
		case ctx.Err() == nil && !Transient(err):
			return Sandbox{}, fmt.Errorf("wait for sandbox %s to start: %w", id, err)
		default:
			last = err.Error()
		}
		if err := sleep(ctx, min(max(pacer.NextBackOff(), RetryAfter(err)), longestPause)); err != nil {
			return Sandbox{}, fmt.Errorf("wait for sandbox %s to start, last %s: %w", id, last, err)
		}
	}
}

// notStarting tells a state that cannot become started by waiting; nil when it can.
func notStarting(sandbox Sandbox) error {
	ended := &BadStateError{SandboxID: sandbox.ID, State: sandbox.State, Reason: sandbox.ErrorReason}
	switch {
	case sandbox.Leaving():
		ended.Err = ErrSandboxGone
	case sandbox.Failed():
		ended.Err = ErrStartFailed
	case sandbox.DesiredState == StateStarted:
		return nil // stopped or archived, and on its way up
	case sandbox.State == StateStopped || sandbox.State == StateArchived || sandbox.State == StatePaused:
		ended.Err = ErrSandboxNotRunning
	default:
		return nil
	}
	return ended
}
