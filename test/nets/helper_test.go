//go:build linux

package nets

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// startUnreaped starts a stack whose reaper runs no pass: its schedule is paused, and its interval is the longest there is,
// so that none was due before. The other nets that could interfere are far away: an eval's lease waits a quarter of an hour
// at least, the provider's clock longer than that.
func startUnreaped(t *testing.T, opt harness.Options) *harness.Stack {
	t.Helper()
	opt.WorkerEnv = append(opt.WorkerEnv, "PITWALL_REAPER_INTERVAL=24h")
	s := harness.Start(t, opt)
	if opt.Workers >= 0 { // a worker makes the schedule
		s.PauseReaper()
	}
	return s
}

// requireNoPass: the reaper had no part in what was seen.
func requireNoPass(t *testing.T, s *harness.Stack) {
	t.Helper()
	counted, err := s.Temporal.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: "WorkflowType = 'ReaperWorkflow'"})
	require.NoError(t, err)
	require.Zero(t, counted.GetCount(), "the reaper ran")
}

// sleeper is an eval whose job says that it runs, and then does nothing for longer than any test.
func sleeper() spec.EvalInput { return harness.Command("touch begun; sleep 900") }

// begun starts a sleeper and returns it with its sandbox when its job runs.
func begun(t *testing.T, s *harness.Stack, id string, options ...func(*client.StartWorkflowOptions)) (client.WorkflowRun, daytona.Sandbox) {
	t.Helper()
	start := client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}
	for _, option := range options {
		option(&start)
	}
	run, err := s.Temporal.ExecuteWorkflow(t.Context(), start, workflows.EvalWorkflow, sleeper())
	require.NoError(t, err)
	sandbox := s.AwaitSandbox(id)
	s.AwaitFile(sandbox, "/home/daytona/begun")
	return run, sandbox
}

// leaseOf a sandbox, as its labels say.
func leaseOf(sandbox daytona.Sandbox) activities.Execution {
	return activities.Execution{ID: sandbox.Labels[activities.LabelLease], RunID: sandbox.Labels[activities.LabelLeaseRun]}
}

// status of one run.
func status(t *testing.T, s *harness.Stack, run activities.Execution) enumspb.WorkflowExecutionStatus {
	t.Helper()
	described, err := s.Temporal.DescribeWorkflowExecution(t.Context(), run.ID, run.RunID)
	require.NoError(t, err)
	return described.GetWorkflowExecutionInfo().GetStatus()
}

const running = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING

// end waits for the end of a run, as long as for any condition, and returns what it came to.
func end(t *testing.T, run client.WorkflowRun, result any) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return run.Get(ctx, result)
}

// leaseEnd waits for a lease's end and returns what it came to.
func leaseEnd(t *testing.T, s *harness.Stack, lease activities.Execution) workflows.LeaseResult {
	t.Helper()
	var result workflows.LeaseResult
	require.NoError(t, end(t, s.Temporal.GetWorkflow(t.Context(), lease.ID, lease.RunID), &result), "of lease %s", lease.ID)
	return result
}

// requireRemovedBy: the lease's own removal, for this reason, proved exactly this sandbox gone.
func requireRemovedBy(t *testing.T, s *harness.Stack, lease activities.Execution, reason, sandboxID string) {
	t.Helper()
	result := leaseEnd(t, s, lease)
	require.Equal(t, reason, result.Reason)
	require.Len(t, result.Certificates, 1)
	require.Equal(t, sandboxID, result.Certificates[0].SandboxID)
	require.NotEmpty(t, result.Certificates[0].ConfirmedBy)
}

// requireNoCancel: nobody asked the lease to end.
func requireNoCancel(t *testing.T, s *harness.Stack, lease activities.Execution) {
	t.Helper()
	for _, event := range s.History(lease.ID, lease.RunID).GetEvents() {
		require.NotEqual(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, event.GetEventType(), "something asked the lease to end")
	}
}

// terminate ends a run; none of its code gets to say goodbye.
func terminate(t *testing.T, s *harness.Stack, run activities.Execution) {
	t.Helper()
	require.NoError(t, s.Temporal.TerminateWorkflow(t.Context(), run.ID, run.RunID, "test"))
}

// resetAndTerminate resets a run to its last completed workflow task, and terminates the run that comes of it before any
// code of it can run, for which the caller has ended every worker that could.
func resetAndTerminate(t *testing.T, s *harness.Stack, run client.WorkflowRun) {
	t.Helper()
	var last int64
	for _, event := range s.History(run.GetID(), run.GetRunID()).GetEvents() {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			last = event.GetEventId()
		}
	}
	old := activities.Execution{ID: run.GetID(), RunID: run.GetRunID()}
	answer, err := s.Temporal.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: old.ID, RunId: old.RunID},
		Reason: "test", WorkflowTaskFinishEventId: last, RequestId: uuid.NewString(),
	})
	require.NoError(t, err)
	require.NotEqual(t, running, status(t, s, old), "a reset closes the run it resets")
	terminate(t, s, activities.Execution{ID: old.ID, RunID: answer.GetRunId()})
}

// requireLives: the provider has it, by id.
func requireLives(t *testing.T, s *harness.Stack, sandboxID, what string) {
	t.Helper()
	sandbox, err := s.Daytona.GetSandbox(t.Context(), sandboxID)
	require.NoError(t, err, "%s was touched", what)
	require.True(t, sandbox.Started(), "%s is %s", what, sandbox.State)
}

// since reports how long ago a moment was, rounded for a test's log.
func since(began time.Time) time.Duration { return time.Since(began).Round(time.Millisecond) }
