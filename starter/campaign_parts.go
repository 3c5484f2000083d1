package main

import (
	"context"
	"errors"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/workflows"
)

// refuseOpenParts refuses to take up a finished campaign while a retry or an extension of it runs: trials that are under way
// would be taken for broken ones. One that was terminated has no end either, and runs no more.
func refuseOpenParts(ctx context.Context, target deployment, store *artifact.Store, campaign string) error {
	open, err := openParts(ctx, store, campaign)
	if err != nil || len(open) == 0 {
		return err
	}
	return refuseRunning(ctx, target, campaign, open...)
}

func refuseRunning(ctx context.Context, target deployment, campaign string, parts ...string) error {
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	for _, part := range parts {
		found, err := findCampaign(ctx, temporal, part)
		if err != nil {
			return err
		}
		if found != nil && statusOfExecution(found.GetStatus()) == statusRunning {
			return &UsageError{
				Problem: fmt.Sprintf("%s is running, and its trials are those of campaign %s", workflows.CampaignID(part), campaign),
				Hint:    fmt.Sprintf("wait for it: starter campaign wait %s; or cancel it: starter campaign cancel %s", part, part),
			}
		}
	}
	return nil
}

// openParts are the retries and extensions of a campaign that have no summary.
func openParts(ctx context.Context, store *artifact.Store, campaign string) ([]string, error) {
	parts, err := results.Parts(ctx, store, campaign)
	if err != nil {
		return nil, err
	}
	var open []string
	for _, part := range parts[1:] { // the first is the campaign itself
		_, err := results.ReadSummary(ctx, store, part)
		if errors.Is(err, artifact.ErrNotFound) {
			open = append(open, part)
		} else if err != nil {
			return nil, err
		}
	}
	return open, nil
}

// unfinished refuses to take up a campaign that has no summary yet.
func unfinished(campaign string) error {
	return &UsageError{
		Problem: fmt.Sprintf("campaign %s has not finished", campaign),
		Hint:    "wait for it, or cancel it first; one that was terminated goes on when it is started again as it was",
	}
}
