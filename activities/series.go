package activities

import (
	"context"
	"errors"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/retention"
	"pitwall/internal/spec"
)

// joinSeries gives a campaign the baseline of its series: the last that passed, over the same dataset. Where there is none, as
// on the first night, there is nothing from which it could regress.
func (c *Campaigns) joinSeries(ctx context.Context, header results.Header, prepared *PreparedCampaign) error {
	prepared.Series = header.Effective.Series
	if prepared.Series == "" {
		return nil
	}
	baseline, err := retention.ReadBaseline(ctx, c.Store, prepared.Series)
	if err == nil {
		var of results.Campaign
		of, err = results.ReadCampaign(ctx, c.Store, baseline.Campaign)
		if err == nil && of.DatasetSHA256 == header.DatasetSHA256 { // it had finished, and may have been started again
			prepared.Baseline = baseline.Campaign
			return nil
		}
	}
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return retryable(ErrTypeStore, fmt.Errorf("read the baseline of series %s: %w", prepared.Series, err), 0)
	}
	prepared.Gate.MaxRegression = nil
	return nil
}

// leadSeries makes a campaign that passed the baseline of its series, unless a later one is it already: a backfill, or a
// repetition of this activity. One that failed, or was inconclusive, never becomes it.
func (c *Campaigns) leadSeries(ctx context.Context, series string, result spec.CampaignResult) error {
	if series == "" || result.Verdict != spec.VerdictPass || result.Status != spec.StatusCompleted {
		return nil
	}
	known, err := retention.ReadBaseline(ctx, c.Store, series)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return fmt.Errorf("read the baseline of series %s: %w", series, err)
	}
	if err == nil && !known.At.Before(result.Night()) {
		return nil
	}
	err = retention.WriteBaseline(ctx, c.Store, retention.Baseline{Name: series, Campaign: result.Campaign, At: result.Night()})
	if err != nil {
		return fmt.Errorf("write the baseline of series %s: %w", series, err)
	}
	return nil
}
