package activities

import (
	"context"
	"time"

	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/retention"
	"pitwall/internal/telemetry"
)

// Retaining removes records from the store when their time is over.
type Retaining struct {
	Store *artifact.Store
	// Retain is for what names no class of its own; 0: for ever.
	Retain  time.Duration
	Log     *zap.Logger
	Metrics *telemetry.Metrics
}

// RemoveExpiredInput is the input of RemoveExpired.
type RemoveExpiredInput struct {
	DryRun bool `json:"dry_run,omitempty"`
	// Now is the clock by which records expire: the workflow's, so that a retry decides the same.
	Now time.Time `json:"now"`
}

// RemoveExpired is one pass over the store. Returns StoreFailed; what was removed until then stays removed, and is told by
// the next pass's report no more.
func (r *Retaining) RemoveExpired(ctx context.Context, in RemoveExpiredInput) (retention.Report, error) {
	defer startPulse(ctx, "removing expired records").end()
	report, err := retention.Pass{Store: r.Store, Retain: r.Retain, Now: in.Now, DryRun: in.DryRun}.Run(ctx)
	if !in.DryRun {
		r.Metrics.Expired(report.Objects, report.Bytes)
		r.Log.Info("expired records were removed", zap.Int("removed", report.Removed), zap.Int("kept", report.Kept), zap.Int("unread", report.Unread),
			zap.Int("objects", report.Objects), zap.Int64("bytes", report.Bytes), zap.Bool("more", report.More), zap.Error(err))
	}
	if err != nil {
		return retention.Report{}, retryable(ErrTypeStore, err, 0)
	}
	return report, nil
}
