//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/retention"
	"pitwall/internal/spec"
	"pitwall/test/harness"
)

func TestCampaignsAreComparedWithTheirBaseline(t *testing.T) {
	hook := newHook(t)
	s := harness.Start(t, harness.Options{Slots: 4, WorkerEnv: []string{"PITWALL_WEBHOOK_URL=" + hook.url, "PITWALL_WEBHOOK_SECRET=" + hookSecret}})
	// Each sample passes for the answers that its pattern names.
	rows := commandRows("old|new", "old", "new", "old", "none")
	judge := func(answer, more string) string {
		return writeCampaign(t, "answers: {from: text, text: "+answer+"}\n"+
			`eval: {job: {steps: [{command: "case {{shquote .completion}} in {{.command}}) ;; *) exit 1;; esac"}]}}`+"\n"+more, rows...)
	}
	before, code := s.RunCampaign(judge("old", ""), "--name", "before")
	require.Equal(t, 0, code)
	require.InDelta(t, 0.6, *before.Accuracy, 1e-12)
	require.NotNil(t, before.AccuracyInterval)

	t.Run("a regression fails the gate, and compare says the same", func(t *testing.T) {
		after, code := s.RunCampaign(judge("new", "baseline: before\ngate: {max_regression: 0.1}\nreducer: mean\n"), "--name", "after")
		require.Equal(t, 1, code)
		require.Equal(t, spec.VerdictFail, after.Verdict)
		require.Contains(t, after.Reasons[0], "fell by 0.2 against before")
		require.InDelta(t, 0.4, *after.Reduced.Value, 1e-12)

		stdout, stderr, code := s.Starter("campaign", "compare", "before", "after", "--max-regression", "0.1", "-o", "json")
		require.Equal(t, 1, code, stderr)
		var compared spec.Comparison
		require.NoError(t, json.Unmarshal([]byte(stdout), &compared))
		require.Equal(t, *after.Comparison, compared)
		require.Equal(t, []string{"s2", "s4"}, compared.Broken)
		require.Equal(t, []string{"s3"}, compared.Fixed)
		require.InDelta(t, 1, *compared.McNemarP, 1e-12) // 2·(1 + 3) ÷ 8

		stdout, stderr, code = s.Starter("campaign", "compare", "before", "after", "--max-regression", "0.5")
		require.Equal(t, 0, code, stderr)
		require.Contains(t, stdout, "2 broken, 1 fixed of 5 samples, McNemar p = 1")
	})

	t.Run("a series is compared with its last campaign that passed", func(t *testing.T) {
		for _, night := range []struct {
			name, answer, more, verdict, baseline string
		}{
			{"night-1", "old", "", spec.VerdictPass, ""},
			{"night-2", "new", "", spec.VerdictFail, "night-1"},
			{"night-3", "old", "canaries: [{set: {completion: wrong}}]\n", spec.VerdictInconclusive, "night-1"},
			{"night-4", "old", "", spec.VerdictPass, "night-1"},
			{"night-5", "old", "", spec.VerdictPass, "night-4"},
		} {
			result, _ := s.RunCampaign(judge(night.answer, "series: night\nnotify: not_passed\ngate: {max_regression: 0.1}\n"+night.more), "--name", night.name)
			require.Equal(t, night.verdict, result.Verdict, "%s: %v", night.name, result.Reasons)
			compared := ""
			if result.Comparison != nil {
				compared = result.Comparison.Baseline
			}
			require.Equal(t, night.baseline, compared, night.name)
		}
		baseline, err := retention.ReadBaseline(t.Context(), s.Store, "night")
		require.NoError(t, err)
		require.Equal(t, "night-5", baseline.Campaign)

		told := hook.told(t)
		require.Len(t, told, 2, "of the two that did not pass, though the first try of each was answered 503")
		require.Equal(t, []string{"night-2", spec.VerdictFail}, []string{told[0].Campaign, told[0].Verdict})
		require.Equal(t, []string{"s2", "s4"}, told[0].Comparison.Broken, "with the flips")
		require.Equal(t, []string{"night-3", spec.VerdictInconclusive}, []string{told[1].Campaign, told[1].Verdict})
	})

	t.Run("a report in every form, from the store alone", func(t *testing.T) { reports(t, s) })

	t.Run("a broken canary is no regression", func(t *testing.T) {
		broken := judge("new", "baseline: before\ngate: {max_regression: 0}\n"+
			"canaries: [{set: {completion: old}}, {set: {completion: wrong}}]\n")
		after, code := s.RunCampaign(broken, "--name", "canary")
		require.Equal(t, 2, code)
		require.Equal(t, spec.VerdictInconclusive, after.Verdict)
		require.Contains(t, after.Reasons[0], "canary failed: 1 of 2")
		require.Equal(t, []int{5, 5, 2, 1}, []int{after.NTotal, after.NScored, after.NCanary, after.CanariesFailed})
		rows := s.Rows(after.ResultsURI)
		require.Len(t, rows, 7)
		require.Equal(t, []string{"canary-1:s1", "canary-2:s1", "s1"}, []string{rows[0].SampleID, rows[1].SampleID, rows[2].SampleID})
		require.Equal(t, spec.StatusCompleted, rows[0].Status)
		require.Nil(t, rows[0].Passed)
		require.Equal(t, []string{spec.CanaryFailed, spec.OriginInfra}, []string{rows[1].Error.Type, rows[1].Error.Origin})

		_, stderr, code := s.Starter("campaign", "compare", "before", "canary", "--max-regression", "1")
		require.Equal(t, 2, code, stderr)

		created := s.Ledger().Created
		_, stderr, code = s.Starter("campaign", "retry", "canary", "--wait")
		require.Equal(t, 2, code, stderr)
		require.Equal(t, created+1, s.Ledger().Created, "only the canary that failed")
	})

	t.Run("another dataset is refused", func(t *testing.T) {
		rows = commandRows("old")
		_, code := s.RunCampaign(judge("old", ""), "--name", "other")
		require.Equal(t, 0, code)
		_, stderr, code := s.Starter("campaign", "compare", "before", "other")
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "different datasets")
		created := s.Ledger().Created
		_, stderr, code = s.Starter("campaign", "start", judge("new", "baseline: before\n"), "--name", "refused", "--wait")
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "campaign before has another dataset")
		require.Equal(t, created, s.Ledger().Created, "nothing ran")
	})
}

// reports of the campaign "after", whose baseline is "before".
func reports(t *testing.T, s *harness.Stack) {
	t.Helper()
	folder := t.TempDir()
	of := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := s.Starter(append([]string{"report", "after"}, args...)...)
		require.Equal(t, 0, code, stderr)
		return stdout
	}
	var made struct {
		Verdict    string
		Comparison spec.Comparison
		Trials     []struct {
			spec.TrialRow
			Outcome string
			Tries   []struct{ Sandboxes []spec.SandboxUse }
			Texts   []struct{ Of, Text string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(of("--format", "json")), &made))
	require.Equal(t, spec.VerdictFail, made.Verdict)
	require.Equal(t, []string{"s2", "s4"}, made.Comparison.Broken)
	require.Len(t, made.Trials, 5)
	require.Equal(t, "passed", made.Trials[0].Outcome)
	require.Equal(t, "failed", made.Trials[1].Outcome)
	require.Contains(t, made.Trials[1].Texts[0].Text, "exit 1;; esac")
	require.NotNil(t, made.Trials[1].Tries[0].Sandboxes[0].Removal, "the proof that its sandbox is gone")

	of("-o", filepath.Join(folder, "report.html"))
	page, err := os.ReadFile(filepath.Join(folder, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "<title>FAIL · after</title>")
	require.Contains(t, string(page), "Against <bdi>before</bdi>: FAIL")
	require.Contains(t, of("--format", "md", "--baseline", "before"), "2 broken, 1 fixed of 5 samples")
	require.Equal(t, 6, strings.Count(of("--format", "csv"), "\r\n"))
	require.Contains(t, of("--format", "junit"), `tests="6" failures="4"`)
	require.Contains(t, of("--format", "jsonl"), `{"problem_idx":1,"repeat":0,"reward":0,"sample_id":"s2","passed":false}`)
	require.Equal(t, 5, strings.Count(of("--format", "humaneval"), `"completion_id":0`))

	for want, args := range map[string][]string{
		"--format json writes JSON": {"after", "-o", "json"},
		"--format takes html, md":   {"after", "--format", "pdf"},
		"no campaign nothing":       {"nothing"},
		"no campaign gone":          {"after", "--format", "md", "--baseline", "gone"},
	} {
		_, stderr, code := s.Starter(append([]string{"report"}, args...)...)
		require.Equal(t, 3, code, stderr)
		require.Contains(t, stderr, want)
	}
}
