package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
	"pitwall/internal/webhook"
)

// Telling tells the operator's webhook.
type Telling struct {
	// Hook is nil where there is none.
	Hook    *webhook.Sender
	Log     *zap.Logger
	Metrics *telemetry.Metrics
}

// campaignEnd is what is told of a campaign's end.
type campaignEnd struct {
	Event string `json:"event"` // campaign_finished
	spec.CampaignResult
}

// TellCampaign sends a campaign's result. It is sent at least once; the key is the same each time. Returns WebhookRefused, not
// to be tried again, or WebhookFailed.
func (t *Telling) TellCampaign(ctx context.Context, result spec.CampaignResult) error {
	if t.Hook == nil {
		return terminal(ErrTypeWebhookRefused, errors.New("this worker has no PITWALL_WEBHOOK_URL: set it on all workers, or on none"))
	}
	body, err := json.Marshal(campaignEnd{"campaign_finished", result})
	if err != nil {
		return terminal(ErrTypeWebhookRefused, fmt.Errorf("encode webhook: %w", err))
	}
	err = t.Hook.Send(ctx, endKey(result), body)
	switch {
	case errors.Is(err, webhook.ErrRefused):
		t.dropped(result, telemetry.DropRejected, err)
		return terminal(ErrTypeWebhookRefused, err)
	case err != nil:
		t.dropped(result, telemetry.DropFailed, err)
		return retryable(ErrTypeWebhook, err, 0)
	}
	t.Metrics.Sent(telemetry.ExporterWebhook, 1)
	return nil
}

// dropped counts each try that failed.
func (t *Telling) dropped(result spec.CampaignResult, reason string, err error) {
	t.Metrics.Dropped(telemetry.ExporterWebhook, reason, 1)
	t.Log.Warn("the webhook was not told", zap.String(telemetry.FieldCampaign, result.Campaign), zap.Error(err))
}

// endKey tells this end of a campaign from every other, also from one of its name in another store.
func endKey(result spec.CampaignResult) string {
	sum := sha256.Sum256([]byte(result.Campaign + "\x00" + result.DatasetSHA256 + "\x00" + result.FinishedAt.UTC().String()))
	return hex.EncodeToString(sum[:16])
}
