package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

func campaignRetryCommand(term *terminal) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "retry ID",
		Short: "Run again what infrastructure broke in a finished campaign, as <id>/retry-<n>",
		Long: `Run again what infrastructure broke in a finished campaign, as the campaign <id>/retry-<n>. What has a score keeps
it; "campaign results ID" then shows both as one.`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return retryCampaign(cmd.Context(), term, campaignName(args[0]), wait)
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the result; exit by its verdict")
	return cmd
}

func retryCampaign(ctx context.Context, term *terminal, name string, wait bool) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	if err := target.refuseDisabled(); err != nil {
		return err
	}
	input, broken, err := retryInput(ctx, target, name)
	if err != nil {
		return err
	}
	if broken == 0 {
		return &UsageError{Problem: fmt.Sprintf("nothing to retry: infrastructure broke no trial of campaign %s", name)}
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	term.note("retrying %d trials", broken)
	running, err := launchCampaign(ctx, term, target, temporal, input)
	if err != nil {
		return err
	}
	if !wait {
		return printStarted(term, running.GetID(), running.GetRunID())
	}
	return waitForCampaign(ctx, term, target, temporal, running, input.Name, watching{})
}

// retryInput is the campaign's own input under the name of its next retry, and how many trials that will run.
func retryInput(ctx context.Context, target deployment, name string) (spec.CampaignInput, int, error) {
	root, _ := artifact.SplitRetry(name)
	store, err := openStore(ctx, target)
	if err != nil {
		return spec.CampaignInput{}, 0, err
	}
	defer store.Close()
	known, err := results.ReadCampaign(ctx, store, root)
	if errors.Is(err, artifact.ErrNotFound) {
		return spec.CampaignInput{}, 0, unknownCampaign(ctx, store, root)
	}
	if err != nil {
		return spec.CampaignInput{}, 0, err
	}
	if known.Summary == nil {
		return spec.CampaignInput{}, 0, unfinished(root)
	}
	if err := refuseOpenParts(ctx, target, store, root); err != nil {
		return spec.CampaignInput{}, 0, err
	}
	last, err := results.LastRetry(ctx, store, root)
	if err != nil {
		return spec.CampaignInput{}, 0, err
	}
	broken, err := countBroken(ctx, store, root)
	input := known.Effective
	input.Name, input.RetryOf, input.RetryNumber = retryName(root, last+1), root, last+1
	return input, broken, err
}

// countBroken counts the trials that have no score because of infrastructure, with all retries so far.
func countBroken(ctx context.Context, store *artifact.Store, root string) (int, error) {
	broken := 0
	for row, err := range results.Rows(ctx, store, root, results.MissingInfra) {
		if err != nil {
			return 0, err
		}
		if row.Error != nil && row.Error.Origin == spec.OriginInfra {
			broken++
		}
	}
	return broken, nil
}
