package daytona

import (
	"context"
	"errors"
	"fmt"
)

// Diagnose reads a sandbox again after one of its toolbox calls failed, so that nobody is blamed before the facts are
// known. The error returned is never nil; it wraps the cause, and besides
//
//   - ErrSandboxGone: the sandbox was removed under the call;
//   - ErrStartFailed: it broke (Daytona's state "error");
//   - ErrSandboxNotRunning: it stopped;
//   - the error of reading it, when that failed;
//   - nothing: it is up, so the cause stands for itself. On Daytona a bare 502 can then be the job's own doing
//     (daytonaio/daytona#5140).
func (c *Client) Diagnose(ctx context.Context, id string, cause error) (Sandbox, error) {
	sandbox, err := c.GetSandbox(ctx, id)
	if err == nil && !sandbox.Started() {
		err = notStarting(sandbox)
		if err == nil {
			err = &BadStateError{SandboxID: id, State: sandbox.State, Reason: sandbox.ErrorReason, Err: ErrSandboxNotRunning}
		}
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return Sandbox{}, fmt.Errorf("%w: %w", &BadStateError{SandboxID: id, State: "absent", Err: ErrSandboxGone}, cause)
	case err != nil:
		return sandbox, fmt.Errorf("%w: %w", err, cause)
	}
	return sandbox, cause
}
