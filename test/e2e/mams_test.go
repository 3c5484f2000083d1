//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/test/harness"
)

func template(t *testing.T, kind string) string {
	path, err := filepath.Abs(filepath.Join("../../examples/mams", kind+".yaml"))
	require.NoError(t, err)
	return path
}

// The templates of MAMS run as they stand, and leave what they promise; a sandbox carries its caller's ids.
func TestMAMSTemplates(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	for kind, kept := range map[string]string{
		spec.KindEvaluation: "transcript.json", spec.KindDataPrep: "clean.csv", spec.KindToolSimulation: "answers.json",
	} {
		t.Run(kind, func(t *testing.T) {
			stdout, stderr, code := s.Starter("run", template(t, kind), "-o", "json")
			require.Equal(t, 0, code, stderr)
			var result spec.EvalResult
			require.NoError(t, json.Unmarshal([]byte(stdout), &result))
			require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
			require.True(t, result.Score.Passed, "%+v", result.Job)
			require.Equal(t, kind, result.Effective.Kind)
			require.Equal(t, "session-42", result.Effective.SessionID)
			stored := map[string]string{}
			for _, artifact := range result.Artifacts {
				stored[filepath.Base(artifact.Path)] = artifact.Status
			}
			require.Equal(t, spec.ArtifactStored, stored[kept])
			require.Equal(t, spec.CleanupProven, result.Cleanup)
		})
	}
	require.Empty(t, s.Live())
	startByName(t, s)
	findByIDs(t, s)
}

// findByIDs finds evals by what their callers call them, whatever that holds.
func findByIDs(t *testing.T, s *harness.Stack) {
	const hostile = `x'; -- OR 1=1 ' AND (`
	in := harness.Command("exit 1")
	in.SessionID, in.NegotiationID = hostile, "negotiation-8"
	s.Result(s.Run("mams/hostile", in))
	find := func(flags ...string) []string {
		out, errOut, code := s.Starter(append([]string{"find", "-o", "json"}, flags...)...)
		require.Zero(t, code, errOut)
		var found []struct {
			EvalID string `json:"eval_id"`
			Status string `json:"status"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &found))
		ids := []string{}
		for _, eval := range found {
			ids = append(ids, eval.EvalID+" "+eval.Status)
		}
		return ids
	}
	s.Eventually("Temporal's list has the last eval's end", func(context.Context) bool { return len(find("--status", "failed")) > 0 })
	require.Equal(t, []string{"mams/hostile failed"}, find("--session", hostile))
	require.Equal(t, []string{"mams/hostile failed"}, find("--negotiation", "negotiation-8", "--kind", "evaluation"))
	require.Len(t, find("--session", "session-42"), 4)
	require.Equal(t, []string{"mams/session-42/negotiation-7/1 passed"}, find("--session", "session-42", "--kind", "evaluation", "--negotiation", "negotiation-7")[:1])
	require.Empty(t, find("--session", "session-42", "--status", "failed"))
	for problem, flags := range map[string][]string{"find what?": nil, "cannot be asked": {"--session", `a"b`}} {
		_, errOut, code := s.Starter(append([]string{"find"}, flags...)...)
		require.Equal(t, 3, code)
		require.Contains(t, errOut, problem)
	}
}

// startByName starts and reads an eval with nothing but Temporal's client, as docs/mams.md shows it.
func startByName(t *testing.T, s *harness.Stack) {
	options := client.StartWorkflowOptions{ID: "mams/session-42/negotiation-7/1", TaskQueue: "pitwall"}
	input := map[string]any{
		"kind": "evaluation", "session_id": "session-42", "negotiation_id": "negotiation-7",
		"job": map[string]any{"steps": []any{map[string]any{"command": "echo deal at 80"}}},
	}
	run, err := s.Temporal.ExecuteWorkflow(t.Context(), options, "EvalWorkflow", input)
	require.NoError(t, err)
	var result struct {
		Status string
		Score  *struct{ Passed bool }
		Error  *struct{ Origin, Type, Message string }
	}
	require.NoError(t, run.Get(t.Context(), &result))
	require.Equal(t, "completed", result.Status, "%+v", result.Error)
	require.True(t, result.Score.Passed)
}

// Switched off, Pitwall makes nothing new; what runs goes on to its end, and the reaper goes on removing.
func TestSwitchedOffWhatRunsGoesOn(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	run := s.Run("off/running", harness.Command("touch begun; sleep 3; echo done"))
	s.AwaitFile(s.AwaitSandbox("off/running"), "/home/daytona/begun")
	s.Workers[0].Kill()
	s.TellWorkers("DAYTONA_ENABLED=false")
	s.StartWorker()

	_, stderr, code := s.Starter("run", template(t, spec.KindToolSimulation))
	require.Equal(t, 3, code, stderr)
	require.Contains(t, stderr, "DAYTONA_ENABLED=false on this worker")
	refused := s.Run("off/refused", harness.Command("true"))
	require.ErrorContains(t, refused.Get(t.Context(), nil), "type: "+activities.ErrTypeDisabled+", retryable: false")

	result := s.Result(run)
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.Equal(t, "done\n", result.Job.Steps[0].Stdout.Tail)
	require.Equal(t, spec.CleanupProven, result.Cleanup)
	require.EqualValues(t, 1, s.Ledger().Created, "nothing was made but what ran before")

	ended := s.Run("off/ended", harness.Command("true"))
	require.Error(t, ended.Get(t.Context(), nil))
	orphan := s.MakeSandbox("orphan", map[string]string{
		activities.LabelManagedBy: activities.ManagedBy, activities.LabelCluster: s.Cluster, activities.LabelNamespace: s.Namespace,
		activities.LabelLease: ended.GetID(), activities.LabelLeaseRun: ended.GetRunID(), activities.LabelExpiresAt: "2000-01-01T00:00:00Z",
	})
	_, stderr, code = s.Starter("sandboxes", "reap")
	require.Equal(t, 0, code, stderr)
	s.AwaitGone(orphan)
	s.AwaitNoLease()
}
