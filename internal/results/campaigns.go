package results

import (
	"context"
	"errors"
	"iter"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// Campaign is what the store knows of one campaign, or of one retry.
type Campaign struct {
	Header
	// Summary is nil while the campaign has not finished.
	Summary *spec.CampaignResult `json:"summary,omitempty"`
}

// Gate is what a finished campaign's verdict is held against: its input's, but for max_regression where there was nothing to
// compare with, in a retry, in an extension and on the first night of a series.
func (c Campaign) Gate() spec.Gate {
	gate, in := c.Effective.Gate, c.Effective
	first := in.Series != "" && c.Summary != nil && c.Summary.Comparison == nil
	if in.RetryOf != "" || in.ExtendOf != "" || first {
		gate.MaxRegression = nil
	}
	return gate
}

// ReadCampaign reads one campaign's header and, when it has finished, its summary. Returns artifact.ErrNotFound.
func ReadCampaign(ctx context.Context, store *artifact.Store, campaign string) (Campaign, error) {
	header, err := ReadHeader(ctx, store, campaign)
	if err != nil {
		return Campaign{}, err
	}
	summary, err := ReadSummary(ctx, store, campaign)
	if errors.Is(err, artifact.ErrNotFound) {
		return Campaign{Header: header}, nil
	}
	return Campaign{Header: header, Summary: &summary}, err
}

// Campaigns yields every campaign in the store, by name, each followed by its retries and extensions; one that broke off before its
// manifest was written is left out. A campaign that cannot be read is yielded as an error, and the next one follows.
func Campaigns(ctx context.Context, store *artifact.Store) iter.Seq2[Campaign, error] {
	return func(yield func(Campaign, error) bool) {
		for dir, err := range store.ListDirs(ctx, artifact.CampaignsPrefix) {
			if err != nil {
				yield(Campaign{}, err)
				return
			}
			if !yieldWithRetries(ctx, store, dir.Key, yield) {
				return
			}
		}
	}
}

// yieldWithRetries takes the name from the manifest: a prefix may hold only a hash of it.
func yieldWithRetries(ctx context.Context, store *artifact.Store, dir string, yield func(Campaign, error) bool) bool {
	header, err := ReadHeaderAt(ctx, store, dir+artifact.ManifestName)
	if errors.Is(err, artifact.ErrNotFound) {
		return true
	}
	var parts []string
	if err == nil {
		parts, err = Parts(ctx, store, header.Campaign)
	}
	if err != nil {
		return yield(Campaign{}, err)
	}
	for _, part := range parts {
		if !yield(ReadCampaign(ctx, store, part)) {
			return false
		}
	}
	return true
}

// WriteSummary writes what a campaign came to; the last one counts.
func WriteSummary(ctx context.Context, store *artifact.Store, summary spec.CampaignResult) (spec.Ref, error) {
	return store.OverwriteJSON(ctx, artifact.Summary(summary.Campaign), summary)
}

// ReadSummary reads a finished campaign's summary. Returns artifact.ErrNotFound.
func ReadSummary(ctx context.Context, store *artifact.Store, campaign string) (spec.CampaignResult, error) {
	var summary spec.CampaignResult
	err := store.ReadJSON(ctx, artifact.Summary(campaign), &summary)
	return summary, err
}
