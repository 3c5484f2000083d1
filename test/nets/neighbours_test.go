//go:build linux

package nets

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// Two Temporal servers, each with a worker and a reaper, share one sandbox server and one key: their slots and leases have
// the same IDs. Neither reaper touches what is the other's, held or orphaned; only the other does.
func TestReapersOfTwoTemporalServersLeaveEachOtherAlone(t *testing.T) {
	t.Parallel()
	first := startUnreaped(t, harness.Options{Slots: 1})
	second := first.StartBeside()
	second.PauseReaper()
	require.NotEqual(t, first.Cluster, second.Cluster)
	ours, theirs := settle(t, first, "ours"), settle(t, second, "theirs")
	require.Equal(t, ours.held.Labels[activities.LabelLease], theirs.held.Labels[activities.LabelLease])
	require.NotEqual(t, ours.held.Name, theirs.held.Name)

	report := reapAll(t, first)
	require.Equal(t, 1, report.Sandboxes.Held)
	first.AwaitGone(ours.orphan)
	requireLives(t, first, theirs.orphan, "another server's orphan")
	reapAll(t, second)
	second.AwaitGone(theirs.orphan)
	for _, party := range []party{ours, theirs} {
		requireLives(t, first, party.held.ID, "a held sandbox")
	}
	require.Len(t, first.Live(), 2)
	require.Equal(t, running, status(t, first, leaseOf(ours.held)))
	require.Equal(t, running, status(t, second, leaseOf(theirs.held)))
}

// party is what one of the servers has at the provider.
type party struct {
	held   daytona.Sandbox
	orphan string
}

func settle(t *testing.T, s *harness.Stack, eval string) party {
	t.Helper()
	_, held := begun(t, s, eval)
	left := labels(s, closedLease(s, leaseOf(held).ID))
	left[activities.LabelExpiresAt] = ago(time.Hour) // also where its lease is unknown, its label is all that keeps it
	return party{held, s.MakeSandbox("orphan-"+eval, left)}
}

// reapAll runs one whole pass.
func reapAll(t *testing.T, s *harness.Stack) workflows.ReaperResult {
	t.Helper()
	run, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "by-hand", TaskQueue: workflows.CleanupQueue}, workflows.ReaperWorkflow, workflows.ReaperInput{})
	require.NoError(t, err)
	var result workflows.ReaperResult
	require.NoError(t, end(t, run, &result))
	return result
}
