//go:build linux

package chaos

import (
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"pitwall/workflows"
)

// strike is something that happens to a running Pitwall while one call of the victim is held.
type strike struct {
	name string
	// applies to a boundary; nil: to all.
	applies func(b boundary) bool
	// workers of the stack; default 1.
	workers int
	// alone: the victim is started alone instead of as a trial of the campaign.
	alone bool
	// timeout of the victim's run.
	timeout time.Duration
	// hit strikes while the call is held; heal brings back what is down, after the call was let go.
	hit  func(r *run)
	heal func(r *run)
	// ends are the ways in which the victim may end. A score is asked of a completed one.
	ends []enumspb.WorkflowExecutionStatus
	// campaign likewise; nil: it completes.
	campaign []enumspb.WorkflowExecutionStatus
	// late: what is left may wait for the reaper.
	late bool
	// dies: the worker whose call is held is gone, so a call that the server has not heard of never arrives.
	dies bool
}

const (
	completed  = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	cancelled  = enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED
	terminated = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	timedOut   = enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT
)

func strikes() []strike {
	return []strike{
		{
			name: "worker-killed", dies: true, ends: ends(completed),
			hit:  func(r *run) { r.stack.Workers[0].Kill() },
			heal: func(r *run) { r.stack.StartWorker() },
		},
		{
			name: "worker-stopped", ends: ends(completed),
			hit:  func(r *run) { r.stack.Workers[0].Signal(syscall.SIGTERM) },
			heal: func(r *run) { r.stack.StartWorker(); r.stack.Workers[0].Stop() },
		},
		{
			name: "one-of-two-workers-killed", workers: 2, ends: ends(completed),
			hit: func(r *run) { r.stack.Workers[r.seed()%2].Kill() },
		},
		{
			name: "temporal-killed", ends: ends(completed),
			hit:  func(r *run) { r.stack.TemporalServer.Kill() },
			heal: func(r *run) { r.stack.StartTemporal() },
		},
		{
			name: "sandboxd-killed", ends: ends(completed),
			hit:  func(r *run) { r.stack.Sandboxd.Kill() },
			heal: func(r *run) { r.stack.StartSandboxd() },
		},
		{
			name: "cancelled", ends: ends(cancelled, completed),
			hit: func(r *run) { r.tolerate(r.stack.Temporal.CancelWorkflow(r.t.Context(), r.victim, "")) },
		},
		{
			name: "terminated", ends: ends(terminated, completed),
			hit: func(r *run) { r.tolerate(r.stack.Temporal.TerminateWorkflow(r.t.Context(), r.victim, "", "chaos")) },
		},
		{
			name: "run-timeout", alone: true, timeout: 20 * time.Second, ends: ends(timedOut, completed),
			hit: func(r *run) { r.awaitClosed(r.victim) },
			// The last call of all may be the one that is held: then it is in time.
			applies: func(b boundary) bool { return b.name != "eval-ended" },
		},
		{
			name: "reset-to-its-beginning", alone: true, late: true, ends: ends(completed),
			hit: func(r *run) { r.reset(r.victim, false) },
		},
		{
			name: "reset-to-its-latest-task", alone: true, late: true, ends: ends(completed),
			hit: func(r *run) { r.reset(r.victim, true) },
		},
		{
			name: "lease-terminated", late: true, ends: ends(completed), applies: hasLease,
			hit: terminateLease,
		},
		{
			name: "campaign-cancelled", ends: ends(cancelled, completed), campaign: ends(cancelled, completed),
			hit: func(r *run) {
				r.tolerate(r.stack.Temporal.CancelWorkflow(r.t.Context(), workflows.CampaignID(campaignName), ""))
			},
		},
		{
			name: "campaign-terminated", ends: ends(cancelled, completed), campaign: ends(terminated, completed),
			hit: func(r *run) {
				r.tolerate(r.stack.Temporal.TerminateWorkflow(r.t.Context(), workflows.CampaignID(campaignName), "", "chaos"))
			},
		},
	}
}

func ends(all ...enumspb.WorkflowExecutionStatus) []enumspb.WorkflowExecutionStatus { return all }

// hasLease: from the effect of the claim until the lease ends.
func hasLease(b boundary) bool {
	claim, end := pointNamed("claim"), pointNamed("lease-released")
	return b.order > claim && b.order < end || b.order == claim && b.side == after || b.order == end && b.side == before
}

func terminateLease(r *run) {
	id, runID, found := r.leaseOf(r.t.Context(), r.victim)
	require.True(r.t, found, "the victim has a lease")
	require.NoError(r.t, r.terminateLease(r.t.Context(), id, runID))
}

func execution(id, runID string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: id, RunId: runID}
}
