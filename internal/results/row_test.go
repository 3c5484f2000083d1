package results_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"pitwall/internal/results"
	"pitwall/internal/spec"
)

func ptr[T any](v T) *T { return &v }

func TestRow(t *testing.T) {
	start := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	first := spec.SandboxUse{For: "job", Name: "one", Removal: &spec.Certificate{SandboxID: "1", SandboxSeconds: 2}}
	second := spec.SandboxUse{For: "job", Name: "two", Removal: &spec.Certificate{SandboxID: "2", SandboxSeconds: 3}}
	judge := spec.SandboxUse{For: "scorer", Name: "three"}
	job := spec.JobResult{DurationMS: 700, Steps: []spec.StepResult{
		{Name: "setup", ExitCode: ptr(0)}, {Name: "main", TimedOut: true}, {Name: "after", ExitCode: ptr(0)},
	}}
	result := spec.EvalResult{
		Trial: &spec.Trial{Campaign: "c", Sample: "s", Epoch: 2, Category: "k"}, EvalID: "e", RunID: "r",
		Status: spec.StatusCompleted, Score: &spec.Score{Value: 0.5}, Job: &job, Cleanup: spec.CleanupPending,
		Attempts:  []spec.Attempt{{WaitMS: 10, Sandboxes: []spec.SandboxUse{first}}, {WaitMS: 5, Sandboxes: []spec.SandboxUse{second, judge}}},
		StartedAt: start, FinishedAt: start.Add(1500 * time.Millisecond), ResultURI: "store:x",
		Artifacts: []spec.Artifact{{Path: "p"}},
	}
	want := spec.TrialRow{
		Campaign: "c", SampleID: "s", Epoch: 2, Category: "k", Status: spec.StatusCompleted, Passed: ptr(false), Score: ptr(0.5),
		TimedOut: true, Attempts: 2, Timings: spec.Timings{TotalMS: 1500, WaitMS: 15, JobMS: 700},
		Sandbox: &second, Removal: second.Removal, Cleanup: spec.CleanupPending, SandboxSeconds: 5,
		Artifacts: []spec.Artifact{{Path: "p"}}, EvalID: "e", RunID: "r", ResultURI: "store:x", DatasetSHA256: "d",
	}
	require.Empty(t, cmp.Diff(want, results.Row(result, "d")))
}

func TestRowOfAnErrorHasNoScore(t *testing.T) {
	row := results.Row(spec.EvalResult{
		Status: spec.StatusError, Error: &spec.EvalError{Origin: spec.OriginInfra}, Score: &spec.Score{Value: 1, Passed: true},
		Attempts: []spec.Attempt{{}},
	}, "")
	require.Nil(t, row.Passed)
	require.Nil(t, row.Score)
	require.Nil(t, row.Sandbox)
	require.Nil(t, row.ExitCode)
}

func TestRowsExitCodeIsThatOfTheDecidingStep(t *testing.T) {
	for _, test := range []struct {
		steps []spec.StepResult
		want  *int
	}{
		{nil, nil},
		{[]spec.StepResult{{ExitCode: ptr(0)}}, ptr(0)},
		{[]spec.StepResult{{ExitCode: ptr(3)}, {ExitCode: ptr(0)}}, ptr(3)},
		{[]spec.StepResult{{ExitCode: ptr(0)}, {ExitCode: ptr(137), Limit: "memory"}}, ptr(137)},
		{[]spec.StepResult{{ExitCode: ptr(0)}, {}}, nil},
	} {
		row := results.Row(spec.EvalResult{Job: &spec.JobResult{Steps: test.steps}}, "")
		require.Empty(t, cmp.Diff(test.want, row.ExitCode))
	}
}
