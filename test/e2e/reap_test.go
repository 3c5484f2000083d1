//go:build linux

package e2e

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/activities"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// With every worker dead an operator still sees each sandbox and each lease, what the reaper thinks of it and why; and
// the dry run touches nothing.
func TestDryRunExplainsEveryDecisionWithoutAWorker(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{WorkerEnv: []string{"PITWALL_REAPER_INTERVAL=24h"}})
	s.Run("held", harness.Command("sleep 600"))
	held := s.AwaitSandbox("held")
	abandoned := s.Run("abandoned", harness.Command("sleep 600"))
	left := s.AwaitSandbox("abandoned")
	s.Workers[0].Kill()
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), abandoned.GetID(), abandoned.GetRunID(), "test"))
	closed := s.Run("closed", harness.Command("true"))
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), closed.GetID(), closed.GetRunID(), "test"))

	past, future := time.Now().Add(-time.Hour).Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339)
	place := func(name, cluster, lease, run, expires string) string {
		labels := map[string]string{
			activities.LabelManagedBy: activities.ManagedBy, activities.LabelCluster: cluster, activities.LabelNamespace: s.Namespace,
			activities.LabelLease: lease, activities.LabelLeaseRun: run, activities.LabelExpiresAt: expires,
		}
		for key, value := range labels {
			if value == "" {
				delete(labels, key)
			}
		}
		return s.MakeSandbox(name, labels)
	}
	const nobody = "00000000-0000-4000-8000-000000000000"
	orphan := place("orphan", s.Cluster, closed.GetID(), closed.GetRunID(), future)
	expired := place("expired", s.Cluster, "sandbox-slot/x/0", nobody, past)
	unknown := place("unknown", s.Cluster, "sandbox-slot/x/0", nobody, future)
	unmarked := place("unmarked", s.Cluster, "", "", future)
	foreign := place("foreign", "another", "sandbox-slot/x/0", nobody, future)
	gone := place("foreign-expired", "another", "sandbox-slot/x/0", nobody, past)

	var report struct {
		DryRun bool `json:"dry_run"`
		workflows.ReaperResult
	}
	stdout, stderr, code := s.Starter("sandboxes", "reap", "--dry-run", "-o", "json")
	require.Equal(t, 0, code, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.True(t, report.DryRun)
	require.Equal(t, 8, report.Sandboxes.Seen)
	require.Equal(t, 2, report.Sandboxes.Held)
	require.Zero(t, report.Sandboxes.More)
	for id, want := range map[string]struct{ verdict, action, reason string }{
		held.ID:  {"held", "none", "is open since"},
		left.ID:  {"held", "none", "is open since"},
		orphan:   {"orphan", "remove", "is closed (terminated) since"},
		expired:  {"expired", "remove", "is unknown to Temporal, and it expired at"},
		unknown:  {"unknown", "none", "it may go after"},
		unmarked: {"unmarked", "none", "its labels name no lease"},
		foreign:  {"foreign", "none", `its label pitwall-cluster is "another"`},
		gone:     {"foreign", "none", `its label pitwall-cluster is "another"`},
	} {
		at := slices.IndexFunc(report.Sandboxes.Decisions, func(d activities.Decision) bool { return d.SandboxID == id })
		require.GreaterOrEqual(t, at, 0, "no word of %s", id)
		got := report.Sandboxes.Decisions[at]
		require.Equal(t, want.verdict, got.Verdict, "%+v", got)
		require.Equal(t, want.action, got.Action, "%+v", got)
		require.Contains(t, got.Reason, want.reason)
		require.False(t, got.ExpiresAt.IsZero())
		require.Nil(t, got.Removed)
	}
	require.Equal(t, 2, report.Leases.Open)
	verdicts := map[string]string{}
	for _, lease := range report.Leases.Findings {
		verdicts[lease.EvalID] = lease.Verdict
		require.False(t, lease.Deadline.IsZero())
		require.Equal(t, activities.ActionNone, lease.Action, "the eval's close reached it")
	}
	require.Equal(t, map[string]string{"held": activities.LeaseGuarding, "abandoned": activities.LeaseEnding}, verdicts)
	require.Len(t, s.Live(), 8, "nothing was touched")

	t.Run("in words", func(t *testing.T) {
		stdout, stderr, code := s.Starter("sandboxes", "reap", "--dry-run")
		require.Equal(t, 0, code, stderr)
		require.Contains(t, stdout, "8 sandboxes seen, 2 held by a lease")
		require.Contains(t, stdout, held.ID)
		require.Contains(t, stdout, "would be removed, to proof")
		require.Contains(t, stdout, "guarding: its eval held is open since")
	})
	t.Run("foreign", func(t *testing.T) { removesForeign(t, s, orphan, foreign, gone) })
	for _, sandbox := range s.Live() {
		require.NoError(t, s.Daytona.DeleteSandbox(t.Context(), sandbox.ID))
	}
}

// A sandbox of another Pitwall goes only when it is named by id and past its expiry.
func removesForeign(t *testing.T, s *harness.Stack, own, alive, expired string) {
	for _, wrong := range [][]string{{"--foreign"}, {"--id", expired}} {
		_, stderr, code := s.Starter(append([]string{"sandboxes", "reap"}, wrong...)...)
		require.Equal(t, 3, code, stderr)
	}
	stdout, stderr, code := s.Starter("sandboxes", "reap", "--foreign", "--id", expired, "--dry-run")
	require.Equal(t, 0, code, stdout+stderr)
	require.Contains(t, stdout, "would be removed, to proof")
	for id, why := range map[string]string{
		own: "it is of this cluster and namespace", alive: "it may go after", "foreign-expired": "give the id " + expired,
	} {
		stdout, stderr, code := s.Starter("sandboxes", "reap", "--foreign", "--id", id)
		require.Equal(t, 2, code, stdout+stderr)
		require.Contains(t, stdout, why)
	}
	require.Len(t, s.Live(), 8, "nothing was touched")
	stdout, stderr, code = s.Starter("sandboxes", "reap", "--foreign", "--id", expired)
	require.Equal(t, 0, code, stdout+stderr)
	require.Contains(t, stdout, "removed, confirmed by")
	require.Len(t, s.Live(), 7)
	_, stderr, code = s.Starter("sandboxes", "reap", "--foreign", "--id", expired)
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "404")
}
