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

func campaignExtendCommand(term *terminal) *cobra.Command {
	var epochs int
	var wait bool
	cmd := &cobra.Command{
		Use:   "extend ID --epochs N",
		Short: "Run N more epochs of a finished campaign, as <id>/extend-<n>",
		Long: `Run N more epochs of every sample of a finished campaign, as the campaign <id>/extend-<n>, over the same dataset and
answers, by digest. "campaign results ID" then shows all epochs as one campaign's; retry and compare take them as one, too.`,
		Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if epochs < 1 {
				return &UsageError{Problem: "how many epochs?", Hint: "such as: starter campaign extend " + args[0] + " --epochs 3"}
			}
			return extendCampaign(cmd.Context(), term, campaignName(args[0]), epochs, wait)
		},
	}
	cmd.Flags().IntVar(&epochs, "epochs", 0, "how many more")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the result; exit by its verdict")
	return cmd
}

func extendCampaign(ctx context.Context, term *terminal, name string, more int, wait bool) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	if err := target.refuseDisabled(); err != nil {
		return err
	}
	input, err := extendInput(ctx, target, name, more)
	if err != nil {
		return err
	}
	temporal, err := dialTemporal(ctx, target)
	if err != nil {
		return err
	}
	defer temporal.Close()
	term.note("running epochs %d to %d", input.FirstEpoch, input.Epochs)
	running, err := launchCampaign(ctx, term, target, temporal, input)
	if err != nil {
		return err
	}
	if !wait {
		return printStarted(term, running.GetID(), running.GetRunID())
	}
	return waitForCampaign(ctx, term, target, temporal, running, input.Name, watching{})
}

// extendInput is the campaign's own input with further epochs, under the name of its next extension.
func extendInput(ctx context.Context, target deployment, name string, more int) (spec.CampaignInput, error) {
	root, _ := artifact.SplitRetry(name)
	store, err := openStore(ctx, target)
	if err != nil {
		return spec.CampaignInput{}, err
	}
	defer store.Close()
	last, err := results.LastExtension(ctx, store, root)
	if err != nil {
		return spec.CampaignInput{}, err
	}
	known, err := results.ReadCampaign(ctx, store, root)
	if errors.Is(err, artifact.ErrNotFound) {
		return spec.CampaignInput{}, unknownCampaign(ctx, store, root)
	}
	if err == nil && known.Summary == nil {
		err = unfinished(root)
	}
	latest := known
	if err == nil && last > 0 {
		latest, err = results.ReadCampaign(ctx, store, artifact.Extension(root, last))
	}
	if err != nil {
		return spec.CampaignInput{}, err
	}
	input, done := known.Effective, latest.Effective.Epochs
	if latest.Summary == nil { // it runs, or it was terminated, and goes on
		if err := refuseRunning(ctx, target, root, latest.Campaign); err != nil {
			return input, err
		}
		last, done = last-1, latest.Effective.FirstEpoch-1
		if added := latest.Effective.Epochs - done; added != more {
			return input, &UsageError{
				Problem: fmt.Sprintf("campaign %s was terminated before its end, and adds %d epochs", latest.Campaign, added),
				Hint:    fmt.Sprintf("go on with it first: starter campaign extend %s --epochs %d", root, added),
			}
		}
	}
	if done == 0 {
		return input, &UsageError{
			Problem: fmt.Sprintf("campaign %s has no epochs of its own: each of its answers is one", root),
			Hint:    "start a campaign with more answers, or one that names its epochs",
		}
	}
	input.Name, input.ExtendOf = artifact.Extension(root, last+1), root
	input.FirstEpoch, input.Epochs = done+1, done+more
	input.Dataset.SHA256, input.Answers.SHA256 = known.DatasetSHA256, known.AnswersSHA256
	return input, nil
}
