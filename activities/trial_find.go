package activities

import (
	"context"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
)

// FindTrialInput is the input of FindTrial.
type FindTrialInput struct {
	// Campaign whose own manifest is searched; of a retry, only what that runs again.
	Campaign string `json:"campaign"`
	Sample   string `json:"sample"`
	Epoch    int    `json:"epoch"`
}

// FindTrial checks that a campaign has a trial which has no result yet. Returns InvalidInput otherwise.
func (c *Campaigns) FindTrial(ctx context.Context, in FindTrialInput) error {
	defer startPulse(ctx, "looking for the trial").end()
	for trial, err := range results.Trials(ctx, c.Store, in.Campaign) {
		if err != nil {
			return retryable(ErrTypeStore, err, 0)
		}
		if trial.Sample != in.Sample || trial.Epoch != in.Epoch {
			continue
		}
		t := trial.Input.Trial
		done, err := c.Store.Exists(ctx, artifact.Result(artifact.TrialPrefix(t.Campaign, t.Sample, t.Epoch, t.Retry)))
		if err != nil {
			return retryable(ErrTypeStore, err, 0)
		}
		if done {
			return terminal(ErrTypeInvalidInput, fmt.Errorf("sample %q, epoch %d has its result already", in.Sample, in.Epoch))
		}
		return nil
	}
	return terminal(ErrTypeInvalidInput, fmt.Errorf("campaign %s has no sample %q with epoch %d", in.Campaign, bounded(in.Sample, 200), in.Epoch))
}
