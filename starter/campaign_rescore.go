package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

func campaignRescoreCommand(term *terminal) *cobra.Command {
	var scorerFile string
	cmd := &cobra.Command{
		Use:   "rescore ID [--scorer FILE]",
		Short: "Judge a finished campaign again from what is stored, without running anything",
		Long: `Judge a finished campaign, with its retries and extensions, again from the streams and artifacts in the store, without
running anything: by the scorer in FILE (exit_code, regex or json_file), else by each trial's own. The rows are written beside
the old ones, as <id>/rescore-<n>, which "campaign results" and "campaign compare" read; nothing is overwritten.`,
		Example: "  starter campaign rescore nightly --scorer strict.yaml\n  starter campaign compare nightly nightly/rescore-1",
		Args:    exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return rescoreCampaign(cmd.Context(), term, campaignName(args[0]), scorerFile)
		},
	}
	cmd.Flags().StringVar(&scorerFile, "scorer", "", "YAML or JSON `file` of the scorer, such as {type: regex, pattern: ^PASS$}")
	return cmd
}

func rescoreCampaign(ctx context.Context, term *terminal, name, scorerFile string) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	root, _ := artifact.SplitRetry(name)
	known, err := results.ReadCampaign(ctx, store, root)
	if errors.Is(err, artifact.ErrNotFound) {
		return unknownCampaign(ctx, store, root)
	}
	if err != nil {
		return err
	}
	if known.Summary == nil {
		return unfinished(root)
	}
	if err := refuseOpenParts(ctx, target, store, root); err != nil {
		return err
	}
	judge, err := readScorer(term, scorerFile, known.Effective)
	if err != nil {
		return err
	}
	result, err := rescore(ctx, store, known, judge)
	if errors.Is(err, results.ErrNeedsSandbox) {
		return &UsageError{Problem: "rescore " + root, Err: err, Hint: "give another scorer with --scorer FILE"}
	}
	if err != nil {
		return err
	}
	if err := printCampaign(term, target, campaignSummary{CampaignResult: result}); err != nil {
		return err
	}
	return campaignOutcome(result)
}

// readScorer is the scorer in a file; nil without one.
func readScorer(term *terminal, name string, campaign spec.CampaignInput) (*spec.Scorer, error) {
	if name == "" {
		return nil, nil
	}
	file, err := readSpec(term, name)
	if err != nil {
		return nil, err
	}
	judge, err := spec.DecodeScorer(file.data, campaign.Eval.Job)
	if err != nil {
		return nil, file.named(err)
	}
	return &judge, nil
}

func rescore(ctx context.Context, store *artifact.Store, known results.Campaign, judge *spec.Scorer) (spec.CampaignResult, error) {
	began := time.Now().UTC()
	collector := stats.NewCollector(stats.Choice{
		PassAtK: known.Effective.PassAtK, Reducer: known.Reducer(), ClusterBy: known.Effective.ClusterBy,
	})
	id, ref, err := results.Rescore(ctx, store, known, judge, collector.Add)
	if err != nil {
		return spec.CampaignResult{}, err
	}
	result := spec.CampaignResult{
		Campaign: id, Status: known.Summary.Status, Ended: known.Summary.Ended, DatasetSHA256: known.DatasetSHA256, AnswersSHA256: known.AnswersSHA256,
		ManifestURI: artifact.URI(artifact.Manifest(id)), ResultsURI: ref.URI, SummaryURI: artifact.URI(artifact.Summary(id)),
		StartedAt: began, FinishedAt: time.Now().UTC(),
	}
	judged := known
	judged.Campaign, judged.Summary = id, nil
	gate := judged.Gate()
	result.Gate, result.Metrics = &gate, collector.Metrics()
	result.Verdict, result.Reasons = results.Conclude(result.Status, result.Ended, result.Metrics, gate, nil)
	_, err = results.WriteSummary(ctx, store, result)
	return result, err
}
