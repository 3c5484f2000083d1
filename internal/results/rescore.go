package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"pitwall/internal/artifact"
	"pitwall/internal/scorer"
	"pitwall/internal/spec"
)

// RescoreSettings say how a campaign was judged again. It stands in scorer.json.
type RescoreSettings struct {
	Campaign string `json:"campaign"`
	// Scorer that judged every trial; nil: each trial's own.
	Scorer *spec.Scorer `json:"scorer"`
}

// ErrNeedsSandbox: a command scorer cannot judge from what is stored alone.
var ErrNeedsSandbox = errors.New("a command scorer needs a sandbox to judge in: rescore with exit_code, regex or json_file, or start the campaign again under another name")

// notFetched is the type of a row's error where the campaign did not keep what the scorer reads.
const notFetched = "EvidenceMissing"

// maxFileManifestBytes bounds an attempt's manifest.json: 20,000 lines of 4 KiB.
const maxFileManifestBytes = 128 << 20

// Rescore judges every trial of a finished campaign (no part of one), with its retries and extensions, from what is stored,
// and writes the rows beside the old ones, under the ID of the campaign's next Rescore, which it returns with its rows'
// reference. Trials without evidence (infrastructure broke them, or they never began) keep their rows. Each row is handed to
// add. Nothing that stands is changed. Returns artifact.ErrNotFound and ErrNeedsSandbox.
func Rescore(ctx context.Context, store *artifact.Store, campaign Campaign, judge *spec.Scorer, add func(spec.TrialRow)) (string, spec.Ref, error) {
	root := campaign.Campaign
	reader, err := newRowReader(ctx, store, root)
	if err != nil {
		return "", spec.Ref{}, err
	}
	if judge != nil && judge.Type == spec.ScorerCommand {
		return "", spec.Ref{}, ErrNeedsSandbox
	}
	id, err := claimRescore(ctx, store, root, judge)
	if err != nil {
		return "", spec.Ref{}, err
	}
	reader.campaign = id
	pipe, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = out.CloseWithError(writeRows(out, reader.rescored(ctx, campaign, judge), add)) // always nil
	}()
	ref, err := store.Put(ctx, artifact.Results(id), pipe, maxResultsBytes)
	_ = pipe.CloseWithError(io.ErrClosedPipe) // ends the writer if the store gave up first
	<-done
	if err != nil {
		return "", spec.Ref{}, fmt.Errorf("write the results of %s: %w", id, err)
	}
	return id, ref, nil
}

// claimRescore takes the next free ID by writing its settings. Equal settings of two callers at once are told apart by none:
// both then write the same rows.
func claimRescore(ctx context.Context, store *artifact.Store, root string, judge *spec.Scorer) (string, error) {
	for n := 1; n <= maxRetries; n++ {
		id := artifact.Rescore(root, n)
		taken, err := store.Exists(ctx, artifact.RescoreSettings(id))
		if err != nil {
			return "", err
		}
		if taken {
			continue
		}
		_, err = store.PutJSON(ctx, artifact.RescoreSettings(id), RescoreSettings{Campaign: root, Scorer: judge})
		if errors.Is(err, artifact.ErrExists) {
			continue
		}
		return id, err
	}
	return "", fmt.Errorf("campaign %s was rescored %d times, which is all that is kept", root, maxRetries)
}

func (r *rowReader) rescored(ctx context.Context, campaign Campaign, judge *spec.Scorer) iter.Seq2[spec.TrialRow, error] {
	return func(yield func(spec.TrialRow, error) bool) {
		for found, err := range ahead(ctx, Trials(ctx, r.store, campaign.Campaign), r.find) {
			row := found.row
			switch {
			case err != nil:
			case row == nil:
				row = r.missingRow(found.trial, campaign.Missing())
			case hasEvidence(*found.result):
				row, err = r.judge(ctx, found, judge)
			}
			if err != nil {
				yield(spec.TrialRow{}, err)
				return
			}
			if !yield(*row, nil) {
				return
			}
		}
	}
}

// hasEvidence: its job ran to its end, whatever its scorer came to.
func hasEvidence(result spec.EvalResult) bool {
	return result.Job != nil && (result.Status == spec.StatusCompleted || result.Error != nil && result.Error.Origin == spec.OriginScorer)
}

func (r *rowReader) judge(ctx context.Context, found found, judge *spec.Scorer) (*spec.TrialRow, error) {
	result := *found.result
	settings, err := r.settings(ctx, found, judge)
	if err != nil {
		return nil, err
	}
	artifacts, err := r.artifacts(ctx, result)
	if err != nil {
		return nil, err
	}
	result.Status, result.Score, result.Error = spec.StatusCompleted, nil, nil
	if settings.Type == spec.ScorerJSONFile && !scorer.Asked(artifacts, settings.Path) {
		result.Status = spec.StatusError
		result.Error = &spec.EvalError{Origin: spec.OriginScorer, Type: notFetched, Message: fmt.Sprintf("the campaign did not fetch %s, so nobody knows what the job wrote there", settings.Path)}
		return r.rowOf(result, found.trial, found.prefix), nil
	}
	score, err := scorer.Score(ctx, settings, *result.Job, scorer.FromStore(r.store, artifacts))
	if err != nil {
		return nil, fmt.Errorf("judge sample %q, epoch %d: %w", found.trial.Sample, found.trial.Epoch, err)
	}
	score = scorer.Demand(score, found.trial.Input.Artifacts, artifacts)
	result.Score = &score
	return r.rowOf(result, found.trial, found.prefix), nil
}

// settings are those given, else the trial's own with the defaults of its eval.
func (r *rowReader) settings(ctx context.Context, found found, judge *spec.Scorer) (spec.Scorer, error) {
	if judge != nil {
		return *judge, nil
	}
	var stored struct {
		Effective struct {
			Scorer *spec.Scorer `json:"scorer"`
		} `json:"effective"`
	}
	if err := r.store.ReadJSON(ctx, artifact.Result(found.prefix), &stored); err != nil {
		return spec.Scorer{}, err
	}
	switch own := stored.Effective.Scorer; {
	case own == nil:
		return spec.Scorer{Type: spec.ScorerExitCode}, nil
	case own.Type == spec.ScorerCommand:
		return spec.Scorer{}, ErrNeedsSandbox
	default:
		return *own, nil
	}
}

// artifacts are all of an attempt's, of which a result carries the first.
func (r *rowReader) artifacts(ctx context.Context, result spec.EvalResult) ([]spec.Artifact, error) {
	manifest := result.ArtifactManifest
	if manifest == nil || manifest.Listed <= len(result.Artifacts) {
		return result.Artifacts, nil
	}
	file, err := r.store.Resolve(ctx, manifest.URI, manifest.SHA256)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all struct {
		Artifacts []spec.Artifact `json:"artifacts"`
	}
	if err := json.NewDecoder(io.LimitReader(file, maxFileManifestBytes)).Decode(&all); err != nil {
		return nil, fmt.Errorf("decode %s: %w", manifest.URI, err)
	}
	return all.Artifacts, nil
}

// rescoredRows reads what Rescore wrote.
func rescoredRows(ctx context.Context, store *artifact.Store, campaign string) iter.Seq2[spec.TrialRow, error] {
	return func(yield func(spec.TrialRow, error) bool) {
		lines, err := openLines(ctx, store, artifact.Results(campaign), 0)
		if err != nil {
			yield(spec.TrialRow{}, err)
			return
		}
		defer lines.close()
		for {
			line, err := lines.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var row spec.TrialRow
			if err == nil {
				err = json.Unmarshal(line, &row)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// rescoredDetails lays the rows of a Rescore over the results that they were judged by; both are in the manifest's order. The
// scores in these results are of the campaign's own scorer, and left out.
func rescoredDetails(ctx context.Context, store *artifact.Store, campaign string) iter.Seq2[Detail, error] {
	return func(yield func(Detail, error) bool) {
		next, stop := iter.Pull2(rescoredRows(ctx, store, campaign))
		defer stop()
		root, _ := artifact.SplitRetry(campaign)
		for detail, err := range Details(ctx, store, root, MissingInfra) {
			row, rowErr, more := next()
			switch {
			case err != nil:
			case !more:
				return
			case rowErr != nil:
				err = rowErr
			case row.SampleID != detail.Row.SampleID || row.Epoch != detail.Row.Epoch:
				err = fmt.Errorf("read %s: its rows are not those of the campaign's manifest", campaign)
			}
			detail.Row = row
			if detail.Result != nil {
				result := *detail.Result
				result.Score = nil
				detail.Result = &result
			}
			if !yield(detail, err) || err != nil {
				return
			}
		}
	}
}
