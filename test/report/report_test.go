//go:build linux

package report

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/report"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

const (
	// installBound: two packages, 15 MB.
	installBound = 5 * time.Minute
	// runBound: some 15 s on a quiet machine.
	runBound = 5 * time.Minute
)

// PITWALL_TEST_PICTURES names a folder for pictures of the report.
func TestReportInABrowser(t *testing.T) {
	browser := chromium(t)
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			notRun(t, "there is no "+name)
		}
	}
	file := filepath.Join(t.TempDir(), "report.html")
	out, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, report.HTML(out, night(t, 10_000)))
	info, err := out.Stat()
	require.NoError(t, err)
	require.NoError(t, out.Close())
	t.Logf("10,000 trials: %.1f MiB", float64(info.Size())/(1<<20))
	command(t, installBound, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	env := []string{"REPORT=" + file, "CHROMIUM=" + browser, "PICTURES=" + os.Getenv("PITWALL_TEST_PICTURES"), "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1"}
	t.Log(command(t, runBound, env, "node", "--test", "--test-timeout=120000", "--test-reporter=spec", "report.test.mjs"))
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	notRun(t, "there is no chromium")
	return ""
}

func notRun(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("PITWALL_TEST_STRICT") == "1" {
		t.Fatalf("not run: the report in a browser, because %s", why)
	}
	t.Skipf("not run: the report in a browser, because %s", why)
}

// command runs a program in this folder, in a process group of its own that its bound ends, and returns what it printed.
func command(t *testing.T, bound time.Duration, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s:\n%s", name, out)
	return string(out)
}

// The lock file must install the same bytes anywhere: it pins every package by digest and names no registry.
func TestLockFilePinsEveryPackage(t *testing.T) {
	data, err := os.ReadFile("package-lock.json")
	require.NoError(t, err)
	var lock struct {
		Packages map[string]struct{ Resolved, Integrity string }
	}
	require.NoError(t, json.Unmarshal(data, &lock))
	require.Greater(t, len(lock.Packages), 1)
	for name, p := range lock.Packages {
		if name != "" {
			require.NotEmpty(t, p.Integrity, name)
			require.Empty(t, p.Resolved, name)
		}
	}
}

// hostile are names and output that want to be more than text.
var hostile = []string{
	`hostile <img src=x onerror="globalThis.hacked=1">`,
	"hostile \u202eright to left\u2066",
	`hostile {{.}} ${globalThis.hacked=1} javascript:alert(1) =cmd|' /C calc'!A1`,
}

const hostileOutput = "</script><script>globalThis.hacked=1</script><!--\x1b[2J\u2028alert(1)\r\n-->]]><svg onload=alert(1)>\x00\xff" +
	"\nkey ghp_abcdefghijklmnopqrstuvwxyz0123456789 after\n"

// night is a finished campaign of n trials: 8 categories, 12 slots, a baseline, three kinds of outcome, hostile texts.
func night(t *testing.T, n int) *report.Report {
	t.Helper()
	began := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	difference, mcnemar, before, after := -0.021, 0.011, 0.78, 0.759
	campaign := results.Campaign{
		Header:  results.Header{Campaign: "nightly-2026-11-22T030000Z", DatasetSHA256: fmt.Sprintf("%064x", 42)},
		Summary: &spec.CampaignResult{Status: spec.StatusCompleted, StartedAt: began, FinishedAt: began.Add(2 * time.Hour)},
	}
	campaign.Effective.PassAtK = []int{1}
	campaign.Effective.Gate = spec.Gate{MinAccuracy: &before}
	campaign.Summary.Comparison = &spec.Comparison{
		Baseline: "nightly-2026-11-21T030000Z", Candidate: campaign.Campaign, Verdict: spec.VerdictFail, NPaired: n, NCommon: n, Coverage: 1,
		Difference: &difference, McNemarP: &mcnemar, BaselineValue: &before, CandidateValue: &after, NBroken: 3, NFixed: 1,
		Interval: &spec.Bootstrap{Interval: spec.Interval{Low: -0.034, High: -0.008}, Seed: 1, Resamples: 2000},
		Broken:   []string{"sample/17", hostile[0], "sample/99"}, Fixed: []string{"sample/4"}, Reasons: []string{"the mean fell by 0.021, more than max_regression 0.01"},
	}
	builder := report.NewBuilder(campaign)
	for i := range n {
		require.NoError(t, builder.Add(trialOf(i, began)))
	}
	var series []results.Campaign
	for day := range 14 {
		accuracy := 0.74 + 0.01*float64(day%5)
		verdict := []string{spec.VerdictPass, spec.VerdictPass, spec.VerdictFail, spec.VerdictPass, spec.VerdictInconclusive}[day%5]
		one := &spec.CampaignResult{StartedAt: began.AddDate(0, 0, day-13), Verdict: verdict}
		one.Accuracy, one.AccuracyInterval = &accuracy, &spec.Interval{Low: accuracy - 0.03, High: accuracy + 0.03}
		series = append(series, results.Campaign{Header: results.Header{Campaign: "nightly-" + one.StartedAt.Format(time.DateOnly)}, Summary: one})
	}
	return builder.Finish(series)
}

func trialOf(i int, began time.Time) results.Detail {
	sample := fmt.Sprintf("sample/%d", i)
	if i < len(hostile) {
		sample = hostile[i]
	}
	category := []string{"strings", "graphs", "dynamic programming", "parsing", "dates", "geometry", "hostile \"><b>bold</b>", "größe 日本 עברית"}[i%8]
	started := began.Add(time.Duration(i/12) * 8 * time.Second)
	lasted := time.Duration(2000+(i*7919)%5000) * time.Millisecond
	exit, passed, score := 0, i == 0 || (i*7919+i/8)%(4+i%8) != 0, 1.0
	row := spec.TrialRow{SampleID: sample, Epoch: 1, Category: category, Status: spec.StatusCompleted, Attempts: 1, Cleanup: spec.CleanupProven}
	result := &spec.EvalResult{EvalID: "eval/nightly/" + sample, Status: spec.StatusCompleted, StartedAt: started, FinishedAt: started.Add(lasted + time.Second)}
	use := spec.SandboxUse{
		For: "job", Slot: i % 12, LeaseRun: "run", ID: fmt.Sprintf("sandbox-%d", i), CreatedAt: started,
		Removal: &spec.Certificate{ConfirmedAt: started.Add(lasted), ConfirmedBy: "404", SandboxSeconds: lasted.Seconds()},
	}
	attempt := spec.Attempt{Number: 1, Sandboxes: []spec.SandboxUse{use}}
	step := spec.StepResult{Name: "check", ExitCode: &exit, Stdout: spec.Stream{Tail: "ok\n" + hostileOutput}, Stderr: spec.Stream{Tail: ""}}
	if i%50 == 3 {
		row.Status, row.Error = spec.StatusError, &spec.EvalError{Origin: spec.OriginInfra, Type: "SandboxLost", Message: "the sandbox was gone <b>before</b> the job ended"}
		attempt.Error = row.Error
	} else {
		if !passed {
			exit, score = 1, float64(i%97)/97
			step.Stderr.Tail = "Traceback (most recent call last):\n  File \"program.py\", line 12\nAssertionError: expected 4, got 5\n" + hostileOutput
			result.Score = &spec.Score{Value: score, Explanation: "step check exited with 1"}
		}
		row.Passed, row.Score, row.ExitCode = &passed, &score, &exit
		result.Job = &spec.JobResult{Steps: []spec.StepResult{step}}
	}
	row.Timings = spec.Timings{TotalMS: lasted.Milliseconds() + 1000, WaitMS: 300, JobMS: lasted.Milliseconds()}
	row.SandboxSeconds = lasted.Seconds()
	row.Artifacts = []spec.Artifact{
		{Path: "/home/daytona/out/score.json", Status: spec.ArtifactStored, Ref: &spec.Ref{Bytes: 12, SHA256: fmt.Sprintf("%064x", i)}},
		{Path: "/home/daytona/out/<script>x", Status: spec.ArtifactTooLarge, Reason: "more than 64 MiB"},
	}
	result.Attempts = []spec.Attempt{attempt}
	input := spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Name: "check", Code: "def add(a, b):\n    return a + b\n\nassert add(2, 2) == 4  # </script>\n"}}}}
	return results.Detail{Trial: results.Trial{Sample: sample, Epoch: 1, Input: input}, Row: row, Result: result}
}
