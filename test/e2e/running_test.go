//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// commandCampaign writes a campaign of n trials, s0 …, of one command each.
func commandCampaign(t *testing.T, n int, command, more string) string {
	t.Helper()
	dir := t.TempDir()
	var samples strings.Builder
	for i := range n {
		fmt.Fprintf(&samples, "{\"id\": \"s%d\"}\n", i)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "samples.jsonl"), []byte(samples.String()), 0o600))
	file := filepath.Join(dir, "campaign.yaml")
	text := "dataset: {uri: samples.jsonl}\n" + more + "eval:\n  job:\n    steps: [{command: \"" + command + "\"}]\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func campaignProgress(t *testing.T, s *harness.Stack, name string) workflows.CampaignProgress {
	t.Helper()
	out, stderr, code := s.Starter("campaign", "status", name, "-o", "json")
	require.Equal(t, 0, code, stderr)
	var status struct {
		Progress *workflows.CampaignProgress `json:"progress"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &status))
	if status.Progress == nil {
		return workflows.CampaignProgress{}
	}
	return *status.Progress
}

func TestACampaignIsSteeredWhileItRuns(t *testing.T) {
	s := harness.Start(t, harness.Options{Slots: 4})
	update := func(args ...string) (workflows.CampaignProgress, string, int) {
		t.Helper()
		out, stderr, code := s.Starter(append(append([]string{"campaign"}, args...), "-o", "json")...)
		var progress workflows.CampaignProgress
		if code == 0 {
			require.NoError(t, json.Unmarshal([]byte(out), &progress))
		}
		return progress, stderr, code
	}

	t.Run("pause, a death of the worker, parallel, cancel-trial, resume", func(t *testing.T) {
		_, stderr, code := s.Starter("campaign", "start", commandCampaign(t, 12, "sleep 1", "max_parallel: 1\n"), "--name", "steered")
		require.Equal(t, 0, code, stderr)
		s.Eventually("a trial has ended", func(context.Context) bool { return campaignProgress(t, s, "steered").Finished > 0 })
		progress, stderr, code := update("pause", "steered")
		require.Equal(t, 0, code, stderr)
		require.True(t, progress.Paused)
		s.Workers[0].Kill()
		s.StartWorker()
		s.Eventually("what was under way has ended", func(context.Context) bool {
			p := campaignProgress(t, s, "steered")
			return p.Paused && p.Started > 0 && p.Started == p.Finished
		})
		paused := campaignProgress(t, s, "steered")
		require.Less(t, paused.Started, 12, "nothing new was started")

		progress, stderr, code = update("parallel", "steered", "4")
		require.Equal(t, 0, code, stderr)
		require.Equal(t, 4, progress.MaxParallel)
		_, stderr, code = update("parallel", "steered", "501")
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "1 to 500")

		_, stderr, code = update("cancel-trial", "steered", "s11")
		require.Equal(t, 0, code, stderr)
		_, stderr, code = update("cancel-trial", "steered", "s99")
		require.Equal(t, 3, code)
		require.Contains(t, stderr, `no sample "s99"`)
		_, stderr, code = update("cancel-trial", "steered", "s0")
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "result already")
		require.Equal(t, paused.Started, campaignProgress(t, s, "steered").Started, "still paused")

		created := s.Ledger().Created
		_, stderr, code = update("resume", "steered")
		require.Equal(t, 0, code, stderr)
		var result spec.CampaignResult
		require.NoError(t, s.Temporal.GetWorkflow(t.Context(), workflows.CampaignID("steered"), "").Get(t.Context(), &result))
		require.Equal(t, []int{12, 11, 11, 1}, []int{result.NTotal, result.NScored, result.NPassed, result.NCancelled})
		for _, row := range s.Rows(result.ResultsURI) {
			if row.SampleID == "s11" {
				require.Equal(t, spec.StatusCancelled, row.Status)
				require.Nil(t, row.Sandbox, "it created nothing")
			}
		}
		require.Equal(t, created+int64(12-paused.Started-1), s.Ledger().Created)
		require.Greater(t, s.Ledger().MaxLive, 1, "four at once")
		_, stderr, code = update("pause", "steered")
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "has ended already")
	})

	t.Run("a running trial is cancelled", func(t *testing.T) {
		_, stderr, code := s.Starter("campaign", "start", commandCampaign(t, 2, "test {{.id}} = s1 || sleep 50", ""), "--name", "one")
		require.Equal(t, 0, code, stderr)
		s.Eventually("the other trial has ended", func(context.Context) bool { return campaignProgress(t, s, "one").Finished == 1 })
		_, stderr, code = update("cancel-trial", "one", "s0", "1")
		require.Equal(t, 0, code, stderr)
		var result spec.CampaignResult
		require.NoError(t, s.Temporal.GetWorkflow(t.Context(), workflows.CampaignID("one"), "").Get(t.Context(), &result))
		require.Equal(t, []int{1, 1}, []int{result.NPassed, result.NCancelled})
	})

	t.Run("a budget of time", func(t *testing.T) {
		file := commandCampaign(t, 30, "sleep 50", "max_parallel: 2\nbudget: {wall_time: 4s}\n")
		summary, code := s.RunCampaign(file, "--name", "wall")
		require.Equal(t, 2, code)
		require.Equal(t, []string{spec.StatusCompleted, spec.VerdictInconclusive, workflows.EndedBudget}, []string{summary.Status, summary.Verdict, summary.Ended})
		require.Equal(t, 30, summary.NTotal)
		require.Equal(t, 30, summary.NNotStarted+summary.NCancelled)
		require.GreaterOrEqual(t, summary.NNotStarted, 28)
		require.Zero(t, *summary.SandboxesLeft)
	})

	t.Run("a budget of sandbox-seconds", func(t *testing.T) {
		file := commandCampaign(t, 30, "true", "max_parallel: 2\nbudget: {sandbox_seconds: 0.5}\n")
		summary, code := s.RunCampaign(file, "--name", "seconds")
		require.Equal(t, 2, code)
		require.Equal(t, workflows.EndedBudget, summary.Ended)
		require.Positive(t, summary.NPassed, "what was done is kept")
		require.Positive(t, summary.NNotStarted)
		require.Equal(t, 30, summary.NPassed+summary.NCancelled+summary.NNotStarted)
		require.GreaterOrEqual(t, summary.SandboxSeconds, 0.5)
	})
	t.Run("a failed sandbox is held", func(t *testing.T) { holdsAFailedSandbox(t, s) })
	t.Run("more epochs, and another judge", func(t *testing.T) { extendsAndRescores(t, s) })
	t.Run("the journal tells it", func(t *testing.T) {
		told := map[any]bool{}
		for _, line := range s.Journal() {
			told[line["event"]] = true
		}
		// Not the pause: the worker that saw it was killed at once, perhaps before it wrote the line.
		for _, event := range []telemetry.Event{telemetry.CampaignResumed, telemetry.BudgetExhausted} {
			require.True(t, told[string(event)], event)
		}
	})
	require.Equal(t, s.Ledger().Created, s.Ledger().Destroyed)
}

func extendsAndRescores(t *testing.T, s *harness.Stack) {
	summary, code := s.RunCampaign(commandCampaign(t, 3, "echo {{.id}}.{{.epoch}}", ""), "--name", "grown")
	require.Equal(t, []int{0, 3}, []int{code, summary.NPassed})
	for n := 1; n <= 2; n++ {
		out, stderr, code := s.Starter("campaign", "extend", "grown", "--epochs", "1", "--wait", "-o", "json")
		require.Equal(t, 0, code, stderr)
		var extended spec.CampaignResult
		require.NoError(t, json.Unmarshal([]byte(out), &extended))
		require.Equal(t, fmt.Sprintf("grown/extend-%d", n), extended.Campaign)
		require.Equal(t, 3, extended.NPassed)
	}
	rowsOf := func(name string) map[string]spec.TrialRow {
		out, stderr, code := s.Starter("campaign", "results", name, "--jsonl")
		require.Equal(t, 0, code, stderr)
		rows := map[string]spec.TrialRow{}
		for line := range strings.Lines(out) {
			var row spec.TrialRow
			require.NoError(t, json.Unmarshal([]byte(line), &row))
			rows[trialKey(row.SampleID, row.Epoch)] = row
		}
		return rows
	}
	before := rowsOf("grown")
	require.Len(t, before, 9, "three epochs of three samples, each once")
	require.Len(t, rowsOf("grown/extend-2"), 3)
	created := s.Ledger().Created

	judge := func(text string) (spec.CampaignResult, string, int) {
		file := filepath.Join(t.TempDir(), "scorer.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		out, stderr, code := s.Starter("campaign", "rescore", "grown", "--scorer", file, "-o", "json")
		var result spec.CampaignResult
		if code < 3 {
			require.NoError(t, json.Unmarshal([]byte(out), &result), stderr)
		}
		return result, stderr, code
	}
	strict, stderr, code := judge(`{type: regex, pattern: '^s[01]\.[12]'}`)
	require.Equal(t, 0, code, stderr)
	require.Equal(t, "grown/rescore-1", strict.Campaign)
	require.Equal(t, []int{9, 9, 4}, []int{strict.NTotal, strict.NScored, strict.NPassed})
	rescored := rowsOf("grown/rescore-1")
	require.Len(t, rescored, 9)
	require.True(t, *rescored["s1#2"].Passed)
	require.False(t, *rescored["s1#3"].Passed)

	unknown, stderr, code := judge(`{type: json_file, path: score.json}`)
	require.Equal(t, 2, code, stderr)
	require.Equal(t, []string{"grown/rescore-2", spec.VerdictInconclusive}, []string{unknown.Campaign, unknown.Verdict})
	require.Equal(t, 9, unknown.NError, "nobody knows what the jobs wrote there")
	_, stderr, code = judge(`{type: command, command: "true"}`)
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "needs a sandbox")
	_, stderr, code = judge(`{type: regex, pattern: '('}`)
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "scorer.pattern")

	out, stderr, code := s.Starter("campaign", "rescore", "grown", "-o", "json")
	require.Equal(t, 0, code, stderr)
	require.Contains(t, out, "grown/rescore-3")
	_, stderr, code = s.Starter("campaign", "compare", "grown", "grown/rescore-1")
	require.Equal(t, 1, code, stderr)
	report, stderr, code := s.Starter("report", "grown", "--format", "md")
	require.Equal(t, 0, code, stderr)
	require.Contains(t, report, "of 9 scored |")
	report, stderr, code = s.Starter("report", "grown/rescore-1", "--format", "md")
	require.Equal(t, 0, code, stderr)
	require.Contains(t, report, "| Passed | 4 | of 9 scored |")
	require.Equal(t, before, rowsOf("grown"), "what stood stands")
	require.Equal(t, created, s.Ledger().Created, "nothing ran")
}

func holdsAFailedSandbox(t *testing.T, s *harness.Stack) {
	file := filepath.Join(t.TempDir(), "eval.yaml")
	require.NoError(t, os.WriteFile(file, []byte("job: {steps: [{command: \"echo kept >out.txt; exit 3\"}]}\n"), 0o600))
	held := func(id string) string {
		var sandbox string
		s.Eventually(id+" holds its sandbox", func(context.Context) bool {
			out, _, code := s.Starter("sandboxes", "list", "-o", "json")
			var lines []struct {
				ID        string `json:"id"`
				EvalID    string `json:"eval_id"`
				HeldUntil string `json:"held_until"`
			}
			require.Equal(t, 0, code)
			require.NoError(t, json.Unmarshal([]byte(out), &lines))
			for _, line := range lines {
				if line.EvalID == id && line.HeldUntil != "" {
					sandbox = line.ID
				}
			}
			return sandbox != ""
		})
		return sandbox
	}
	start := func(id string, flags ...string) {
		_, stderr, code := s.Starter(append([]string{"run", file, "--id", id, "--detach"}, flags...)...)
		require.Equal(t, 0, code, stderr)
	}
	gone := func(sandbox string) {
		s.Eventually("the sandbox is gone", func(ctx context.Context) bool {
			_, err := s.Daytona.GetSandbox(ctx, sandbox)
			return errors.Is(err, daytona.ErrNotFound)
		})
	}

	start("eval/direct/looked-at", "--hold", "20m")
	sandbox := held("eval/direct/looked-at")
	toolbox, err := s.Daytona.GetSandbox(t.Context(), sandbox)
	require.NoError(t, err)
	require.True(t, toolbox.Started())
	_, stderr, code := s.Starter("release", "eval/direct/looked-at")
	require.Equal(t, 0, code, stderr)
	var result spec.EvalResult
	require.NoError(t, s.Temporal.GetWorkflow(t.Context(), "eval/direct/looked-at", "").Get(t.Context(), &result))
	require.Equal(t, []string{spec.StatusCompleted, spec.CleanupProven}, []string{result.Status, result.Cleanup})
	require.False(t, result.Score.Passed)
	gone(sandbox)
	_, _, code = s.Starter("release", "eval/direct/looked-at")
	require.Equal(t, 3, code)

	start("eval/direct/terminated", "--hold", "20m")
	sandbox = held("eval/direct/terminated")
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), "eval/direct/terminated", "", "test"))
	gone(sandbox)

	start("eval/direct/cancelled", "--hold", "20m", "--hold-always")
	sandbox = held("eval/direct/cancelled")
	require.NoError(t, s.Temporal.CancelWorkflow(t.Context(), "eval/direct/cancelled", ""))
	gone(sandbox)

	_, stderr, code = s.Starter("run", file, "--hold", "23h")
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "PITWALL_MAX_TTL_MINUTES")
	out, stderr, code := s.Starter("run", "examples/hello.yaml", "--hold", "20m", "-o", "json")
	require.Equal(t, 0, code, stderr)
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	require.True(t, result.Score.Passed, "what succeeds is not held")
}
