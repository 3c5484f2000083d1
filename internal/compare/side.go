package compare

import (
	"context"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// Side is one of the two campaigns.
type Side struct {
	Campaign      string
	DatasetSHA256 string
	// samples by id, and their order in the manifest. One that nothing was scored of is there, too.
	samples        map[string]*stats.Cluster
	order          []string
	canariesFailed int
}

// NewSide has no samples yet.
func NewSide(campaign, datasetSHA256 string) *Side {
	return &Side{Campaign: campaign, DatasetSHA256: datasetSHA256, samples: map[string]*stats.Cluster{}}
}

// Add counts one trial in.
func (s *Side) Add(row spec.TrialRow) {
	if row.Canary != "" {
		if stats.CanaryFailed(row) {
			s.canariesFailed++
		}
		return
	}
	sample := s.samples[row.SampleID]
	if sample == nil {
		sample = &stats.Cluster{}
		s.samples[row.SampleID] = sample
		s.order = append(s.order, row.SampleID)
	}
	if !stats.Scored(row) {
		return
	}
	sample.Scored++
	if *row.Passed {
		sample.Passed++
	}
}

// Read reads a campaign, its retries counted in, from the store. A trial without a result has no score. Returns
// artifact.ErrNotFound.
func Read(ctx context.Context, store *artifact.Store, campaign string) (*Side, error) {
	header, err := results.ReadHeader(ctx, store, campaign)
	if err != nil {
		return nil, err
	}
	side := NewSide(campaign, header.DatasetSHA256)
	for row, err := range results.Rows(ctx, store, campaign, results.MissingInfra) {
		if err != nil {
			return nil, err
		}
		side.Add(row)
	}
	return side, nil
}
