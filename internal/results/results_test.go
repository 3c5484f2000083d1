package results_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func everyStore(t *testing.T, test func(t *testing.T, store *artifact.Store)) {
	t.Helper()
	for kind, rawURL := range map[string]string{"mem": "mem://", "file": "file://" + filepath.ToSlash(t.TempDir())} {
		t.Run(kind, func(t *testing.T) {
			store, err := artifact.Open(t.Context(), rawURL)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			test(t, store)
		})
	}
}

func trialsNamed(samples ...string) iter.Seq2[results.Trial, error] {
	return func(yield func(results.Trial, error) bool) {
		for i, sample := range samples {
			in := spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Name: "main", Command: fmt.Sprint("echo ", i), TimeLimit: spec.Duration(time.Second)}}}}
			if !yield(results.Trial{Sample: sample, Epoch: 1, Category: "cat", Input: in}, nil) {
				return
			}
		}
	}
}

func manifest(t *testing.T, store *artifact.Store, campaign string, samples ...string) spec.Ref {
	t.Helper()
	ref, header, err := results.WriteManifest(t.Context(), store, results.Header{
		Campaign: campaign, DatasetSHA256: "d1", AnswersSHA256: "a1",
		Effective: spec.CampaignInput{Name: campaign, Epochs: 1, PassAtK: []int{1}},
	}, trialsNamed(samples...))
	require.NoError(t, err)
	require.Equal(t, len(samples), header.NTrials)
	return ref
}

func TestManifestPagesCoverItInOrder(t *testing.T) {
	var samples []string
	for i := range 23 {
		samples = append(samples, fmt.Sprintf("HumanEval/%d\n\"<&>日", i))
	}
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		ref := manifest(t, store, "nightly", samples...)
		require.Equal(t, "store:"+artifact.Manifest("nightly"), ref.URI)
		for _, size := range []int{1, 7, 23, 24, 1000} {
			var got []string
			pages := 0
			for next := int64(0); next != 0 || pages == 0; pages++ {
				page, after, err := results.ReadManifestPage(t.Context(), store, artifact.Manifest("nightly"), next, size)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), size)
				for _, trial := range page {
					got = append(got, trial.Sample)
					require.Equal(t, spec.Duration(time.Second), trial.Input.Job.Steps[0].TimeLimit)
				}
				next = after
			}
			require.Equal(t, samples, got)
			require.Equal(t, (len(samples)+size-1)/size, pages)
		}
	})
}

func TestManifestPagesFitOnePayload(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		big := func(yield func(results.Trial, error) bool) {
			for i := range 20 {
				in := spec.EvalInput{Inputs: spec.Inputs{Files: []spec.File{{Path: "x", Content: strings.Repeat("x", 300<<10)}}}}
				if !yield(results.Trial{Sample: fmt.Sprint(i), Epoch: 1, Input: in}, nil) {
					return
				}
			}
		}
		_, _, err := results.WriteManifest(t.Context(), store, results.Header{Campaign: "big"}, big)
		require.NoError(t, err)
		n := 0
		for next := int64(0); next != 0 || n == 0; {
			page, after, err := results.ReadManifestPage(t.Context(), store, artifact.Manifest("big"), next, 500)
			require.NoError(t, err)
			data, err := json.Marshal(page)
			require.NoError(t, err)
			require.Less(t, len(data), 1<<20+1<<10)
			require.NotEmpty(t, page)
			n += len(page)
			next = after
		}
		require.Equal(t, 20, n)
	})
}

func TestManifestIsWrittenOnce(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		first := manifest(t, store, "c", "a", "b")
		require.Equal(t, first, manifest(t, store, "c", "a", "b"))
		_, _, err := results.WriteManifest(t.Context(), store, results.Header{Campaign: "c"}, trialsNamed("x"))
		require.ErrorIs(t, err, artifact.ErrExists)

		header, err := results.ReadHeader(t.Context(), store, "c")
		require.NoError(t, err)
		require.Equal(t, results.Header{
			Campaign: "c", DatasetSHA256: "d1", AnswersSHA256: "a1", NTrials: 2,
			Effective: spec.CampaignInput{Name: "c", Epochs: 1, PassAtK: []int{1}},
		}, header)
		_, err = results.ReadHeader(t.Context(), store, "none")
		require.ErrorIs(t, err, artifact.ErrNotFound)
	})
}

func TestManifestThatCannotBeMade(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	badRow := errors.New("row 7 has no id")
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		_, _, err := results.WriteManifest(t.Context(), store, results.Header{Campaign: "c"}, func(yield func(results.Trial, error) bool) {
			_ = yield(results.Trial{Sample: "a"}, nil) && yield(results.Trial{}, badRow)
		})
		require.ErrorIs(t, err, badRow)
		huge := spec.EvalInput{Name: strings.Repeat("x", 1<<20)}
		_, _, err = results.WriteManifest(t.Context(), store, results.Header{Campaign: "c"}, func(yield func(results.Trial, error) bool) {
			yield(results.Trial{Sample: "a", Input: huge}, nil)
		})
		require.ErrorContains(t, err, `sample "a"`)
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err = results.WriteManifest(cancelled, store, results.Header{Campaign: "c"}, trialsNamed("a"))
		require.ErrorIs(t, err, context.Canceled)
		found, err := store.Exists(t.Context(), artifact.Manifest("c"))
		require.NoError(t, err)
		require.False(t, found)
	})
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left, "temporary files are removed")
}

func TestManifestThatIsNone(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		key := artifact.Manifest("c")
		for _, content := range []string{
			"", "\n", "{}\n", "not json\n", `{"campaign":"c"`, "{\"campaign\":\"c\"}\nnot json\n", "{\"campaign\":\"c\"}\n{}\n",
			"{\"campaign\":\"c\"}\n{\"sample\":\"cut", "{\"campaign\":\"c\"}\n" + strings.Repeat("x", 2<<20),
		} {
			_, err := store.Overwrite(t.Context(), key, strings.NewReader(content), 4<<20)
			require.NoError(t, err)
			_, _, err = results.ReadManifestPage(t.Context(), store, key, 0, 10)
			require.Error(t, err, "%.40q", content)
			if content != "" {
				require.ErrorIs(t, err, results.ErrManifest, "%.40q", content)
			}
			for _, err = range results.Trials(t.Context(), store, "c") {
			}
			require.Error(t, err)
		}
		for _, at := range []int64{-1} {
			_, _, err := results.ReadManifestPage(t.Context(), store, key, at, 10)
			require.Error(t, err)
		}
		_, _, err := results.ReadManifestPage(t.Context(), store, key, 0, 0)
		require.Error(t, err)
	})
}

// finish writes the result of a trial: passed, failed, cancelled or infra.
func finish(t *testing.T, store *artifact.Store, campaign, sample string, retry int, outcome string) {
	t.Helper()
	result := spec.EvalResult{
		Trial: &spec.Trial{Campaign: campaign, Sample: sample, Epoch: 1, Retry: retry}, EvalID: fmt.Sprintf("eval/%s/%s/1/r%d", campaign, sample, retry),
		Status: spec.StatusCompleted, Cleanup: spec.CleanupProven, Effective: &spec.EvalInput{Name: "left out"},
	}
	switch outcome {
	case "passed", "failed":
		result.Score = &spec.Score{Passed: outcome == "passed"}
	case spec.StatusCancelled:
		result.Status = outcome
	default:
		result.Status, result.Error = spec.StatusError, &spec.EvalError{Origin: spec.OriginInfra, Type: outcome}
	}
	_, err := results.WriteResult(t.Context(), store, artifact.TrialPrefix(campaign, sample, 1, retry), result)
	require.NoError(t, err)
}

// outcomes reads a campaign's rows as sample=outcome.
func outcomes(t *testing.T, store *artifact.Store, campaign string, missing results.Missing) []string {
	t.Helper()
	var got []string
	for row, err := range results.Rows(t.Context(), store, campaign, missing) {
		require.NoError(t, err)
		require.Equal(t, campaign, row.Campaign)
		require.Equal(t, "cat", row.Category)
		require.Equal(t, "d1", row.DatasetSHA256)
		outcome := row.Status
		if row.Error != nil {
			outcome = row.Error.Type
		} else if row.Passed != nil {
			outcome = map[bool]string{true: "passed", false: "failed"}[*row.Passed]
		}
		got = append(got, row.SampleID+"="+outcome)
	}
	return got
}

func TestRowsFollowTheManifest(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		manifest(t, store, "c", "z", "../a", "m", "b")
		finish(t, store, "c", "b", 0, "passed")
		finish(t, store, "c", "../a", 0, "SandboxLost")
		finish(t, store, "c", "z", 0, "failed")
		require.Equal(t, []string{"z=failed", "../a=SandboxLost", "b=passed"}, outcomes(t, store, "c", results.MissingSkipped))
		require.Equal(t, []string{"z=failed", "../a=SandboxLost", "m=cancelled", "b=passed"}, outcomes(t, store, "c", results.MissingCancelled))
		require.Equal(t, []string{"z=failed", "../a=SandboxLost", "m=ResultMissing", "b=passed"}, outcomes(t, store, "c", results.MissingInfra))
		for _, err := range results.Rows(t.Context(), store, "none", results.MissingSkipped) {
			require.ErrorIs(t, err, artifact.ErrNotFound)
		}
		for range results.Rows(t.Context(), store, "c", results.MissingSkipped) { // leaving early is fine
			break
		}
	})
}

func TestRetriesCountWhereNothingEarlierHasAScore(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		manifest(t, store, "c", "scored", "repaired", "late", "never", "gone")
		finish(t, store, "c", "scored", 0, "failed")
		for _, sample := range []string{"repaired", "late", "never"} {
			finish(t, store, "c", sample, 0, "SandboxLost")
		}
		manifest(t, store, "c/retry-1", "repaired", "late", "never", "gone")
		finish(t, store, "c", "scored", 1, "passed") // nobody asked for it; the earlier score is kept
		finish(t, store, "c/retry-1", "repaired", 1, "passed")
		finish(t, store, "c", "late", 1, "CreateFailed")
		finish(t, store, "c", "never", 1, "CreateFailed")
		finish(t, store, "c", "gone", 1, "passed")
		manifest(t, store, "c/retry-2", "late", "never")
		finish(t, store, "c", "repaired", 2, "failed")
		finish(t, store, "c", "late", 2, "failed")

		last, err := results.LastRetry(t.Context(), store, "c")
		require.NoError(t, err)
		require.Equal(t, 2, last)
		require.Equal(t, []string{"scored=failed", "repaired=passed", "late=failed", "never=CreateFailed", "gone=passed"},
			outcomes(t, store, "c", results.MissingInfra))
		require.Equal(t, []string{"repaired=passed", "late=CreateFailed", "never=CreateFailed", "gone=passed"},
			outcomes(t, store, "c/retry-1", results.MissingInfra))
		require.Equal(t, []string{"late=failed", "never=ResultMissing"}, outcomes(t, store, "c/retry-2", results.MissingInfra))
	})
}

// What a retry was to repair stands until one has repaired it: a retry that is cancelled makes no canary good, and no broken
// trial one that nobody runs again.
func TestACancelledRetryRepairsNothing(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		canary := func(yield func(results.Trial, error) bool) {
			yield(results.Trial{Sample: "canary", Epoch: 1, Category: "cat", Canary: spec.ExpectPass}, nil)
		}
		_, _, err := results.WriteManifest(t.Context(), store, results.Header{Campaign: "c", DatasetSHA256: "d1"}, func(yield func(results.Trial, error) bool) {
			canary(func(trial results.Trial, err error) bool {
				return yield(trial, err) && yield(results.Trial{Sample: "broken", Epoch: 1, Category: "cat"}, nil) &&
					yield(results.Trial{Sample: "gone", Epoch: 1, Category: "cat"}, nil)
			})
		})
		require.NoError(t, err)
		finish(t, store, "c", "canary", 0, "failed")
		finish(t, store, "c", "broken", 0, "SandboxLost")
		manifest(t, store, "c/retry-1", "broken")
		finish(t, store, "c", "canary", 1, spec.StatusCancelled)
		finish(t, store, "c", "broken", 1, spec.StatusCancelled)
		finish(t, store, "c", "gone", 1, spec.StatusCancelled)
		want := []string{"canary=" + spec.CanaryFailed, "broken=SandboxLost", "gone=ResultMissing"}
		require.Equal(t, want, outcomes(t, store, "c", results.MissingInfra))
		require.Equal(t, []string{"broken=cancelled"}, outcomes(t, store, "c/retry-1", results.MissingInfra), "its own rows say what became of it")
		manifest(t, store, "c/retry-2", "broken")
		finish(t, store, "c", "broken", 2, "passed")
		require.Equal(t, []string{want[0], "broken=passed", want[2]}, outcomes(t, store, "c", results.MissingInfra))
	})
}

func TestAssembleWritesARowForEachTrial(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		manifest(t, store, "c", "a", "b")
		finish(t, store, "c", "a", 0, "passed")
		collector := stats.NewCollector(stats.Choice{PassAtK: []int{1}})
		ref, err := results.Assemble(t.Context(), store, "c", results.MissingInfra, collector.Add)
		require.NoError(t, err)
		metrics := collector.Metrics()
		require.Equal(t, [3]int{2, 1, 1}, [3]int{metrics.NTotal, metrics.NPassed, metrics.NInfraError})
		require.Equal(t, "store:campaigns/c/results.jsonl", ref.URI)
		require.Equal(t, []string{"a", "b"}, storedSamples(t, store, ref))

		finish(t, store, "c", "b", 0, "failed") // assembled again, it replaces the file
		again, err := results.Assemble(t.Context(), store, "c", results.MissingInfra, func(spec.TrialRow) {})
		require.NoError(t, err)
		require.NotEqual(t, ref.SHA256, again.SHA256)
		require.Equal(t, []string{"a", "b"}, storedSamples(t, store, again))
	})
}

func storedSamples(t *testing.T, store *artifact.Store, ref spec.Ref) []string {
	t.Helper()
	r, err := store.Resolve(t.Context(), ref.URI, ref.SHA256)
	require.NoError(t, err)
	defer r.Close()
	var samples []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var row spec.TrialRow
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		samples = append(samples, row.SampleID)
	}
	require.NoError(t, lines.Err())
	return samples
}

func TestAssembleReportsWhatItCannotRead(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		_, err := results.Assemble(t.Context(), store, "none", results.MissingInfra, func(spec.TrialRow) {})
		require.ErrorIs(t, err, artifact.ErrNotFound)
		manifest(t, store, "c", "a")
		_, err = store.Put(t.Context(), artifact.Result(artifact.TrialPrefix("c", "a", 1, 0)), strings.NewReader("half a resu"), 100)
		require.NoError(t, err)
		_, err = results.Assemble(t.Context(), store, "c", results.MissingInfra, func(spec.TrialRow) {})
		require.ErrorContains(t, err, "trials/a/1/result.json")
		found, err := store.Exists(t.Context(), artifact.Results("c"))
		require.NoError(t, err)
		require.False(t, found, "no half results")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = results.Assemble(cancelled, store, "c", results.MissingInfra, func(spec.TrialRow) {})
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestResultIsWrittenOnce(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		written, err := results.WriteResult(t.Context(), store, "evals/x", spec.EvalResult{EvalID: "x", Effective: &spec.EvalInput{Name: "n"}})
		require.NoError(t, err)
		require.Equal(t, "store:evals/x/result.json", written.ResultURI)
		_, err = results.WriteResult(t.Context(), store, "evals/x", spec.EvalResult{EvalID: "x", Effective: &spec.EvalInput{Name: "n"}})
		require.NoError(t, err)
		_, err = results.WriteResult(t.Context(), store, "evals/x", spec.EvalResult{EvalID: "y"})
		require.ErrorIs(t, err, artifact.ErrExists)
		got, err := results.ReadResult(t.Context(), store, "evals/x")
		require.NoError(t, err)
		written.Effective = nil
		require.Empty(t, cmp.Diff(written, got))
	})
}

func TestResultsOfANewerPitwallAreRead(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		newer := `{"eval_id":"x","status":"completed","new_field":1,"effective":{"job":{"new_field":true}}}`
		_, err := store.Put(t.Context(), "evals/x/result.json", strings.NewReader(newer), 1000)
		require.NoError(t, err)
		got, err := results.ReadResult(t.Context(), store, "evals/x")
		require.NoError(t, err)
		require.Equal(t, "x", got.EvalID)
	})
}

func TestCampaignsFromTheStoreAlone(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		long := strings.Repeat("long/", 60)
		manifest(t, store, "b", "x")
		manifest(t, store, "a", "x")
		manifest(t, store, "a-b", "x")
		manifest(t, store, "a/retry-1", "x")
		manifest(t, store, long, "x")
		finish(t, store, "unplanned", "x", 0, "passed") // no manifest
		_, err := results.WriteSummary(t.Context(), store, spec.CampaignResult{Campaign: "a/retry-1", Verdict: spec.VerdictPass})
		require.NoError(t, err)

		var names []string
		for campaign, err := range results.Campaigns(t.Context(), store) {
			require.NoError(t, err)
			names = append(names, campaign.Campaign)
			require.Equal(t, campaign.Campaign == "a/retry-1", campaign.Summary != nil)
		}
		require.Equal(t, []string{"a-b", "a", "a/retry-1", "b", long}, names)

		_, err = store.Overwrite(t.Context(), artifact.Manifest("a-b"), strings.NewReader("broken\n"), 100)
		require.NoError(t, err)
		good, bad := 0, 0
		for _, err := range results.Campaigns(t.Context(), store) {
			if err != nil {
				require.ErrorIs(t, err, results.ErrManifest)
				bad++
				continue
			}
			good++
		}
		require.Equal(t, [2]int{4, 1}, [2]int{good, bad})
		_, err = results.ReadCampaign(t.Context(), store, "none")
		require.ErrorIs(t, err, artifact.ErrNotFound)
	})
}
