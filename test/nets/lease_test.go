//go:build linux

package nets

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/test/harness"
)

// The lease alone. The eval's own removal is off because none of its code runs after a terminate or a timeout; the reaper
// is off; no other eval comes into the slot, so the name catches nothing; the clocks of provider and job are minutes away.

func TestLeaseRemoves(t *testing.T) {
	t.Parallel()
	s := startUnreaped(t, harness.Options{})
	t.Run("after a terminate of the eval", func(t *testing.T) {
		run, sandbox := begun(t, s, "terminated")
		began := time.Now()
		terminate(t, s, activities.Execution{ID: run.GetID(), RunID: run.GetRunID()})
		requireRemovedBy(t, s, leaseOf(sandbox), "cancelled", sandbox.ID)
		t.Logf("proven gone after %s", since(began))
	})
	t.Run("after the run timeout of the eval", func(t *testing.T) {
		run, sandbox := begun(t, s, "timed-out", func(o *client.StartWorkflowOptions) { o.WorkflowRunTimeout = 20 * time.Second })
		require.ErrorContains(t, end(t, run, nil), "timeout")
		began := time.Now()
		requireRemovedBy(t, s, leaseOf(sandbox), "cancelled", sandbox.ID)
		t.Logf("proven gone after %s", since(began))
	})
	require.Empty(t, s.Live())
	requireNoPass(t, s)
}

// After a reset a parent's close no longer reaches the lease, and nothing asks it to end: its deadline is what is left.
// Everything of the eval is dead: its worker is gone before the reset, and the new run is terminated before there is one.
func TestLeaseRemovesAtItsDeadlineAfterAReset(t *testing.T) {
	t.Parallel()
	s := startUnreaped(t, harness.Options{})
	scripts := startScripts(t, s)
	const deadline = 25 * time.Second
	began := time.Now()
	run, sandbox := quick(t, s, "reset-deadline", deadline)
	lease := leaseOf(sandbox)
	scripts.Stop()
	resetAndTerminate(t, s, run)
	require.Equal(t, running, status(t, s, lease), "the lease does not hear of it")

	requireRemovedBy(t, s, lease, "deadline", sandbox.ID)
	require.Greater(t, time.Since(began), deadline)
	requireNoCancel(t, s, lease)
	requireNoPass(t, s)
	require.Empty(t, s.Live())
}
