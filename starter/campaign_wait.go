package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// campaignSummary is what `campaign start --wait -o json` and `campaign status -o json` print.
type campaignSummary struct {
	spec.CampaignResult
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id,omitempty"`
	// SandboxesLeft of this campaign, asked of the provider by label. Nil when the provider could not be asked.
	SandboxesLeft *int `json:"sandboxes_left"`
}

// watching is how a campaign is waited for: with a live view, and with its rows at the end.
type watching struct{ rows, follow bool }

// waitForCampaign waits for a campaign's result, prints it, and ends by its verdict.
func waitForCampaign(ctx context.Context, term *terminal, target deployment, temporal client.Client, running client.WorkflowRun, name string, how watching) error {
	watch, stopWatching := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if how.follow {
			followCampaign(watch, term, temporal, running)
			return
		}
		showCampaignProgress(watch, term, temporal, running)
	}()
	result, err := campaignResult(ctx, target, running, name)
	stopWatching()
	<-watched
	if err != nil && ctx.Err() != nil {
		return interrupted{fmt.Sprintf("%s goes on. Watch it with: starter campaign status %s; stop it with: starter campaign cancel %s",
			running.GetID(), name, name)}
	}
	if err != nil {
		return err
	}
	summary := campaignSummary{CampaignResult: result, WorkflowID: running.GetID(), RunID: running.GetRunID()}
	summary.SandboxesLeft = awaitNoSandboxes(ctx, term, target, temporal, name)
	if how.rows && !term.wantsJSON() {
		if err := printRows(ctx, term, target, name); err != nil {
			return err
		}
	}
	if err := printCampaign(term, target, summary); err != nil {
		return err
	}
	return campaignOutcome(result)
}

// campaignResult waits for the result; a cancelled campaign has one too, in its error or at least in the store.
func campaignResult(ctx context.Context, target deployment, running client.WorkflowRun, name string) (spec.CampaignResult, error) {
	var result spec.CampaignResult
	err := running.Get(ctx, &result)
	if err == nil {
		return result, nil
	}
	var cancelled *temporal.CanceledError
	if !errors.As(err, &cancelled) {
		return result, explainEnd("campaign", running.GetID(), err)
	}
	if cancelled.HasDetails() && cancelled.Details(&result) == nil {
		return result, nil
	}
	stored, storeErr := storedSummary(ctx, target, name)
	if storeErr != nil {
		return result, explainEnd("campaign", running.GetID(), err)
	}
	return stored, nil
}

func storedSummary(ctx context.Context, target deployment, name string) (spec.CampaignResult, error) {
	store, err := openStore(ctx, target)
	if err != nil {
		return spec.CampaignResult{}, err
	}
	defer store.Close()
	summary, err := results.ReadSummary(ctx, store, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return summary, unknownCampaign(ctx, store, name)
	}
	return summary, err
}

// campaignOutcome turns a verdict into the command's end.
func campaignOutcome(result spec.CampaignResult) error {
	switch {
	case result.Status == spec.StatusCancelled:
		return outcome(exitInfra)
	case result.Verdict == spec.VerdictPass:
		return nil
	case result.Verdict == spec.VerdictFail:
		return outcome(exitFailed)
	}
	return outcome(exitInfra)
}
