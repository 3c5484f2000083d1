package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// campaignLine is one element of `campaign list -o json`.
type campaignLine struct {
	Campaign   string    `json:"campaign"`
	Status     string    `json:"status"`
	Verdict    string    `json:"verdict,omitempty"`
	NTotal     int       `json:"n_total"`
	NScored    int       `json:"n_scored"`
	NPassed    int       `json:"n_passed"`
	Accuracy   *float64  `json:"accuracy"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

func campaignListCommand(term *terminal) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List campaigns: those that Temporal knows, or with --all every one in the store",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listCampaigns(cmd.Context(), term, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "from the store alone: also campaigns that Temporal has forgotten")
	return cmd
}

func listCampaigns(ctx context.Context, term *terminal, all bool) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	list := campaignsOfTemporal
	if all {
		list = campaignsOfStore
	}
	lines, err := list(ctx, term, target)
	if err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(orEmpty(lines))
	}
	table := newTable(term, "CAMPAIGN", "STATUS", "VERDICT", "TRIALS", "SCORED", "PASSED", "ACCURACY", "STARTED")
	for _, line := range lines {
		table.row(line.Campaign, line.Status, line.Verdict, line.NTotal, line.NScored, line.NPassed, numberText(line.Accuracy), shortTime(line.StartedAt))
	}
	table.print()
	return nil
}

func campaignsOfStore(ctx context.Context, term *terminal, target deployment) ([]campaignLine, error) {
	store, err := openStore(ctx, target)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	var lines []campaignLine
	for campaign, err := range results.Campaigns(ctx, store) {
		if err != nil {
			term.note("left out: %v", err)
			continue
		}
		line := campaignLine{Campaign: campaign.Campaign, Status: "unfinished", NTotal: campaign.NTrials}
		if campaign.Summary != nil {
			line = lineOf(*campaign.Summary)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func lineOf(summary spec.CampaignResult) campaignLine {
	return campaignLine{
		Campaign: summary.Campaign, Status: summary.Status, Verdict: summary.Verdict, NTotal: summary.NTotal,
		NScored: summary.NScored, NPassed: summary.NPassed, Accuracy: summary.Accuracy,
		StartedAt: summary.StartedAt, FinishedAt: summary.FinishedAt,
	}
}

// maxListed bounds what is asked of Temporal's visibility.
const maxListed = 1000

func campaignsOfTemporal(ctx context.Context, term *terminal, target deployment) ([]campaignLine, error) {
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return nil, err
	}
	defer temporal.Close()
	store, err := openStore(ctx, target)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	var lines []campaignLine
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: `WorkflowType = "CampaignWorkflow"`, PageSize: 100}
	for len(lines) < maxListed {
		page, err := temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, execution := range page.GetExecutions() {
			if execution.GetExecution().GetWorkflowId() == workflows.TemplateCampaignID {
				continue
			}
			name := campaignName(execution.GetExecution().GetWorkflowId())
			line := campaignLine{Campaign: name, Status: statusOfExecution(execution.GetStatus()), StartedAt: execution.GetStartTime().AsTime()}
			if known, err := results.ReadCampaign(ctx, store, name); err == nil && known.Summary != nil {
				line = lineOf(*known.Summary)
			} else if err == nil {
				line.NTotal = known.NTrials
			}
			lines = append(lines, line)
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return lines, nil
		}
	}
	term.note("the list ends after %d; read everything with --all", maxListed)
	return lines, nil
}

// statusOfExecution puts Temporal's word into ours.
func statusOfExecution(status enums.WorkflowExecutionStatus) string {
	switch status {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return statusRunning
	case enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return spec.StatusCompleted
	case enums.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return spec.StatusCancelled
	}
	return spec.StatusError
}
