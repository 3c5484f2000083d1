package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// Updates that a CampaignWorkflow takes while it prepares or runs. Each returns the CampaignProgress that it leads to; one
// that is refused fails with InvalidInput, and changes nothing.
const (
	// UpdatePause starts no more trials; what is under way goes on. No input.
	UpdatePause = "pause"
	// UpdateResume starts trials again, and closes the circuit breaker. No input.
	UpdateResume = "resume"
	// UpdateParallel sets how many evals may run or wait for a slot: a number.
	UpdateParallel = "parallel"
	// UpdateCancelTrial ends one trial, under way or to come: a TrialRef.
	UpdateCancelTrial = "cancel_trial"
)

// SignalControls tells a shard the Controls of its campaign.
const SignalControls = "controls"

// maxCancelledTrials bounds what a campaign remembers of single trials; more than that is a cancel of the campaign. Each change
// carries all of them into two histories: 200 of 100 bytes are 2.5 MB when each was a change, of the 50 MiB that Temporal allows.
const maxCancelledTrials = 200

// Controls are what an operator has set on a campaign. A shard is started with them, and told each change in whole.
type Controls struct {
	// Revision counts the changes: an older one that arrives late is ignored.
	Revision int  `json:"revision,omitempty"`
	Paused   bool `json:"paused,omitempty"`
	// Parallel replaces the campaign's max_parallel; 0 leaves it.
	Parallel int `json:"parallel,omitempty"`
	// Resumed counts the resumes: each closes the breaker.
	Resumed int `json:"resumed,omitempty"`
	// Cancelled trials, in the order in which they were named.
	Cancelled []TrialRef `json:"cancelled,omitempty"`
}

// TrialRef names a trial of a campaign.
type TrialRef struct {
	Sample string `json:"sample"`
	// Epoch is 1-based; 0 means 1.
	Epoch int `json:"epoch,omitempty"`
}

// takeUpdates sets the handlers. They issue commands only when an update comes.
func (c *campaign) takeUpdates(ctx workflow.Context) error {
	simple := func(name, description string, edit func(*Controls)) error {
		return workflow.SetUpdateHandlerWithOptions(ctx, name, func(ctx workflow.Context) (CampaignProgress, error) {
			return c.change(ctx, edit)
		}, workflow.UpdateHandlerOptions{
			Description: description,
			Validator:   func(ctx workflow.Context) error { return c.takesUpdate(ctx) },
		})
	}
	if err := simple(UpdatePause, "Starts no more trials; what is under way goes on.", func(to *Controls) { to.Paused = true }); err != nil {
		return err
	}
	if err := simple(UpdateResume, "Starts trials again; also ends what the circuit breaker holds.", func(to *Controls) {
		to.Paused = false
		to.Resumed++
	}); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateParallel, func(ctx workflow.Context, n int) (CampaignProgress, error) {
		return c.change(ctx, func(to *Controls) { to.Parallel = n })
	}, workflow.UpdateHandlerOptions{
		Description: fmt.Sprintf("How many evals of this campaign may run or wait for a slot: 1 to %d.", spec.MaxParallel),
		Validator:   c.checkParallel,
	}); err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, UpdateCancelTrial, c.cancelTrial, workflow.UpdateHandlerOptions{
		Description: `Ends one trial, under way or to come: {"sample": "HumanEval/7", "epoch": 1}.`,
		Validator:   c.checkTrial,
	})
}

// change edits the controls and tells the running shard. A shard that ends meanwhile has no use for them; the next one is
// started with them.
func (c *campaign) change(ctx workflow.Context, edit func(*Controls)) (CampaignProgress, error) {
	edit(&c.controls)
	c.controls.Revision++
	c.showControls()
	if c.shard != nil {
		_ = c.shard.SignalChildWorkflow(ctx, SignalControls, c.controls).Get(ctx, nil)
	}
	return c.progress, nil
}

func (c *campaign) showControls() {
	c.progress.Paused = c.controls.Paused
	if c.controls.Parallel > 0 {
		c.progress.MaxParallel = c.controls.Parallel
	}
}

func (c *campaign) cancelTrial(ctx workflow.Context, trial TrialRef) (CampaignProgress, error) {
	trial.Epoch = max(1, trial.Epoch)
	var campaigns *activities.Campaigns
	in := activities.FindTrialInput{Campaign: c.id, Sample: trial.Sample, Epoch: trial.Epoch}
	if err := workflow.ExecuteActivity(withSearch(ctx, "look for the trial"), campaigns.FindTrial, in).Get(ctx, nil); err != nil {
		return CampaignProgress{}, err
	}
	return c.change(ctx, func(to *Controls) { to.Cancelled = append(to.Cancelled, trial) })
}

// takesUpdate refuses what comes too late.
func (c *campaign) takesUpdate(ctx workflow.Context) error {
	switch {
	case ctx.Err() != nil:
		return refuse("campaign %s is being cancelled", c.id)
	case c.progress.Phase != phasePreparing && c.progress.Phase != phaseRunning:
		return refuse("campaign %s has run its trials (%s)", c.id, c.progress.Phase)
	}
	return nil
}

func (c *campaign) checkParallel(ctx workflow.Context, n int) error {
	if n < 1 || n > spec.MaxParallel {
		return refuse("parallel %d is out of bounds: want 1 to %d", n, spec.MaxParallel)
	}
	return c.takesUpdate(ctx)
}

func (c *campaign) checkTrial(ctx workflow.Context, trial TrialRef) error {
	switch {
	case trial.Sample == "" || len(trial.Sample) > spec.MaxSampleBytes:
		return refuse(`want a trial such as {"sample": "HumanEval/7", "epoch": 1}`)
	case trial.Epoch < 0 || trial.Epoch > spec.MaxEpochs:
		return refuse("epoch %d is out of bounds: want 1 to %d", trial.Epoch, spec.MaxEpochs)
	case c.progress.Phase == phasePreparing:
		return refuse("campaign %s is still preparing its trials: try again when it runs", c.id)
	case len(c.controls.Cancelled) >= maxCancelledTrials:
		return refuse("%d trials of campaign %s were cancelled one by one, which is all that it keeps: cancel the campaign", maxCancelledTrials, c.id)
	}
	return c.takesUpdate(ctx)
}

func refuse(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), activities.ErrTypeInvalidInput, nil)
}
