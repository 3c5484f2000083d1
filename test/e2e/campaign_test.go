//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

const quickstart = "examples/quickstart/campaign.yaml"

// expectation is what a problem's author says of one answer.
type expectation struct {
	Kind      string `json:"kind"`
	Passed    bool   `json:"passed"`
	ExitCode  *int   `json:"exit_code"`
	TimedOut  bool   `json:"timed_out"`
	Truncated bool   `json:"truncated"`
	Artifact  string `json:"artifact"`
}

func TestQuickstartMeetsItsExpectations(t *testing.T) {
	s := harness.Start(t, harness.Options{Slots: 4})
	summary, code := s.RunCampaign(quickstart, "--name", "quick")
	require.Equal(t, 0, code)
	expected := quickstartExpectations(t)
	rows := s.Rows(summary.ResultsURI)
	require.Len(t, rows, len(expected))
	passed := 0
	var kept spec.TrialRow
	for _, row := range rows {
		want := expected[trialKey(row.SampleID, row.Epoch)]
		require.NotEmpty(t, want.Kind, "%s %d is not in the dataset", row.SampleID, row.Epoch)
		meets(t, s, want, row)
		if want.Passed {
			passed++
		}
		if want.Passed && want.Artifact != "" {
			kept = row
		}
	}
	require.Equal(t, []int{len(expected), len(expected), passed, 0}, []int{summary.NTotal, summary.NScored, summary.NPassed, summary.NInfraError})
	require.Zero(t, *summary.SandboxesLeft)
	ledger := s.Ledger()
	require.Equal(t, int64(len(expected)), ledger.Created, "one sandbox a trial")
	require.Equal(t, ledger.Created, ledger.Destroyed)
	require.LessOrEqual(t, ledger.MaxLive, 4)

	t.Run("an artifact is fetched", func(t *testing.T) { fetches(t, s, kept) })
	t.Run("results and status agree", func(t *testing.T) {
		out, _, code := s.Starter("campaign", "results", "quick", "--jsonl")
		require.Equal(t, 0, code)
		require.Len(t, strings.Split(strings.TrimSpace(out), "\n"), len(rows))
		out, _, code = s.Starter("campaign", "status", "quick", "-o", "json")
		require.Equal(t, 0, code)
		var status struct {
			Status string              `json:"status"`
			Result spec.CampaignResult `json:"result"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &status))
		require.Equal(t, "completed", status.Status)
		require.Equal(t, summary.CampaignResult, status.Result)
	})
	t.Run("the same name attaches, or is refused", func(t *testing.T) { startsAgain(t, s, summary) })
}

func trialKey(sample string, epoch int) string { return sample + "#" + strconv.Itoa(epoch) }

func quickstartExpectations(t *testing.T) map[string]expectation {
	t.Helper()
	data, err := os.ReadFile("../../examples/quickstart/problems.jsonl")
	require.NoError(t, err)
	expected := map[string]expectation{}
	for line := range strings.Lines(string(data)) {
		var problem struct {
			ID     string        `json:"id"`
			Expect []expectation `json:"expect"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &problem))
		for i, want := range problem.Expect {
			expected[trialKey(problem.ID, i+1)] = want
		}
	}
	return expected
}

func meets(t *testing.T, s *harness.Stack, want expectation, row spec.TrialRow) {
	t.Helper()
	name := trialKey(row.SampleID, row.Epoch) + ", " + want.Kind
	require.Equal(t, spec.StatusCompleted, row.Status, "%s: %+v", name, row.Error)
	require.Equal(t, want.Passed, *row.Passed, name)
	require.Equal(t, want.TimedOut, row.TimedOut, name)
	require.Equal(t, row.Sandbox.ID, row.Removal.SandboxID, name)
	if want.ExitCode != nil {
		require.Equal(t, *want.ExitCode, *row.ExitCode, name)
	}
	if want.Truncated {
		stdout := resultOf(t, s, row).Job.Steps[0].Stdout
		require.True(t, stdout.Truncated, name)
		require.Greater(t, stdout.BytesTotal, stdout.BytesKept, name)
		require.Equal(t, int64(1<<20), stdout.BytesKept, name)
	}
	if want.Artifact != "" {
		require.Contains(t, storedPaths(row), want.Artifact, name)
	}
}

// storedPaths are a row's stored artifacts, relative to the sandbox's home.
func storedPaths(row spec.TrialRow) []string {
	var paths []string
	for _, found := range row.Artifacts {
		if found.Status == spec.ArtifactStored {
			paths = append(paths, strings.TrimPrefix(found.Path, "/home/daytona/"))
		}
	}
	return paths
}

func resultOf(t *testing.T, s *harness.Stack, row spec.TrialRow) spec.EvalResult {
	t.Helper()
	key, err := artifact.Key(row.ResultURI)
	require.NoError(t, err)
	var result spec.EvalResult
	require.NoError(t, s.Store.ReadJSON(t.Context(), key, &result))
	return result
}

func fetches(t *testing.T, s *harness.Stack, row spec.TrialRow) {
	dir := t.TempDir()
	_, stderr, code := s.Starter("artifacts", "get", row.EvalID, "-d", dir)
	require.Equal(t, 0, code, stderr)
	var fetched []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			fetched = append(fetched, path)
		}
		return err
	}))
	require.Len(t, fetched, len(storedPaths(row)))
	data, err := os.ReadFile(fetched[0])
	require.NoError(t, err)
	require.Len(t, data, int(row.Artifacts[0].Ref.Bytes))
}

func startsAgain(t *testing.T, s *harness.Stack, first harness.Summary) {
	before := s.Ledger().Created
	again, code := s.RunCampaign(quickstart, "--name", "quick")
	require.Equal(t, 0, code)
	require.Equal(t, first.CampaignResult, again.CampaignResult)
	_, stderr, code := s.Starter("campaign", "start", quickstart, "--name", "quick", "--limit", "1")
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "quick exists, with other input")
	require.Equal(t, before, s.Ledger().Created, "nothing ran")
}

// writeCampaign puts a campaign and its dataset into a folder and returns the campaign's file.
func writeCampaign(t *testing.T, campaign string, rows ...string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rows.jsonl"), []byte(strings.Join(rows, "\n")+"\n"), 0o600))
	file := filepath.Join(dir, "campaign.yaml")
	require.NoError(t, os.WriteFile(file, []byte("dataset: {format: jsonl, uri: rows.jsonl}\n"+campaign), 0o600))
	return file
}

// commandRows make each sample a command of its own.
func commandRows(commands ...string) []string {
	rows := make([]string, len(commands))
	for i, command := range commands {
		row, err := json.Marshal(map[string]string{"id": "s" + strconv.Itoa(i+1), "command": command})
		if err != nil {
			panic(err)
		}
		rows[i] = string(row)
	}
	return rows
}

func (c campaignUnderTest) start(t *testing.T, flags ...string) {
	t.Helper()
	_, stderr, code := c.s.Starter(append([]string{"campaign", "start", c.file, "--name", c.name}, flags...)...)
	require.Equal(t, 0, code, stderr)
}

// campaignUnderTest is one whose middle a test looks into.
type campaignUnderTest struct {
	s          *harness.Stack
	file, name string
}

func (c campaignUnderTest) evalID(sample string) string {
	return "eval/" + c.name + "/" + sample + "/1"
}

// awaitResult waits until a sample has its result.json.
func (c campaignUnderTest) awaitResult(sample string) {
	c.s.Eventually(sample+" has its result", func(ctx context.Context) bool {
		found, err := c.s.Store.Exists(ctx, artifact.Result(artifact.TrialPrefix(c.name, sample, 1, 0)))
		return err == nil && found
	})
}

func TestCancelledCampaignEndsItsEvalsAndWritesItsRows(t *testing.T) {
	s := harness.Start(t, harness.Options{Slots: 4}) // as many as run at once: which eval gets a slot first is nobody's promise
	c := campaignUnderTest{s, writeCampaign(t, `eval: {job: {steps: [{command: "{{.command}}", time_limit: 10m}]}}`,
		commandRows("true", "echo evidence; touch begun; sleep 600", "sleep 600", "sleep 600", "sleep 600", "sleep 600")...), "stopped"}
	c.start(t, "--max-parallel", "4")
	c.awaitResult("s1")
	running := s.AwaitSandbox(c.evalID("s2"))
	s.AwaitFile(running, "/home/daytona/begun")

	stdout, stderr, code := s.Starter("campaign", "cancel", c.name, "--wait", "-o", "json")
	require.Equal(t, 0, code, stdout+stderr)
	summary, err := results.ReadSummary(t.Context(), s.Store, c.name)
	require.NoError(t, err)
	require.Equal(t, spec.StatusCancelled, summary.Status)
	require.Equal(t, []int{6, 1, 1, 0, 0, 5},
		[]int{summary.NTotal, summary.NScored, summary.NPassed, summary.NInfraError, summary.NError, summary.NCancelled})
	require.Equal(t, spec.VerdictInconclusive, summary.Verdict)
	require.Empty(t, s.Live())
	s.AwaitNoLease()

	rows := s.Rows(summary.ResultsURI)
	require.Len(t, rows, 6)
	for _, row := range rows[1:] {
		require.Equal(t, spec.StatusCancelled, row.Status, row.SampleID)
		require.Nil(t, row.Passed, row.SampleID)
	}
	require.Equal(t, running.ID, rows[1].Removal.SandboxID)
	require.Equal(t, "evidence\n", resultOf(t, s, rows[1]).Job.Steps[0].Stdout.Tail)
}

func TestRetryRunsOnlyWhatInfrastructureBroke(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	c := campaignUnderTest{s, writeCampaign(t, `eval: {max_attempts: 1, job: {steps: [{command: "{{.command}}"}]}}`,
		commandRows("true", "touch begun; sleep 8", "exit 1", "touch begun; sleep 8; echo again")...), "broken"}
	c.start(t)
	for _, sample := range []string{"s2", "s4"} {
		sandbox := s.AwaitSandbox(c.evalID(sample))
		s.AwaitFile(sandbox, "/home/daytona/begun")
		require.NoError(t, s.Daytona.DeleteSandbox(t.Context(), sandbox.ID))
	}
	summary, code := s.RunCampaign(c.file, "--name", c.name) // attaches
	require.Equal(t, 2, code, "coverage is 0.5")
	require.Equal(t, []int{4, 2, 1, 2}, []int{summary.NTotal, summary.NScored, summary.NPassed, summary.NInfraError})
	require.Equal(t, spec.VerdictInconclusive, summary.Verdict)
	before := s.Rows(summary.ResultsURI)
	require.Equal(t, spec.OriginInfra, before[1].Error.Origin)
	require.Equal(t, "SandboxLost", before[1].Error.Type)
	created := s.Ledger().Created

	stdout, stderr, code := s.Starter("campaign", "retry", c.name, "--wait", "-o", "json")
	require.Equal(t, 0, code, stdout+stderr)
	require.Equal(t, created+2, s.Ledger().Created, "only what infrastructure broke")
	rows := map[string]spec.TrialRow{}
	for row, err := range results.Rows(t.Context(), s.Store, c.name, results.MissingInfra) {
		require.NoError(t, err)
		rows[row.SampleID] = row
	}
	require.Len(t, rows, 4)
	require.True(t, *rows["s2"].Passed)
	require.Equal(t, "eval/broken/s2/1/r1", rows["s2"].EvalID)
	require.Equal(t, before[0].RunID, rows["s1"].RunID, "what has a score keeps it")
	require.False(t, *rows["s3"].Passed)
	require.Equal(t, "again\n", resultOf(t, s, rows["s4"]).Job.Steps[0].Stdout.Tail)

	_, stderr, code = s.Starter("campaign", "retry", c.name)
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "nothing to retry")
}

// A campaign that was terminated goes on when it is started again as it was, and nothing takes up what is under way.
func TestTerminatedCampaignGoesOn(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	c := campaignUnderTest{s, writeCampaign(t, "epochs: 1\ngate: {min_coverage: 0.5}\n"+`eval: {job: {steps: [{command: "{{.command}}", time_limit: 10m}]}}`,
		commandRows("true", "touch begun; sleep 600", "true")...), "killed"}
	c.start(t, "--max-parallel", "1")
	s.AwaitFile(s.AwaitSandbox(c.evalID("s2")), "/home/daytona/begun")
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), workflows.CampaignID(c.name), "", "test"))
	for _, command := range []string{"retry", "rescore"} {
		_, stderr, code := s.Starter("campaign", command, c.name)
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "goes on when it is started again")
	}
	s.Eventually("the campaign is started again", func(context.Context) bool {
		_, stderr, code := s.Starter("campaign", "start", c.file, "--name", c.name, "--max-parallel", "1")
		require.True(t, code == 0 || strings.Contains(stderr, "its evals are still ending"), stderr)
		return code == 0
	})
	summary := finished(t, s, c.name)
	require.Equal(t, []any{spec.StatusCompleted, spec.VerdictPass, 3, 2, 1},
		[]any{summary.Status, summary.Verdict, summary.NTotal, summary.NPassed, summary.NCancelled}, "what was under way was cancelled by the end of its parent")

	started := s.Ledger().Created
	c.start(t, "--max-parallel", "1") // attaches
	require.Equal(t, started, s.Ledger().Created)
	_, stderr, code := s.Starter("campaign", "extend", c.name, "--epochs", "1")
	require.Equal(t, 0, code, stderr)
	more := campaignUnderTest{s, "", artifact.Extension(c.name, 1)}
	s.AwaitFile(s.AwaitSandbox(strings.TrimSuffix(c.evalID("s2"), "1")+"2"), "/home/daytona/begun")
	for _, command := range [][]string{{"retry", c.name}, {"rescore", c.name}, {"extend", c.name, "--epochs", "1"}} {
		_, stderr, code := s.Starter(append([]string{"campaign"}, command...)...)
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "campaign/killed/extend-1 is running")
	}
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), workflows.CampaignID(more.name), "", "test"))
	_, stderr, code = s.Starter("campaign", "extend", c.name, "--epochs", "2")
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "starter campaign extend killed --epochs 1")
	s.Eventually("the extension is started again", func(context.Context) bool {
		_, stderr, code := s.Starter("campaign", "extend", c.name, "--epochs", "1")
		require.True(t, code == 0 || strings.Contains(stderr, "its evals are still ending"), stderr)
		return code == 0
	})
	summary = finished(t, s, more.name)
	require.Equal(t, []int{3, 2, 1}, []int{summary.NTotal, summary.NPassed, summary.NCancelled})
	s.AwaitNoLease()
}

func TestBadCampaignsAreRefusedAndNothingRuns(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	samples := filepath.Join(t.TempDir(), "samples.jsonl")
	require.NoError(t, os.WriteFile(samples, []byte("{\"task_id\": \"s1\", \"completion\": \"true\"}\n{\"task_id\": \"s1\"\n"), 0o600))
	const good = `eval: {job: {steps: [{command: "{{.command}}"}]}}`
	cases := map[string]struct {
		campaign string
		flags    []string
		says     []string
	}{
		"a template names no field of the row": {`eval: {job: {steps: [{command: "{{.comand}}"}]}}`, nil, []string{"comand", `sample "s1"`, "the fields are"}},
		"the dataset is missing":               {good, []string{"--dataset", "/nowhere/rows.jsonl"}, []string{"/nowhere/rows.jsonl"}},
		"the dataset is missing in the store":  {good, []string{"--dataset", "store:nowhere/rows.jsonl"}, []string{"nowhere/rows.jsonl"}},
		"a samples row does not parse":         {good, []string{"--samples", samples}, []string{"samples", "2"}},
		"a sample is unknown":                  {good, []string{"--sample-ids", "s9"}, []string{"s9"}},
		"a field is unknown":                   {"evil: {}\n" + good, nil, []string{"evil"}},
		"a scorer is unknown":                  {good + "\n", []string{"--set", "eval.scorer.type=guess"}, []string{"scorer", "guess"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := writeCampaign(t, tc.campaign, commandRows("true")...)
			stdout, stderr, code := s.Starter(append([]string{"campaign", "start", file, "--wait"}, tc.flags...)...)
			require.Equal(t, 3, code, stdout+stderr)
			for _, word := range tc.says {
				require.Contains(t, stderr, word)
			}
			require.NotContains(t, stderr, "goroutine")
		})
	}
	require.Zero(t, s.Ledger().Created)
	s.AwaitNoLease()
}
