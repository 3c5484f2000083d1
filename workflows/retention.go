package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/retention"
)

// RetentionInput is the input of RetentionWorkflow.
type RetentionInput struct {
	// DryRun decides and removes nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

// retentionInterval is between two passes: the shortest class that makes sense is a day.
const retentionInterval = 24 * time.Hour

// RetentionWorkflow is one pass over the store: it removes the records whose time is over by the clock of its start.
func RetentionWorkflow(ctx workflow.Context, in RetentionInput) (retention.Report, error) {
	var report retention.Report
	var retaining *activities.Retaining
	request := activities.RemoveExpiredInput{DryRun: in.DryRun, Now: workflow.GetInfo(ctx).WorkflowStartTime.UTC()}
	err := workflow.ExecuteActivity(withRetention(ctx), retaining.RemoveExpired, request).Get(ctx, &report)
	return report, err
}

// EnsureRetentionSchedule creates the schedule of passes when it is missing, or removes it where the operator wants none.
func EnsureRetentionSchedule(ctx context.Context, temporalClient client.Client, wanted bool) error {
	schedules := temporalClient.ScheduleClient()
	if !wanted {
		err := schedules.GetHandle(ctx, RetentionScheduleID).Delete(ctx)
		var missing *serviceerror.NotFound
		if err != nil && !errors.As(err, &missing) {
			return fmt.Errorf("delete schedule %s: %w", RetentionScheduleID, err)
		}
		return nil
	}
	_, err := schedules.Create(ctx, client.ScheduleOptions{
		ID: RetentionScheduleID, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: retentionInterval}}},
		Action: &client.ScheduleWorkflowAction{
			ID: RetentionID, Workflow: RetentionWorkflow, Args: []any{RetentionInput{}}, TaskQueue: CleanupQueue,
			WorkflowRunTimeout: retentionInterval,
			StaticSummary:      "removes campaigns and evals whose time is over",
		},
		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: retentionInterval,
		Note:          "removes campaigns and evals from the store whose time is over; created by the worker",
	})
	if err != nil && !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return fmt.Errorf("create schedule %s: %w", RetentionScheduleID, err)
	}
	return nil
}
