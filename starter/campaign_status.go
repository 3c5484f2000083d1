package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// campaignStatus is what `campaign status -o json` prints.
type campaignStatus struct {
	Campaign   string `json:"campaign"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id,omitempty"`
	// Status is running, completed, cancelled, error, or unknown: begun, and neither finished nor known to Temporal.
	Status string `json:"status"`
	// Progress of a running campaign; nil when nobody could be asked.
	Progress *workflows.CampaignProgress `json:"progress"`
	// WaitingForCapacity counts its evals that wait for a provider that is full; nil when Temporal cannot say.
	WaitingForCapacity *int64 `json:"waiting_for_capacity"`
	// Result of a finished one.
	Result *spec.CampaignResult `json:"result"`
}

const (
	statusRunning = "running"
	statusUnknown = "unknown"
)

func campaignStatusCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "status ID",
		Short: "Show how far a campaign is, or what it came to",
		Long: `Show how far a campaign is, or what it came to. A finished campaign is read from the store alone.
Exit code 0 unless the campaign cannot be read; a finished one's verdict is in the output.`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showStatus(cmd.Context(), term, campaignName(args[0]))
		},
	}
}

func showStatus(ctx context.Context, term *terminal, name string) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	status := campaignStatus{Campaign: name, WorkflowID: workflows.CampaignID(name)}
	known, err := results.ReadCampaign(ctx, store, name)
	switch {
	case err == nil && known.Summary != nil:
		status.Status, status.Result = known.Summary.Status, known.Summary
	case err == nil, errors.Is(err, artifact.ErrNotFound):
		if askErr := askCampaign(ctx, target, &status); askErr != nil {
			return askErr
		}
		if status.Status == statusUnknown && err != nil {
			return unknownCampaign(ctx, store, name)
		}
	default:
		return err
	}
	return printStatus(term, target, status)
}

// askCampaign asks Temporal about a campaign that the store has no summary of.
func askCampaign(ctx context.Context, target deployment, status *campaignStatus) error {
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	found, err := findCampaign(ctx, temporal, status.Campaign)
	if err != nil {
		return err
	}
	if found == nil {
		status.Status = statusUnknown
		return nil
	}
	status.WorkflowID, status.RunID = found.GetExecution().GetWorkflowId(), found.GetExecution().GetRunId()
	status.Status = statusOfExecution(found.GetStatus())
	if status.Status == statusRunning {
		progress, err := askProgress(ctx, temporal, temporal.GetWorkflow(ctx, status.WorkflowID, status.RunID))
		if err == nil {
			status.Progress = &progress
			status.WaitingForCapacity = countWaiting(ctx, temporal, status.Campaign)
		}
	}
	return nil
}

// countWaiting asks Temporal's visibility, which lags by a moment; nil where its namespace lacks the search attributes.
func countWaiting(ctx context.Context, temporal client.Client, campaign string) *int64 {
	root, _ := artifact.SplitRetry(campaign)
	counted, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: workflows.QueryWaitingForCapacity(root)})
	if err != nil {
		return nil
	}
	return &counted.Count
}

func printStatus(term *terminal, target deployment, status campaignStatus) error {
	if term.wantsJSON() {
		return term.printJSON(status)
	}
	switch {
	case status.Result != nil:
		return printCampaign(term, target, campaignSummary{CampaignResult: *status.Result, WorkflowID: status.WorkflowID})
	case status.Progress != nil:
		term.printf("%s  campaign %s: %s\n", status.Status, status.Campaign, progressText(*status.Progress, 0))
		printHeld(term, status.Progress)
		if n := status.WaitingForCapacity; n != nil && *n > 0 {
			term.printf("  waiting      %d evals for capacity: the provider is full\n", *n)
		}
		for _, last := range status.Progress.LastErrors {
			term.printf("  no score: %s\n", visible(last))
		}
	default:
		term.printf("%s  campaign %s\n", status.Status, status.Campaign)
		if status.Status == statusRunning {
			term.note("its progress could not be asked: is a worker running?")
		}
	}
	return nil
}

func campaignCancelCommand(term *terminal) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel a campaign: its evals end, their sandboxes are removed, its results are written",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return cancelCampaign(cmd.Context(), term, campaignName(args[0]), wait)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended")
	return cmd
}

func cancelCampaign(ctx context.Context, term *terminal, name string, wait bool) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	running, err := runningCampaign(ctx, temporal, name)
	if err != nil {
		return err
	}
	id, runID := running.GetID(), running.GetRunID()
	if err := temporal.CancelWorkflow(ctx, id, runID); err != nil {
		return fmt.Errorf("cancel %s: %w", id, err)
	}
	if !wait {
		term.note("%s is being cancelled; see how it ends with: starter campaign status %s", id, name)
		return printStarted(term, id, runID)
	}
	return waitForCancelled(ctx, term, target, temporal, running, name)
}

func waitForCancelled(ctx context.Context, term *terminal, target deployment, temporal client.Client, running client.WorkflowRun, name string) error {
	result, err := campaignResult(ctx, target, running, name)
	if err != nil && ctx.Err() != nil {
		return interrupted{running.GetID() + " goes on ending"}
	}
	if err != nil {
		return err
	}
	summary := campaignSummary{CampaignResult: result, WorkflowID: running.GetID(), RunID: running.GetRunID()}
	summary.SandboxesLeft = awaitNoSandboxes(ctx, term, target, temporal, name)
	return printCampaign(term, target, summary)
}
