package workflows

import (
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// CampaignWorkflow runs one dataset: it writes an immutable manifest, runs its trials shard by shard, and assembles the
// rows. It completes whatever the trials came to (a failed trial is a row); it fails with InvalidInput before anything
// is run. A cancelled campaign waits for its evals, writes its rows, and ends with a CanceledError whose details are the
// CampaignResult.
func CampaignWorkflow(ctx workflow.Context, in spec.CampaignInput) (spec.CampaignResult, error) {
	c := &campaign{in: in, id: in.Name, progress: CampaignProgress{Phase: phasePreparing}}
	if c.id == "" {
		c.id = CampaignOf(workflow.GetInfo(ctx).WorkflowExecution.ID)
		c.in.Name = c.id
	}
	if err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (CampaignProgress, error) { return c.progress, nil }); err != nil {
		return spec.CampaignResult{}, err
	}
	keepShown(ctx, c.details)
	c.hearShards(ctx)
	if err := c.takeUpdates(ctx); err != nil {
		return spec.CampaignResult{}, err
	}
	if err := c.prepare(ctx); err != nil {
		c.tellFailure(ctx, err)
		return spec.CampaignResult{}, err
	}
	runErr := c.runShards(ctx)
	return c.assemble(ctx, runErr)
}

type campaign struct {
	in       spec.CampaignInput
	id       string
	prepared activities.PreparedCampaign
	progress CampaignProgress
	// live is what the running shard counted so far, as it reports it.
	live     ShardResult
	controls Controls
	// shard is the one that runs; nil between shards.
	shard   workflow.ChildWorkflowFuture
	breaker BreakerState
}

func (c *campaign) prepare(ctx workflow.Context) error {
	var campaigns *activities.Campaigns
	in := activities.PrepareCampaignInput{
		Campaign: c.id, Input: c.in, ScheduledAt: scheduledAt(ctx), StartedAt: workflow.GetInfo(ctx).WorkflowStartTime.UTC(),
	}
	err := workflow.ExecuteActivity(withDataset(ctx, "read the dataset, write the manifest"), campaigns.PrepareCampaign, in).Get(ctx, &c.prepared)
	c.progress.Total, c.progress.MaxParallel = c.prepared.NTrials, c.prepared.MaxParallel
	c.showControls()
	c.markState(ctx, StateRunning)
	return ownWords(err)
}

// ownWords is what an activity said itself, without Temporal's "activity error" around it: the first thing that the UI shows.
func ownWords(err error) error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app
	}
	return err
}

// runShards runs one shard after the other. A campaign of many shards waits at the end of each for its last evals: with
// 500 trials a shard that is one job's length in some hundred.
func (c *campaign) runShards(ctx workflow.Context) error {
	c.progress.Phase = phaseRunning
	var firstErr error
	for i, offset := range c.prepared.ShardOffsets {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		left, some := c.budgetLeft(ctx)
		if c.progress.Ended != "" || !some {
			c.progress.Ended = EndedBudget
			break
		}
		if err := c.runShard(ctx, i, offset, left); err != nil && firstErr == nil {
			firstErr = err
		}
	}
	return firstErr
}

func (c *campaign) runShard(ctx workflow.Context, number int, offset int64, left BudgetLeft) error {
	id := ShardID(c.id, number)
	c.progress.Shard = id
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          id,
		TaskQueue:           TaskQueue,
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       fmt.Sprintf("shard %d of %d of campaign %s", number+1, len(c.prepared.ShardOffsets), c.id),
	})
	in := ShardInput{
		Campaign: c.id, ManifestKey: c.prepared.ManifestKey, Offset: offset, Window: c.prepared.MaxParallel,
		ReportEvery: reportEvery(c.prepared.NTrials),
		Controls:    c.controls, Breaker: c.prepared.Breaker, BreakerState: c.breaker, Budget: left,
	}
	var counts ShardResult
	c.shard = workflow.ExecuteChildWorkflow(child, ShardWorkflow, in)
	err := c.shard.Get(ctx, &counts)
	c.shard = nil
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) && cancelled.HasDetails() {
		_ = cancelled.Details(&counts)
	}
	c.progress.add(counts.Counts)
	c.live = ShardResult{}
	c.progress.Shard, c.progress.Ended, c.breaker = "", counts.Ended, counts.BreakerState
	return err
}

// budgetLeft is what the next shard may use; false: nothing.
func (c *campaign) budgetLeft(ctx workflow.Context) (BudgetLeft, bool) {
	var left BudgetLeft
	budget := c.prepared.Budget
	if budget == nil {
		return left, true
	}
	if budget.SandboxSeconds > 0 {
		left.SandboxSeconds = budget.SandboxSeconds - c.progress.SandboxSeconds
		if left.SandboxSeconds <= 0 {
			return left, false
		}
	}
	if budget.WallTime > 0 {
		left.Until = workflow.GetInfo(ctx).WorkflowStartTime.Add(budget.WallTime.Std()).UTC()
		if !workflow.Now(ctx).Before(left.Until) {
			return left, false
		}
	}
	return left, true
}

// assemble writes results.jsonl and summary.json. What has no result was cancelled, or was terminated from outside.
func (c *campaign) assemble(ctx workflow.Context, runErr error) (spec.CampaignResult, error) {
	c.progress.Phase = phaseAssembling
	cancelled := ctx.Err() != nil
	detached, _ := workflow.NewDisconnectedContext(ctx)
	in := activities.AssembleResultsInput{
		Campaign: c.id, Prepared: c.prepared, Missing: results.MissingInfra, Status: spec.StatusCompleted,
		ScheduledAt: scheduledAt(ctx), StartedAt: workflow.GetInfo(ctx).WorkflowStartTime.UTC(), FinishedAt: workflow.Now(ctx).UTC(),
	}
	if in.Ended = c.progress.Ended; in.Ended != "" {
		in.Missing = results.MissingNotStarted
	}
	if cancelled {
		in.Missing, in.Status = results.MissingCancelled, spec.StatusCancelled
	}
	var campaigns *activities.Campaigns
	var result spec.CampaignResult
	if err := workflow.ExecuteActivity(withDataset(detached, "assemble the results"), campaigns.AssembleResults, in).Get(detached, &result); err != nil {
		err = errors.Join(runErr, err)
		c.tellFailure(ctx, err)
		return spec.CampaignResult{}, err
	}
	// An update that is being answered would be lost with the campaign's end.
	_ = workflow.Await(detached, func() bool { return workflow.AllHandlersFinished(detached) })
	c.tell(detached, result)
	c.progress.Phase = phaseDone
	c.markState(ctx, verdictState(result))
	workflow.SetCurrentDetails(ctx, c.details())
	if cancelled {
		return spec.CampaignResult{}, temporal.NewCanceledError(result)
	}
	return result, nil
}

// CampaignOf is the campaign's name for a workflow that was started by hand, under any ID, or by a schedule, which adds a
// time with colons to its ID; a name has none.
func CampaignOf(workflowID string) string {
	return strings.ReplaceAll(strings.TrimPrefix(workflowID, CampaignID("")), ":", "")
}
