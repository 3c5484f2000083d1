package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/workflows"
)

func campaignCommand(term *terminal) *cobra.Command {
	return group("campaign", "Start, watch and read campaigns: samples × epochs of one dataset",
		campaignStartCommand(term), campaignStatusCommand(term), campaignWaitCommand(term), campaignResultsCommand(term),
		campaignRetryCommand(term), campaignCancelCommand(term), campaignListCommand(term),
		campaignPinCommand(term), campaignUnpinCommand(term), campaignCompareCommand(term),
		campaignExtendCommand(term), campaignRescoreCommand(term),
		campaignPauseCommand(term), campaignResumeCommand(term), campaignParallelCommand(term), campaignCancelTrialCommand(term))
}

// campaignName takes a campaign's name, also in the form of its workflow ID.
func campaignName(argument string) string {
	return workflows.CampaignOf(argument)
}

// retryName is the name of a campaign's nth retry.
func retryName(campaign string, n int) string {
	root, _ := artifact.SplitRetry(campaign)
	return fmt.Sprintf("%s/retry-%d", root, n)
}
