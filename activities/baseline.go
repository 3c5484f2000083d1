package activities

import (
	"context"
	"errors"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/compare"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// checkBaseline refuses, before anything is run, a baseline that this campaign cannot be compared with. A part is compared with
// none, and the campaign's may be gone by then.
func (c *Campaigns) checkBaseline(ctx context.Context, header results.Header) error {
	name := header.Effective.Baseline
	if name == "" || header.IsPart() {
		return nil
	}
	baseline, err := results.ReadCampaign(ctx, c.Store, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return terminal(ErrTypeInvalidInput, fmt.Errorf("baseline: the store knows no campaign %s", name))
	}
	if err != nil {
		return retryable(ErrTypeStore, err, 0)
	}
	if baseline.Summary == nil {
		return terminal(ErrTypeInvalidInput, fmt.Errorf("baseline: campaign %s has not finished", name))
	}
	if baseline.DatasetSHA256 != header.DatasetSHA256 {
		return terminal(ErrTypeInvalidInput, fmt.Errorf("baseline: campaign %s has another dataset (SHA-256 %s, and this one %s)",
			name, baseline.DatasetSHA256, header.DatasetSHA256))
	}
	return nil
}

// compareWithBaseline is nil where the campaign names no baseline, or the baseline is gone from the store meanwhile.
func (c *Campaigns) compareWithBaseline(
	ctx context.Context, candidate *compare.Side, prepared PreparedCampaign,
) (*spec.Comparison, error) {
	if prepared.Baseline == "" {
		return nil, nil
	}
	baseline, err := compare.Read(ctx, c.Store, prepared.Baseline)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, nil // under a gate the verdict says so
	}
	if err != nil {
		return nil, fmt.Errorf("read baseline %s: %w", prepared.Baseline, err)
	}
	options, err := compare.OptionsUnder(prepared.Gate, prepared.Reducer)
	if err != nil {
		return nil, err
	}
	compared, err := compare.Pair(baseline, candidate, options)
	return &compared, err
}
