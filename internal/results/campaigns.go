package results

import (
	"context"
	"errors"
	"iter"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// Campaign is what the store knows of one campaign, or of one retry.
type Campaign struct {
	Header
	// Summary is nil while the campaign has not finished.
	Summary *spec.CampaignResult `json:"summary,omitempty"`
}

// Gate is what the campaign's verdict is held against: its summary's, where that says it; see Header.Gate. What was judged
// again is compared with nothing, for the baseline was judged otherwise.
func (c Campaign) Gate() spec.Gate {
	gate := c.Header.Gate()
	switch summary := c.Summary; {
	case summary == nil:
	case summary.Gate != nil:
		gate = *summary.Gate
	case c.Effective.Series != "" && summary.Comparison == nil: // the first night, in a summary from before it said the gate
		gate.MaxRegression = nil
	}
	if artifact.IsRescore(c.Campaign) {
		gate.MaxRegression = nil
	}
	return gate
}

// Missing is what a trial of the campaign without a result is.
func (c Campaign) Missing() Missing {
	switch summary := c.Summary; {
	case summary == nil:
		return MissingSkipped
	case summary.Status == spec.StatusCancelled:
		return MissingCancelled
	case summary.Ended != "":
		return MissingNotStarted
	}
	return MissingInfra
}

// Conclude is stats.Judge of a campaign that has finished: one that was cut short, by its budget or by a cancel, is
// INCONCLUSIVE whatever the trials that did run came to.
func Conclude(status, ended string, metrics spec.Metrics, gate spec.Gate, compared *spec.Comparison) (verdict string, reasons []string) {
	verdict, reasons = stats.Judge(metrics, gate, compared)
	cut := ended
	if cut == "" && status == spec.StatusCancelled {
		cut = "cancelled"
	}
	if cut == "" {
		return verdict, reasons
	}
	return spec.VerdictInconclusive, append([]string{cut}, reasons...)
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
