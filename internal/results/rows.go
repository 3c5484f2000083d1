package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// Missing says what a trial without a result.json is.
type Missing string

// What a trial without a result may be.
const (
	// MissingSkipped leaves it out: the campaign is still running.
	MissingSkipped Missing = ""
	// MissingCancelled counts it as cancelled: the campaign was cancelled before it got there.
	MissingCancelled Missing = spec.StatusCancelled
	// MissingInfra counts it as broken by infrastructure, so that a retry runs it: its eval was terminated, or never ran.
	MissingInfra Missing = spec.StatusError
	// MissingNotStarted counts it as not started: the campaign's budget was used up before it got there.
	MissingNotStarted Missing = spec.StatusNotStarted
)

// resultMissing is the type of a row's error where there is no result to take it from.
const resultMissing = "ResultMissing"

const (
	// maxResultBytes bounds a result.json: 10 attempts of 32 steps with their tails stay under 2 MiB.
	maxResultBytes = 16 << 20
	// maxRetries bounds the search for a campaign's retries, and for its extensions.
	maxRetries = 1000
)

// Rows yields one row per trial of a campaign, in its manifest's order, from the store alone; it holds a few at a time. The
// rows of a campaign count its retries and extensions in: a retry's row stands where nothing earlier has a score. The rows of
// <id>/retry-<n> are only its own, those of <id>/extend-<n> with what retries repaired, and those of <id>/rescore-<n> as they
// were written. After an error it ends; artifact.ErrNotFound means that there is no such campaign.
func Rows(ctx context.Context, store *artifact.Store, campaign string, missing Missing) iter.Seq2[spec.TrialRow, error] {
	if artifact.IsRescore(campaign) {
		return rescoredRows(ctx, store, campaign)
	}
	return func(yield func(spec.TrialRow, error) bool) {
		for detail, err := range Details(ctx, store, campaign, missing) {
			if !yield(detail.Row, err) {
				return
			}
		}
	}
}

// Detail is a trial with all that the store knows of it.
type Detail struct {
	Trial Trial
	Row   spec.TrialRow
	// Result is the one that Row was made from, without its effective input; nil where there is none.
	Result *spec.EvalResult
}

// Details is Rows, each with what its row was made from.
func Details(ctx context.Context, store *artifact.Store, campaign string, missing Missing) iter.Seq2[Detail, error] {
	if artifact.IsRescore(campaign) {
		return rescoredDetails(ctx, store, campaign)
	}
	return func(yield func(Detail, error) bool) {
		reader, err := newRowReader(ctx, store, campaign)
		if err != nil {
			yield(Detail{}, err)
			return
		}
		for found, err := range ahead(ctx, Trials(ctx, store, campaign), reader.find) {
			if err != nil {
				yield(Detail{}, err)
				return
			}
			if found.row == nil && missing == MissingSkipped {
				continue
			}
			if found.row == nil {
				found.row = reader.missingRow(found.trial, missing)
			}
			if !yield(Detail{found.trial, *found.row, found.result}, nil) {
				return
			}
		}
	}
}

// rowReader reads the results of one campaign, or of one retry.
type rowReader struct {
	store       *artifact.Store
	campaign    string
	root        string
	first, last int // the retries that may hold a result; 0 is the campaign itself
	dataset     string
}

func newRowReader(ctx context.Context, store *artifact.Store, campaign string) (*rowReader, error) {
	header, err := ReadHeader(ctx, store, campaign)
	if err != nil {
		return nil, err
	}
	root, retry := artifact.SplitRetry(campaign)
	reader := &rowReader{store: store, campaign: campaign, root: root, first: retry, last: retry, dataset: header.DatasetSHA256}
	if retry == 0 {
		reader.last, err = LastRetry(ctx, store, root)
	}
	return reader, err
}

// LastRetry is the number of the last retry of a campaign that has a manifest; 0 when there is none.
func LastRetry(ctx context.Context, store *artifact.Store, campaign string) (int, error) {
	return lastPart(ctx, store, campaign, artifact.Retry)
}

// LastExtension is the number of the last extension of a campaign that has a manifest; 0 when there is none.
func LastExtension(ctx context.Context, store *artifact.Store, campaign string) (int, error) {
	return lastPart(ctx, store, campaign, artifact.Extension)
}

// Parts are the IDs under which a campaign was started: its own, its retries', its extensions'.
func Parts(ctx context.Context, store *artifact.Store, campaign string) ([]string, error) {
	parts := []string{campaign}
	for _, name := range []func(string, int) string{artifact.Retry, artifact.Extension} {
		last, err := lastPart(ctx, store, campaign, name)
		if err != nil {
			return nil, err
		}
		for n := 1; n <= last; n++ {
			parts = append(parts, name(campaign, n))
		}
	}
	return parts, nil
}

func lastPart(ctx context.Context, store *artifact.Store, campaign string, name func(string, int) string) (int, error) {
	for n := 1; n <= maxRetries; n++ {
		found, err := store.Exists(ctx, artifact.Manifest(name(campaign, n)))
		if err != nil || !found {
			return n - 1, err
		}
	}
	return maxRetries, nil
}

// found is a trial, its result, and the row of that; nil when it has none.
type found struct {
	trial  Trial
	prefix string
	result *spec.EvalResult
	row    *spec.TrialRow
}

// find takes the first result with a score, else the last result. A retry that was cancelled repaired nothing: what it was to
// repair stands, also where that is no result.
func (r *rowReader) find(ctx context.Context, trial Trial) (found, error) {
	at := found{trial: trial}
	for retry := r.first; retry <= r.last; retry++ {
		prefix := artifact.TrialPrefix(r.root, trial.Sample, trial.Epoch, retry)
		result, err := ReadResult(ctx, r.store, prefix)
		if errors.Is(err, artifact.ErrNotFound) {
			continue
		}
		if err != nil {
			return found{}, err
		}
		if retry > r.first && result.Status == spec.StatusCancelled {
			continue
		}
		at.prefix, at.result, at.row = prefix, &result, r.rowOf(result, trial, prefix)
		if stats.Scored(*at.row) {
			break
		}
	}
	return at, nil
}

// rowOf takes the trial's identity from the manifest, so that one line of results.jsonl answers one of the manifest.
func (r *rowReader) rowOf(result spec.EvalResult, trial Trial, prefix string) *spec.TrialRow {
	row := Row(result, r.dataset)
	row.Campaign, row.SampleID, row.Epoch, row.Category = r.campaign, trial.Sample, trial.Epoch, trial.Category
	if trial.Canary != "" {
		asCanary(&row, trial.Canary)
	}
	if row.ResultURI == "" {
		row.ResultURI = artifact.URI(artifact.Result(prefix))
	}
	return &row
}

func (r *rowReader) missingRow(trial Trial, missing Missing) *spec.TrialRow {
	row := &spec.TrialRow{
		Campaign: r.campaign, SampleID: trial.Sample, Epoch: trial.Epoch, Category: trial.Category, Canary: trial.Canary,
		Status: string(missing), DatasetSHA256: r.dataset,
	}
	if missing == MissingInfra {
		row.Error = &spec.EvalError{Origin: spec.OriginInfra, Type: resultMissing, Message: "the trial left no result: its eval was terminated, or never ran"}
	}
	return row
}

// ReadResult reads the result of the eval at prefix, without its effective input. Returns artifact.ErrNotFound while the
// eval has not finished.
func ReadResult(ctx context.Context, store *artifact.Store, prefix string) (spec.EvalResult, error) {
	data, err := store.ReadAll(ctx, artifact.Result(prefix), maxResultBytes)
	if err != nil {
		return spec.EvalResult{}, err
	}
	// The input is large, strict about its fields, and not in a row: an older Pitwall reads a newer one's results.
	var result struct {
		spec.EvalResult
		Effective json.RawMessage `json:"effective"`
	}
	if err := json.Unmarshal(data, &result); err != nil {
		return spec.EvalResult{}, fmt.Errorf("decode %s: %w", artifact.Result(prefix), err)
	}
	return result.EvalResult, nil
}

// WriteResult writes an eval's result once, and returns it with its ResultURI. Returns artifact.ErrExists when another
// result stands there.
func WriteResult(ctx context.Context, store *artifact.Store, prefix string, result spec.EvalResult) (spec.EvalResult, error) {
	key := artifact.Result(prefix)
	result.ResultURI = artifact.URI(key)
	_, err := store.PutJSON(ctx, key, result)
	return result, err
}
