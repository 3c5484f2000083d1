//go:build linux

package knownanswers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

const campaignFile = "examples/humaneval/campaign.yaml"

func TestKnownAnswersOfHumanEval(t *testing.T) {
	data := dataFolder(t)
	problems := filepath.Join(data, "HumanEval.jsonl.gz")
	s := harness.Start(t, harness.Options{})

	t.Run("canonical solutions pass", func(t *testing.T) {
		summary, code := s.RunCampaign(campaignFile, "--dataset", problems, "--name", "canonical")
		require.Equal(t, 0, code)
		check(t, s, summary, 164, 164)
		require.InDelta(t, 1, summary.PassAtK["1"], 0)
	})
	t.Run("bodies of pass fail", func(t *testing.T) {
		summary, code := s.RunCampaign(campaignFile, "--dataset", problems, "--name", "pass",
			"--set", `answers={from: text, text: "    pass\n"}`)
		require.Equal(t, 0, code, "no gate was set, and all was scored")
		check(t, s, summary, 164, 0)
		require.InDelta(t, 0, summary.PassAtK["1"], 0)
	})
	t.Run("example samples pass half", func(t *testing.T) {
		summary, code := s.RunCampaign(campaignFile, "--dataset", filepath.Join(data, "example_problem.jsonl"),
			"--samples", filepath.Join(data, "example_samples.jsonl"), "--name", "example")
		require.Equal(t, 0, code)
		rows := check(t, s, summary, 6, 3)
		require.InDelta(t, 0.5, summary.PassAtK["1"], 0)
		timedOut := 0
		for _, row := range rows {
			if row.TimedOut {
				timedOut++
			}
		}
		require.Equal(t, 1, timedOut, "one of the samples runs for ever")
	})
}

func dataFolder(t *testing.T) string {
	t.Helper()
	data := filepath.Join(os.Getenv("PITWALL_TEST_DATA"), "humaneval")
	if _, err := os.Stat(data); os.Getenv("PITWALL_TEST_DATA") == "" || err != nil {
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatal("PITWALL_TEST_DATA names no folder with humaneval/")
		}
		t.Skip("not run: HumanEval's known answers, because PITWALL_TEST_DATA names no folder with humaneval/")
	}
	return data
}

// check holds a finished campaign to its counts, and its documents to the fields that scripts rely on.
func check(t *testing.T, s *harness.Stack, summary harness.Summary, total, passed int) []spec.TrialRow {
	t.Helper()
	for _, key := range []string{
		"n_total", "n_scored", "n_passed", "n_infra_error", "coverage", "accuracy", "pass_at_k", "sandboxes_left",
		"dataset_sha256", "results_uri",
	} {
		require.Contains(t, summary.Keys, key)
	}
	require.Equal(t, []int{total, total, passed, 0}, []int{summary.NTotal, summary.NScored, summary.NPassed, summary.NInfraError},
		"n_total, n_scored, n_passed, n_infra_error")
	require.InDelta(t, 1, summary.Coverage, 0)
	require.InDelta(t, float64(passed)/float64(total), *summary.Accuracy, 1e-12)
	require.Zero(t, *summary.SandboxesLeft)
	require.Empty(t, s.Live(), "asked of the provider")
	s.AwaitNoLease()

	for _, line := range s.ResultLines(summary.ResultsURI) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields))
		for _, key := range []string{
			"sample_id", "epoch", "passed", "score", "exit_code", "timed_out", "status", "error", "attempts", "timings",
			"sandbox", "removal",
		} {
			require.Contains(t, fields, key, "row %s", line)
		}
	}
	return checkRows(t, s.Rows(summary.ResultsURI), summary, total, passed)
}

func checkRows(t *testing.T, rows []spec.TrialRow, summary harness.Summary, total, passed int) []spec.TrialRow {
	t.Helper()
	require.Len(t, rows, total)
	seen := map[[2]any]bool{}
	ids := map[string]bool{}
	rowsPassed := 0
	for _, row := range rows {
		require.Equal(t, spec.StatusCompleted, row.Status, "%s: %+v", row.SampleID, row.Error)
		require.NotNil(t, row.Passed)
		if *row.Passed {
			rowsPassed++
		}
		require.Equal(t, 1, row.Attempts, row.SampleID)
		require.Equal(t, spec.CleanupProven, row.Cleanup)
		require.Equal(t, row.Sandbox.ID, row.Removal.SandboxID)
		require.NotEmpty(t, row.Removal.ConfirmedBy)
		require.False(t, row.Removal.ConfirmedAt.Before(row.Removal.RequestedAt))
		require.Positive(t, row.Timings.TotalMS)
		require.Equal(t, summary.DatasetSHA256, row.DatasetSHA256)
		require.False(t, ids[row.Sandbox.ID], "two trials shared a sandbox")
		ids[row.Sandbox.ID] = true
		trial := [2]any{row.SampleID, row.Epoch}
		require.False(t, seen[trial], "two rows for %v", trial)
		seen[trial] = true
	}
	require.Equal(t, passed, rowsPassed)
	return rows
}
