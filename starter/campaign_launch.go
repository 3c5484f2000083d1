package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"pitwall/internal/spec"
	"pitwall/workflows"
)

// memoDigest is the memo field that holds the digest of a campaign's input, by which a second start knows its own.
const memoDigest = "pitwall_input_sha256"

// launchCampaign starts a campaign, or attaches to the one of that name when its input is the same.
func launchCampaign(ctx context.Context, term *terminal, target deployment, temporal client.Client, input spec.CampaignInput) (client.WorkflowRun, error) {
	id := workflows.CampaignID(input.Name)
	digest := spec.InputDigest(input)
	running, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       id,
		TaskQueue:                                workflows.TaskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{memoDigest: digest},
		StaticSummary:                            "campaign " + input.Name,
	}, workflows.CampaignWorkflow, input)
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &exists) {
		return attach(ctx, term, temporal, id, exists.RunId, digest, input.Name)
	}
	if err != nil {
		return nil, explainStart("campaign", id, err)
	}
	term.note("%s started%s", id, linkTo(target, id, running.GetRunID()))
	return running, nil
}

func attach(ctx context.Context, term *terminal, temporal client.Client, id, runID, digest, name string) (client.WorkflowRun, error) {
	described, err := temporal.DescribeWorkflowExecution(ctx, id, runID)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", id, err)
	}
	var known string
	if payload := described.GetWorkflowExecutionInfo().GetMemo().GetFields()[memoDigest]; payload != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(payload, &known); err != nil {
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
	return fmt.Errorf("start %s %s: %w", kind, id, err)
}
