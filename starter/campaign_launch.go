package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// memoDigest is the memo field that holds the digest of a campaign's input, by which a second start knows its own.
const memoDigest = "pitwall_input_sha256"

// launchCampaign starts a campaign, or attaches to the one of that name when its input is the same. One that ended without a
// summary (it failed, or was terminated, or cancelled before it ran) is started again: what has a result is not run again. One that
// has finished is never run again.
func launchCampaign(ctx context.Context, term *terminal, target deployment, temporal client.Client, input spec.CampaignInput) (client.WorkflowRun, error) {
	id := workflows.CampaignID(input.Name)
	found, err := findCampaign(ctx, temporal, input.Name)
	if err != nil {
		return nil, explainStart("campaign", id, err)
	}
	finished, err := hasFinished(ctx, target, input.Name)
	if err != nil {
		return nil, err
	}
	reuse := enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	switch status := statusOfExecution(found.GetStatus()); {
	case found == nil && finished:
		return nil, &UsageError{
			Problem: fmt.Sprintf("campaign %s has finished, and Temporal has forgotten it", input.Name),
			Hint:    fmt.Sprintf("see what it came to with: starter campaign status %s; run it again under another --name", input.Name),
		}
	case found == nil:
	case finished, status == statusRunning, status == spec.StatusCompleted:
		return attach(ctx, term, target, temporal, found, input)
	default:
		if err := refuseOpenShards(ctx, temporal, input.Name); err != nil {
			return nil, err
		}
		reuse = enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	}
	running, err := executeCampaign(ctx, temporal, input, reuse)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &exists) { // by somebody else, just now
		if found, err = describe(ctx, temporal, id, exists.RunId); err != nil {
			return nil, err
		}
		return attach(ctx, term, target, temporal, found, input)
	}
	if err != nil {
		return nil, explainStart("campaign", id, err)
	}
	if found != nil {
		term.note("%s ended without a result: started again%s", id, linkTo(target, id, running.GetRunID()))
	} else {
		term.note("%s started%s", id, linkTo(target, id, running.GetRunID()))
	}
	return running, nil
}

// hasFinished: the campaign's summary stands in the store.
func hasFinished(ctx context.Context, target deployment, name string) (bool, error) {
	store, err := openStore(ctx, target)
	if err != nil {
		return false, err
	}
	defer store.Close()
	return store.Exists(ctx, artifact.Summary(name))
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

// refuseOpenShards: a campaign that was terminated left its shard to end the evals, under IDs that it needs again.
func refuseOpenShards(ctx context.Context, temporal client.Client, name string) error {
	query := fmt.Sprintf("WorkflowType = 'ShardWorkflow' AND ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '%s'", workflows.ShardPrefix(name))
	open, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return fmt.Errorf("look for evals of %s that are still ending: %w", name, err)
	}
	if open.GetCount() > 0 {
		return &UsageError{
			Problem: fmt.Sprintf("campaign %s was terminated, and its evals are still ending", name),
			Hint:    "start it again in a minute; see them with: starter find --campaign " + name,
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
