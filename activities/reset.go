package activities

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/activity"
)

// sameRun returns EvalReset when the eval's run is no longer the one that its slot was granted to. A reset copies the
// history up to its point into a new run, and parent close reaches only leases that the new run started itself. So work
// in a sandbox of the old run's would have no guard: the eval gives that lease up and makes another attempt.
func sameRun(ctx context.Context, grantedTo string) error {
	if grantedTo == "" {
		return nil
	}
	run := activity.GetInfo(ctx).WorkflowExecution.RunID
	if run == grantedTo {
		return nil
	}
	return terminal(ErrTypeEvalReset, fmt.Errorf("the eval was reset: its slot was granted to run %s, this is run %s", grantedTo, run))
}
