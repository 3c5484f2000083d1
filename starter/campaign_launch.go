package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

// memoDigest is the memo field that holds the digest of a campaign's input, by which a second start knows its own.
const memoDigest = "pitwall_input_sha256"

// launchCampaign starts a campaign, or attaches to the one of that name when its input is the same.
func launchCampaign(ctx context.Context, term *terminal, target deployment, temporal client.Client, input spec.CampaignInput) (client.WorkflowRun, error) {
	id := workflows.CampaignID(input.Name)
	digest := spec.InputDigest(input)
	start, cancel := startContext(ctx)
	defer cancel()
	running, err := temporal.ExecuteWorkflow(start, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                workflows.TaskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{memoDigest: digest},
		StaticSummary:                            "campaign " + input.Name,
	}, workflows.CampaignWorkflow, input)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &exists) {
		return attach(ctx, term, target, temporal, id, exists.RunId, digest, input.Name)
	}
	if err != nil {
		return nil, explainStart("campaign", id, err)
	}
	term.note("%s started%s", id, linkTo(target, id, running.GetRunID()))
	return running, nil
}

func attach(ctx context.Context, term *terminal, target deployment, temporal client.Client, id, runID, digest, name string) (client.WorkflowRun, error) {
	described, err := temporal.DescribeWorkflowExecution(ctx, id, runID)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", id, err)
	}
	var known string
	if payload := described.GetWorkflowExecutionInfo().GetMemo().GetFields()[memoDigest]; payload != nil {
		if err := target.temporal.Converter().FromPayload(payload, &known); err != nil {
			return nil, fmt.Errorf("read the memo of %s: %w", id, err)
		}
	}
	if known != digest {
		return nil, &UsageError{
			Problem: fmt.Sprintf("a campaign named %s exists, with other input", name),
			Hint:    "choose another --name; or read that one with: starter campaign status " + name,
		}
	}
	term.note("%s exists with the same input: attached to it", id)
	return temporal.GetWorkflow(ctx, id, runID), nil
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
