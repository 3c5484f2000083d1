//go:build linux

package nets

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// scriptQueue is served by this process, for the workflows of this file. What they call are Pitwall's own lease and
// activities, on the queues of the real workers.
const scriptQueue = "nets"

func startScripts(t *testing.T, s *harness.Stack) worker.Worker {
	t.Helper()
	scripts := worker.New(s.Temporal, scriptQueue, worker.Options{})
	scripts.RegisterWorkflow(quickEval)
	scripts.RegisterWorkflow(auditOnce)
	scripts.RegisterWorkflow(reapOnce)
	require.NoError(t, scripts.Start())
	t.Cleanup(scripts.Stop)
	return scripts
}

// script runs one of this file's workflows.
func script(t *testing.T, s *harness.Stack, id string, code any, args ...any) client.WorkflowRun {
	t.Helper()
	run, err := s.Temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: scriptQueue}, code, args...)
	require.NoError(t, err)
	return run
}

// quickInput is the input of quickEval.
type quickInput struct {
	Slot int    `json:"slot"`
	Name string `json:"name"`
	// Deadline of the lease, from its start.
	Deadline time.Duration `json:"deadline"`
}

// quickEval is an eval reduced to its lease and its sandbox. An eval's deadline is a quarter of an hour away at least;
// this one's is what the test wants. It starts the lease just as an eval does, has the sandbox created, and waits.
func quickEval(ctx workflow.Context, in quickInput) error {
	info := workflow.GetInfo(ctx).WorkflowExecution
	now := workflow.Now(ctx)
	self := activities.Execution{ID: info.ID, RunID: info.RunID}
	facts := activities.LeaseFacts{Eval: self, SandboxName: in.Name, Deadline: now.Add(in.Deadline).UTC()}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	child := workflow.WithChildOptions(detached, workflow.ChildWorkflowOptions{
		WorkflowID: in.Name + "/lease", TaskQueue: workflows.TaskQueue, WaitForCancellation: true,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		Memo:              map[string]any{activities.MemoLeaseFacts: facts},
	})
	lease := workflow.ExecuteChildWorkflow(child, workflows.SandboxLease, workflows.LeaseInput{LeaseFacts: facts, Horizon: 2 * time.Minute})
	var execution workflow.Execution
	if err := lease.GetChildWorkflowExecution().Get(ctx, &execution); err != nil {
		return err
	}
	create := activities.CreateSandboxInput{
		Slot: in.Slot, Name: in.Name, Eval: self, Lease: activities.Execution{ID: execution.ID, RunID: execution.RunID},
		Sandbox: spec.Sandbox{Language: "python"}, TTL: 30 * time.Minute, ExpiresAt: now.Add(time.Hour).UTC(), SendUntil: now.Add(time.Minute).UTC(),
	}
	var sandboxes *activities.Sandboxes
	options := workflow.ActivityOptions{TaskQueue: workflows.TaskQueue, StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: 10 * time.Second}
	if err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), sandboxes.CreateSandbox, create).Get(ctx, nil); err != nil {
		return err
	}
	ctx.Done().Receive(ctx, nil)
	return ctx.Err()
}

// quick starts a quickEval and returns it with its sandbox.
func quick(t *testing.T, s *harness.Stack, name string, deadline time.Duration) (client.WorkflowRun, daytona.Sandbox) {
	t.Helper()
	run := script(t, s, name, quickEval, quickInput{Name: name, Deadline: deadline})
	return run, s.AwaitSandbox(name)
}

// reaping is how ReaperWorkflow calls its activities, but for the retries: a test wants to see an error.
func reaping(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: workflows.CleanupQueue, StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
}

// auditOnce is the reaper's first half alone, with a margin of the test's own.
func auditOnce(ctx workflow.Context, in activities.AuditLeasesInput) (report activities.AuditReport, err error) {
	var activity *activities.Reaping
	err = workflow.ExecuteActivity(reaping(ctx), activity.AuditLeases, in).Get(ctx, &report)
	return report, err
}

// reapOnce is its second half alone.
func reapOnce(ctx workflow.Context, in activities.ReapSandboxesInput) (report activities.ReapReport, err error) {
	var activity *activities.Reaping
	err = workflow.ExecuteActivity(reaping(ctx), activity.ReapSandboxes, in).Get(ctx, &report)
	return report, err
}

// audit runs one audit on the real worker; past deadline and margin a lease's code counts as unable to run.
func audit(t *testing.T, s *harness.Stack, id string, margin time.Duration) activities.AuditReport {
	t.Helper()
	var report activities.AuditReport
	run := script(t, s, id, auditOnce, activities.AuditLeasesInput{LeaseType: "SandboxLease", Margin: margin})
	require.NoError(t, end(t, run, &report))
	return report
}

// actionOn is what an audit did about one lease, and what went wrong with that; empty when it did nothing.
func actionOn(report activities.AuditReport, lease activities.Execution) (action, problem string) {
	for _, finding := range report.Findings {
		if finding.Lease == lease && finding.Action != "none" {
			return finding.Action, finding.Error
		}
	}
	return "", ""
}

// reap runs one pass over the sandboxes on the real worker, and returns what it decided by sandbox.
func reap(t *testing.T, s *harness.Stack, id string) (map[string]activities.Decision, error) {
	t.Helper()
	var report activities.ReapReport
	err := end(t, script(t, s, id, reapOnce, activities.ReapSandboxesInput{}), &report)
	decisions := map[string]activities.Decision{}
	for _, decision := range report.Decisions {
		decisions[decision.SandboxID] = decision
	}
	return decisions, err
}
