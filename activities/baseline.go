package activities

import (
	"context"
	"errors"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/compare"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// checkBaseline refuses, before anything is run, a baseline that this campaign cannot be compared with.
func (c *Campaigns) checkBaseline(ctx context.Context, header results.Header) error {
	name := header.Effective.Baseline
	if name == "" || header.Effective.RetryOf != "" {
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

// compareWithBaseline is nil where the campaign names no baseline.
func (c *Campaigns) compareWithBaseline(ctx context.Context, in AssembleResultsInput) (*spec.Comparison, error) {
	if in.Prepared.Baseline == "" {
		return nil, nil
	}
	baseline, err := compare.Read(ctx, c.Store, in.Prepared.Baseline)
	if err != nil {
		return nil, fmt.Errorf("read baseline %s: %w", in.Prepared.Baseline, err)
	}
	candidate, err := compare.Read(ctx, c.Store, in.Campaign)
	if err != nil {
		return nil, err
	}
	reducer, err := spec.ParseReducer(in.Prepared.Reducer)
	if err != nil {
		return nil, err
	}
	gate := in.Prepared.Gate
	options := compare.Options{Reducer: reducer, MaxRegression: 1, MinCoverage: spec.DefaultMinCoverage, Seed: stats.DefaultSeed, Listed: compare.Listed}
	if gate.MaxRegression != nil { // without a gate nothing is a regression
		options.MaxRegression = *gate.MaxRegression
	}
	if gate.MinCoverage != nil {
		options.MinCoverage = *gate.MinCoverage
	}
	compared, err := compare.Pair(baseline, candidate, options)
	return &compared, err
}
