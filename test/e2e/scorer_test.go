//go:build linux

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// judged is an eval whose judge compares the job's artifact and stdout with an answer that the job never sees.
func judged(command string) spec.EvalInput {
	in := harness.Command(command)
	in.Artifacts = []spec.ArtifactRule{{Path: "out/answer.txt"}}
	in.Scorer = &spec.Scorer{
		Type:    spec.ScorerCommand,
		Command: `cat hidden.txt; cmp hidden.txt artifacts/home/daytona/out/answer.txt && grep -q done streams/step-1.stdout && echo '{"value": 0.75}'`,
		Files:   []spec.File{{Path: "hidden.txt", Content: "forty-two\n"}},
	}
	return in
}

func TestCommandScorerJudgesInASandboxOfItsOwn(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	result := s.Result(s.Run("judged", judged("mkdir out; echo forty-two >out/answer.txt; echo done")))
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed, "%+v", result.Score)
	require.InDelta(t, 0.75, result.Score.Value, 0)

	sandboxes := result.Attempts[0].Sandboxes
	require.Len(t, sandboxes, 2)
	require.Equal(t, []string{"job", "scorer"}, []string{sandboxes[0].For, sandboxes[1].For})
	require.NotEqual(t, sandboxes[0].ID, sandboxes[1].ID)
	require.NotEqual(t, sandboxes[0].LeaseRun, sandboxes[1].LeaseRun)
	for _, use := range sandboxes {
		require.Equal(t, use.ID, use.Removal.SandboxID)
	}
	require.False(t, sandboxes[1].CreatedAt.Before(sandboxes[0].Removal.ConfirmedAt), "the judge's sandbox before the job's was gone")
	ledger := s.Ledger()
	require.Equal(t, int64(2), ledger.Created)
	require.Equal(t, 1, ledger.MaxLive, "no eval ever holds two")
	s.AwaitNoLease()
}

func TestCommandScorerThatSaysNoOrNothing(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	wrong := s.Run("wrong", judged("mkdir out; echo forty-three >out/answer.txt; echo done"))
	// What is judged may make its judge hang, or kill it: that must not be worth more than a wrong answer.
	hangs := judged("mkdir out; echo forty-two >out/answer.txt; echo done")
	hangs.Scorer.Command, hangs.Scorer.TimeLimit = "sleep 60", spec.Duration(time.Second)
	hanging := s.Run("hangs", hangs)
	killed := judged("mkdir out; echo forty-two >out/answer.txt; echo done")
	killed.Scorer.Command = "kill -9 -1; kill -9 $$"
	killing := s.Run("killed", killed)
	for name, run := range map[string]client.WorkflowRun{"wrong": wrong, "hangs": hanging, "killed": killing} {
		result := s.Result(run)
		require.Equal(t, spec.StatusCompleted, result.Status, "%s: %+v", name, result.Error)
		require.False(t, result.Score.Passed, name)
		require.Len(t, result.Attempts, 1, name)
	}
	require.Empty(t, s.Live())
}
