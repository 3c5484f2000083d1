package activities

import (
	"context"
	"time"

	"pitwall/internal/spec"
)

// PrepareCampaignInput is the input of PrepareCampaign.
type PrepareCampaignInput struct {
	Campaign  string             `json:"campaign"`
	Input     spec.CampaignInput `json:"input"`
	StartedAt time.Time          `json:"started_at"`
}

// PreparedCampaign is a campaign whose manifest stands.
type PreparedCampaign struct {
	ManifestKey string `json:"manifest_key"`
	NTrials     int    `json:"n_trials"`
	// ShardOffsets are where each shard begins in the manifest, in bytes.
	ShardOffsets  []int64   `json:"shard_offsets"`
	DatasetSHA256 string    `json:"dataset_sha256"`
	AnswersSHA256 string    `json:"answers_sha256,omitempty"`
	MaxParallel   int       `json:"max_parallel"`
	PassAtK       []int     `json:"pass_at_k"`
	Gate          spec.Gate `json:"gate"`
}

func (c *Campaigns) PrepareCampaign(ctx context.Context, in PrepareCampaignInput) (PreparedCampaign, error) {
	return PreparedCampaign{}, nil
}
