package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"pitwall/workflows"
)

// scheduledCampaign matches the name of a campaign that a schedule started: Temporal ends its workflow ID in the time, whose
// colons a name cannot have.
var scheduledCampaign = regexp.MustCompile(`^(.+-\d{4}-\d\d-\d\dT\d\d)(\d\d)(\d\dZ)$`)

// campaignIDs are the workflow IDs that a campaign of this name may have.
func campaignIDs(name string) []string {
	ids := []string{workflows.CampaignID(name)}
	if match := scheduledCampaign.FindStringSubmatch(name); match != nil {
		ids = append(ids, workflows.CampaignID(match[1]+":"+match[2]+":"+match[3]))
	}
	return ids
}

// findCampaign is what Temporal knows of a campaign; nil when it knows none of that name.
func findCampaign(ctx context.Context, temporal client.Client, name string) (*workflow.WorkflowExecutionInfo, error) {
	for _, id := range campaignIDs(name) {
		described, err := temporal.DescribeWorkflowExecution(ctx, id, "")
		if err == nil {
			return described.GetWorkflowExecutionInfo(), nil
		}
		var missing *serviceerror.NotFound
		if !errors.As(err, &missing) {
			return nil, fmt.Errorf("ask Temporal about %s: %w", id, err)
		}
	}
	return nil, nil
}
