package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
)

func campaignWaitCommand(term *terminal) *cobra.Command {
	var how watching
	cmd := &cobra.Command{
		Use:   "wait ID",
		Short: "Wait for a campaign, print what it came to, and exit by its verdict",
		Long: `Wait for a campaign, whoever started it, print what it came to, and exit by its verdict: 0 passed, 1 failed, 2
inconclusive or cancelled. One that has finished is read from the store. Ctrl-C leaves the campaign running.`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return awaitCampaign(cmd.Context(), term, campaignName(args[0]), how)
		},
	}
	cmd.Flags().BoolVarP(&how.follow, "follow", "f", false, "draw a live view, as campaign start --follow does")
	return cmd
}

func awaitCampaign(ctx context.Context, term *terminal, name string, how watching) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	known, err := results.ReadCampaign(ctx, store, name)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	if known.Summary != nil {
		if err := printCampaign(term, target, campaignSummary{CampaignResult: *known.Summary}); err != nil {
			return err
		}
		return campaignOutcome(*known.Summary)
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	found, err := findCampaign(ctx, temporal, name)
	if err != nil {
		return err
	}
	if found == nil {
		return unknownCampaign(ctx, store, name)
	}
	running := temporal.GetWorkflow(ctx, found.GetExecution().GetWorkflowId(), found.GetExecution().GetRunId())
	return waitForCampaign(ctx, term, target, temporal, running, name, how)
}
