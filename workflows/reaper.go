package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
)

// ReaperInput is the input of ReaperWorkflow.
type ReaperInput struct {
	// DryRun decides and touches nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// ReaperResult is what one pass found and did.
type ReaperResult struct {
	Leases    activities.AuditReport `json:"leases"`
	Sandboxes activities.ReapReport  `json:"sandboxes"`
}

// auditMargin is how long past its deadline a lease may be before its code counts as unable to run. Its removal alone
// may take minutes at a slow provider.
const auditMargin = 10 * time.Minute

// Audit is what a pass asks of AuditLeases.
func Audit(dryRun bool) activities.AuditLeasesInput {
	return activities.AuditLeasesInput{LeaseType: "SandboxLease", Margin: auditMargin, DryRun: dryRun}
}

// ReaperWorkflow is one pass of the reaper: leases first, so that what they give up is seen as an orphan right away.
// Either half goes on when the other fails.
func ReaperWorkflow(ctx workflow.Context, in ReaperInput) (ReaperResult, error) {
	var result ReaperResult
	var reaping *activities.Reaping
	auditErr := workflow.ExecuteActivity(withReaping(ctx, "audit the leases"), reaping.AuditLeases, Audit(in.DryRun)).Get(ctx, &result.Leases)
	reap := activities.ReapSandboxesInput{DryRun: in.DryRun}
	reapErr := workflow.ExecuteActivity(withReaping(ctx, "remove what nobody holds"), reaping.ReapSandboxes, reap).Get(ctx, &result.Sandboxes)
	return result, errors.Join(auditErr, reapErr)
}

// EnsureReaperSchedule creates the reaper's schedule when it is missing, and sets its interval when it is another's.
func EnsureReaperSchedule(ctx context.Context, temporalClient client.Client, interval time.Duration) error {
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: interval}}}
	timeout := 2*interval - time.Second // so that a stuck pass never hides the next ones
	_, err := temporalClient.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: ReaperScheduleID, Spec: spec,
		Action: &client.ScheduleWorkflowAction{
			ID: ReaperID, Workflow: ReaperWorkflow, Args: []any{ReaperInput{}}, TaskQueue: CleanupQueue,
			WorkflowRunTimeout: timeout,
			StaticSummary:      "removes sandboxes that nobody holds, audits leases",
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: time.Minute,
		Note:          "removes sandboxes that nobody holds and audits leases; created by the worker",
	})
	if err == nil {
		return nil
	}
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return fmt.Errorf("create schedule %s: %w", ReaperScheduleID, err)
	}
	handle := temporalClient.ScheduleClient().GetHandle(ctx, ReaperScheduleID)
	err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule
		current := schedule.Spec
		action, starts := schedule.Action.(*client.ScheduleWorkflowAction)
		if current != nil && len(current.Intervals) == 1 && current.Intervals[0].Every == interval && starts && action.WorkflowRunTimeout == timeout {
			return nil, temporal.ErrSkipScheduleUpdate
		}
		schedule.Spec = &spec
		if starts {
			changed := *action
			changed.WorkflowRunTimeout = timeout
			schedule.Action = &changed
		}
		return &client.ScheduleUpdate{Schedule: &schedule}, nil
	}})
	if err != nil && !errors.Is(err, temporal.ErrSkipScheduleUpdate) {
		return fmt.Errorf("set the interval of schedule %s: %w", ReaperScheduleID, err)
	}
	return nil
}
