package activities

import (
	"context"
	"fmt"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/compare"
	"pitwall/internal/config"
	"pitwall/internal/policy"
	"pitwall/internal/redact"
	"pitwall/internal/results"
	"pitwall/internal/secrets"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// Campaigns reads datasets and writes manifests and rows.
type Campaigns struct {
	Store  *artifact.Store
	Config config.Config
	Policy *policy.Policy
	// Secrets that a campaign may name; Redactor knows the values that its input may not hold.
	Secrets  *secrets.Keeper
	Redactor *redact.Redactor
	// Searchable: Temporal's namespace has Pitwall's search attributes.
	Searchable bool
}

// ShardTrials is how many trials one shard runs: some 11 events each keep its history well under 10,000.
const ShardTrials = 500

// ListTrialsInput is the input of ListTrials.
type ListTrialsInput struct {
	Campaign    string `json:"campaign"`
	ManifestKey string `json:"manifest_key"`
	Offset      int64  `json:"offset"`
	Max         int    `json:"max"`
}

// TrialPage is a page of a manifest.
type TrialPage struct {
	Trials []TrialToRun `json:"trials"`
	// Next is the offset of the next page, 0 after the last.
	Next int64 `json:"next"`
}

// TrialToRun is one trial of a page.
type TrialToRun struct {
	Input spec.EvalInput `json:"input"`
	// Canary: its score is no part of what the campaign came to.
	Canary bool `json:"canary,omitempty"`
	// Done: its result.json stands already, from an earlier start of the same campaign.
	Done bool `json:"done,omitempty"`
}

// Summary names the trial for people.
func (t TrialToRun) Summary() string {
	return fmt.Sprintf("%s, epoch %d", spec.Printable(bounded(t.Input.Trial.Sample, 80)), t.Input.Trial.Epoch)
}

// ListTrials reads one page of trials.
func (c *Campaigns) ListTrials(ctx context.Context, in ListTrialsInput) (TrialPage, error) {
	trials, next, err := results.ReadManifestPage(ctx, c.Store, in.ManifestKey, in.Offset, in.Max)
	if err != nil {
		return TrialPage{}, retryable(ErrTypeStore, err, 0)
	}
	page := TrialPage{Next: next}
	for _, trial := range trials {
		t := trial.Input.Trial
		done, err := c.Store.Exists(ctx, artifact.Result(artifact.TrialPrefix(t.Campaign, t.Sample, t.Epoch, t.Retry)))
		if err != nil {
			return TrialPage{}, retryable(ErrTypeStore, err, 0)
		}
		page.Trials = append(page.Trials, TrialToRun{Input: trial.Input, Canary: trial.Canary != "", Done: done})
	}
	return page, nil
}

// AssembleResultsInput is the input of AssembleResults.
type AssembleResultsInput struct {
	Campaign string           `json:"campaign"`
	Prepared PreparedCampaign `json:"prepared"`
	Missing  results.Missing  `json:"missing"`
	Status   string           `json:"status"`
	// Ended: why not all trials ran; the verdict is then INCONCLUSIVE.
	Ended string `json:"ended,omitempty"`
	// ScheduledAt is the time for which a schedule started the campaign; zero where none did.
	ScheduledAt time.Time `json:"scheduled_at,omitzero"`
	StartedAt   time.Time `json:"started_at"`
	FinishedAt  time.Time `json:"finished_at"`
}

// AssembleResults writes results.jsonl and summary.json from the trials' own result.json.
func (c *Campaigns) AssembleResults(ctx context.Context, in AssembleResultsInput) (spec.CampaignResult, error) {
	defer startPulse(ctx, "assembling the results").end()
	collector := stats.NewCollector(stats.Choice{
		PassAtK: in.Prepared.PassAtK, Reducer: in.Prepared.Reducer, ClusterBy: in.Prepared.ClusterBy,
	})
	side := compare.NewSide(in.Campaign, in.Prepared.DatasetSHA256)
	ref, err := results.Assemble(ctx, c.Store, in.Campaign, in.Missing, func(row spec.TrialRow) {
		collector.Add(row)
		side.Add(row)
	})
	if err != nil {
		return spec.CampaignResult{}, retryable(ErrTypeStore, err, 0)
	}
	compared, err := c.compareWithBaseline(ctx, side, in.Prepared)
	if err != nil {
		return spec.CampaignResult{}, retryable(ErrTypeStore, err, 0)
	}
	metrics := collector.Metrics()
	verdict, reasons := results.Conclude(in.Status, in.Ended, metrics, in.Prepared.Gate, compared)
	result := spec.CampaignResult{
		Campaign: in.Campaign, Status: in.Status, Ended: in.Ended, Metrics: metrics, Verdict: verdict, Reasons: reasons,
		Gate: &in.Prepared.Gate, Comparison: compared,
		DatasetSHA256: in.Prepared.DatasetSHA256, AnswersSHA256: in.Prepared.AnswersSHA256,
		ManifestURI: artifact.URI(in.Prepared.ManifestKey), ResultsURI: ref.URI, SummaryURI: artifact.URI(artifact.Summary(in.Campaign)),
		ScheduledAt: in.ScheduledAt, StartedAt: in.StartedAt, FinishedAt: in.FinishedAt,
	}
	if _, err := results.WriteSummary(ctx, c.Store, result); err != nil {
		return spec.CampaignResult{}, retryable(ErrTypeStore, err, 0)
	}
	if err := c.leadSeries(ctx, in.Prepared.Series, result); err != nil {
		return spec.CampaignResult{}, retryable(ErrTypeStore, err, 0)
	}
	return result, nil
}
