package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// tellBound is how long a campaign's end waits for the operator's webhook, with all that is tried again: its result stands in
// the store by then.
const tellBound = 2 * time.Minute

// tell tells the operator's webhook what a campaign came to, where its input asks for it and the worker that prepared it had one.
// Nothing of the campaign depends on it: what could not be told stands in the history, the log and the metrics.
func (c *campaign) tell(ctx workflow.Context, result spec.CampaignResult) {
	passed := result.Verdict == spec.VerdictPass && result.Status == spec.StatusCompleted
	if c.prepared.Notify != spec.NotifyAlways && (c.prepared.Notify != spec.NotifyNotPassed || passed) {
		return
	}
	var telling *activities.Telling
	options := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              TaskQueue,
		StartToCloseTimeout:    15 * time.Second,
		ScheduleToCloseTimeout: tellBound,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second, MaximumAttempts: 8},
		Summary:                "tell the webhook",
	})
	if err := workflow.ExecuteActivity(options, telling.TellCampaign, result).Get(options, nil); err != nil {
		workflow.GetLogger(ctx).Warn("the webhook was not told of the campaign's end", "error", err)
	}
}
