package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pitwall/internal/daytona"
)

func (j *Jobs) toolbox(sandbox CreatedSandbox) *daytona.Toolbox {
	return j.Daytona.Toolbox(daytona.Sandbox{ID: sandbox.ID, Name: sandbox.Name, ToolboxProxyURL: sandbox.ToolboxURL})
}

// diagnoseTimeout bounds the second look at a sandbox after a failed call.
const diagnoseTimeout = 10 * time.Second

// sandboxError decides what a failed call into a sandbox means, after the sandbox's own state was read again: a sandbox
// that is gone, stopped or broken is SandboxLost; anything else Transport, which is worth another try.
func (j *Jobs) sandboxError(ctx context.Context, sandbox CreatedSandbox, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	lookCtx, cancel := context.WithTimeout(ctx, diagnoseTimeout)
	defer cancel()
	_, err := j.Daytona.Diagnose(lookCtx, sandbox.ID, cause)
	if isLost(err) {
		return terminal(ErrTypeSandboxLost, fmt.Errorf("sandbox %s: %w", sandbox.ID, err))
	}
	return retryable(ErrTypeTransport, err, 0)
}

func isLost(err error) bool {
	return errors.Is(err, daytona.ErrSandboxGone) || errors.Is(err, daytona.ErrStartFailed) || errors.Is(err, daytona.ErrSandboxNotRunning)
}
