package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// tellBound is how long a campaign's end waits for the operator's webhook, with all that is tried again: its result stands in
// the store by then.
const tellBound = 2 * time.Minute

// tellFailure tells of a campaign that ends without a result: its dataset was not there, a policy does not admit it, its store does
// not answer. What prepares a campaign says whether there is a webhook; until then the input's wish counts.
func (c *campaign) tellFailure(ctx workflow.Context, failure error) {
	if c.prepared.ManifestKey == "" {
		c.prepared.Notify = c.in.Notify
	}
	if c.prepared.Notify == "" || c.prepared.Notify == spec.NotifyNever ||
		workflow.GetVersion(ctx, "tell-failures", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	result := spec.CampaignResult{
		Campaign: c.id, Status: spec.StatusError, Verdict: spec.VerdictInconclusive, Reasons: []string{failureText(failure)},
		ScheduledAt: scheduledAt(ctx), StartedAt: workflow.GetInfo(ctx).WorkflowStartTime.UTC(), FinishedAt: workflow.Now(ctx).UTC(),
	}
	if ctx.Err() != nil {
		result.Status = spec.StatusCancelled
	}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	c.tell(detached, result)
}

func failureText(failure error) string {
	var app *temporal.ApplicationError
	if errors.As(failure, &app) {
		return app.Type() + ": " + app.Message()
	}
	return activities.Describe(failure).Message
}

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
