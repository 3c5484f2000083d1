//go:build linux

package nets

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"pitwall/activities"
	"pitwall/test/harness"
)

// The audit alone: the reaper's first half, without the second. After the reset of an eval its close no longer reaches the
// lease from before it. That the new run abandons that lease itself is off, because it is terminated before a worker is
// there; the deadline is a quarter of an hour away.
func TestAuditEndsALeaseFromBeforeAReset(t *testing.T) {
	t.Parallel()
	s := startUnreaped(t, harness.Options{})
	startScripts(t, s)
	run, sandbox := begun(t, s, "reset-audit")
	sibling, beside := begun(t, s, "sibling")
	lease := leaseOf(sandbox)
	s.Workers[0].Kill()
	resetAndTerminate(t, s, run)
	s.StartWorker()
	requireNoCancel(t, s, lease)
	require.Equal(t, running, status(t, s, lease))

	report := audit(t, s, "audit", 10*time.Minute)
	action, problem := actionOn(report, lease)
	require.Equal(t, "request cancel", action, "%+v", report)
	require.Empty(t, problem)
	requireRemovedBy(t, s, lease, "cancelled", sandbox.ID)

	requireNoCancel(t, s, leaseOf(beside))
	requireLives(t, s, beside.ID, "the sandbox of a living eval")
	terminate(t, s, activities.Execution{ID: sibling.GetID(), RunID: sibling.GetRunID()})
	s.AwaitGone(beside.ID)
	requireNoPass(t, s)
}

// A lease whose code cannot run holds its slot and its sandbox for ever, unless somebody else does what it should. The
// lease's own removal is off because no worker serves its workflow tasks; its eval lives, so nothing but the deadline says
// that it is over. Its sandboxes are found by their ids in its history: one of the two has neither its name nor its label.
func TestAuditReplacesALeaseWhoseCodeCannotRun(t *testing.T) {
	t.Parallel()
	s := startUnreaped(t, harness.Options{})
	startScripts(t, s)
	const deadline = 15 * time.Second
	_, sandbox := quick(t, s, "stuck", deadline)
	due := time.Now().Add(deadline)
	_, held := quick(t, s, "not-due", time.Hour)
	lease := leaseOf(sandbox)
	hidden := s.MakeSandbox("by-its-id-alone", nil)
	require.NoError(t, s.Temporal.SignalWorkflow(t.Context(), lease.ID, lease.RunID, activities.SignalCreated, activities.CreatedSignal{ID: hidden}))
	s.Workers[0].Kill()
	s.StartWorker("--queues", "cleanup")

	time.Sleep(time.Until(due.Add(2 * time.Second)))
	action, _ := actionOn(audit(t, s, "audit-early", 10*time.Minute), lease)
	require.Empty(t, action, "within the margin its code may still come")
	require.Equal(t, running, status(t, s, lease), "past its deadline and nothing happened: its code does not run")
	requireLives(t, s, sandbox.ID, "what no code guards")

	report := audit(t, s, "audit", time.Second)
	action, problem := actionOn(report, lease)
	require.Equal(t, "remove and terminate", action, "%+v", report)
	require.Empty(t, problem)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, status(t, s, lease), "its slot is free")
	s.AwaitGone(sandbox.ID)
	s.AwaitGone(hidden)
	require.Equal(t, running, status(t, s, leaseOf(held)))
	requireLives(t, s, held.ID, "the sandbox of a lease that is not due")
	requireNoPass(t, s)
}
