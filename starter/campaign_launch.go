package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/dataset"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// memoDigest is the memo field that holds the digest of a campaign's input, by which a second start knows its own.
const memoDigest = "pitwall_input_sha256"

// launchCampaign starts a campaign, or attaches to the one of that name when its input is the same. One that failed or was
// terminated has written no summary, and is started again: what has a result is not run again.
func launchCampaign(ctx context.Context, term *terminal, target deployment, temporal client.Client, input spec.CampaignInput) (client.WorkflowRun, error) {
	id := workflows.CampaignID(input.Name)
	running, err := executeCampaign(ctx, temporal, input, enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &exists) {
		return takeUp(ctx, term, target, temporal, input, exists.RunId)
	}
	if err != nil {
		return nil, explainStart("campaign", id, err)
	}
	term.note("%s started%s", id, linkTo(target, id, running.GetRunID()))
	return running, nil
}

// takeUp attaches to a campaign that runs or has a result, and starts one again that ended without.
func takeUp(
	ctx context.Context, term *terminal, target deployment, temporal client.Client, input spec.CampaignInput, runID string,
) (client.WorkflowRun, error) {
	id := workflows.CampaignID(input.Name)
	described, err := describe(ctx, temporal, id, runID)
	if err != nil {
		return nil, err
	}
	if statusOfExecution(described.GetStatus()) != spec.StatusError {
		return attach(ctx, term, target, temporal, described, input)
	}
	if err := refuseOpenShards(ctx, temporal, input.Name); err != nil {
		return nil, err
	}
	running, err := executeCampaign(ctx, temporal, input, enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)
	if err != nil {
		return nil, explainStart("campaign", id, err)
	}
	term.note("%s ended without a result: started again%s", id, linkTo(target, id, running.GetRunID()))
	return running, nil
}

func executeCampaign(
	ctx context.Context, temporal client.Client, input spec.CampaignInput, reuse enums.WorkflowIdReusePolicy,
) (client.WorkflowRun, error) {
	start, cancel := startContext(ctx)
	defer cancel()
	return temporal.ExecuteWorkflow(start, client.StartWorkflowOptions{
		ID:                                       workflows.CampaignID(input.Name),
		TaskQueue:                                workflows.TaskQueue,
		WorkflowIDReusePolicy:                    reuse,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{memoDigest: spec.InputDigest(input)},
		StaticSummary:                            "campaign " + input.Name,
	}, workflows.CampaignWorkflow, input)
}

func describe(ctx context.Context, temporal client.Client, id, runID string) (*workflow.WorkflowExecutionInfo, error) {
	described, err := temporal.DescribeWorkflowExecution(ctx, id, runID)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", id, err)
	}
	return described.GetWorkflowExecutionInfo(), nil
}

// maxShards of a campaign: dataset.MaxTrials by activities.ShardTrials.
const maxShards = (dataset.MaxTrials + activities.ShardTrials - 1) / activities.ShardTrials

// refuseOpenShards: a campaign that was terminated left its shard to end the evals, under IDs that it needs again.
func refuseOpenShards(ctx context.Context, temporal client.Client, name string) error {
	for shard := range maxShards {
		described, err := describe(ctx, temporal, workflows.ShardID(name, shard), "")
		if errors.As(err, new(*serviceerror.NotFound)) {
			return nil // they are run one after the other
		}
		if err != nil {
			return err
		}
		if statusOfExecution(described.GetStatus()) == statusRunning {
			return &UsageError{
				Problem: fmt.Sprintf("campaign %s was terminated, and its evals are still ending", name),
				Hint:    "start it again in a minute; see them with: starter find --campaign " + name,
			}
		}
	}
	return nil
}

func attach(
	ctx context.Context, term *terminal, target deployment, temporal client.Client, described *workflow.WorkflowExecutionInfo, input spec.CampaignInput,
) (client.WorkflowRun, error) {
	id, name := described.GetExecution().GetWorkflowId(), input.Name
	var known string
	if payload := described.GetMemo().GetFields()[memoDigest]; payload != nil {
		if err := target.temporal.Converter().FromPayload(payload, &known); err != nil {
			return nil, fmt.Errorf("read the memo of %s: %w", id, err)
		}
	}
	if known != spec.InputDigest(input) {
		return nil, &UsageError{
			Problem: fmt.Sprintf("a campaign named %s exists, with other input", name),
			Hint:    "choose another --name; or read that one with: starter campaign status " + name,
		}
	}
	term.note("%s exists with the same input: attached to it", id)
	return temporal.GetWorkflow(ctx, id, described.GetExecution().GetRunId()), nil
}

// startContext is for the one call that starts a workflow. Ctrl-C does not cut it off: nobody could then say whether
// it has begun.
func startContext(ctx context.Context) (context.Context, context.CancelFunc) {
	const bound = 15 * time.Second // the SDK's own is 10 s
	return context.WithTimeout(context.WithoutCancel(ctx), bound)
}

// explainStart says why a workflow could not be started.
func explainStart(kind, id string, err error) error {
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	var namespace *serviceerror.NamespaceNotFound
	switch {
	case errors.As(err, &exists):
		return &UsageError{Problem: fmt.Sprintf("%s %s exists already", kind, id), Hint: "choose another ID"}
	case errors.As(err, &namespace):
		return &UsageError{Problem: fmt.Sprintf("start %s %s", kind, id), Err: err, Hint: "create the namespace, or set TEMPORAL_NAMESPACE"}
	}
	if unanswered(err) {
		return &InfraError{
			Err:  fmt.Errorf("start %s %s: Temporal did not answer in time, so it may have begun or not", kind, id),
			Hint: "look at Temporal's log (is its disk full?) and at: starter doctor; then start it again by the same name",
		}
	}
	return fmt.Errorf("start %s %s: %w", kind, id, err)
}

// unanswered tells a service that is gone, or that hangs, from one that says no.
func unanswered(err error) bool {
	var late *serviceerror.DeadlineExceeded
	var away *serviceerror.Unavailable
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) || errors.As(err, &away)
}
