//go:build linux

package nets

import (
	"testing"
	"time"

	"pitwall/activities"
	"pitwall/test/harness"
)

// The reaper alone, started by its own schedule. Eval and lease are terminated while no worker runs, the lease first, so
// that it cannot act on the eval's end; nobody comes into the slot; the provider's clock is half an hour away.
func TestReaperRemovesWhatATerminatedLeaseAndItsDeadEvalLeft(t *testing.T) {
	t.Parallel()
	s := startUnreaped(t, harness.Options{})
	_, living := begun(t, s, "living")
	run, sandbox := begun(t, s, "both-dead")
	s.Workers[0].Kill()
	terminate(t, s, leaseOf(sandbox))
	terminate(t, s, activities.Execution{ID: run.GetID(), RunID: run.GetRunID()})
	s.StartWorker()
	requireNoPass(t, s)
	requireLives(t, s, sandbox.ID, "an orphan without a reaper")

	const interval = 3 * time.Second
	began := time.Now()
	s.RunReaperEvery(interval)
	s.AwaitGone(sandbox.ID)
	t.Logf("gone %s after the reaper came back, at an interval of %s", since(began), interval)
	requireLives(t, s, living.ID, "the sandbox of a living eval")
}
