//go:build linux

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/test/recording"
	"pitwall/workflows"
)

// TestRecordedHistoriesReplay makes a history of every kind on the real thing and replays it with the code that made it,
// which finds what is not deterministic. With PITWALL_RECORD=SET it also stores each in workflows/testdata/replay/SET, where
// replay_test.go holds later code to it for good; what is there already is an error:
//
//	PITWALL_RECORD=SET go test ./test/e2e -run RecordedHistoriesReplay
func TestRecordedHistoriesReplay(t *testing.T) {
	r := recorder{t, harness.Start(t, harness.Options{})}
	t.Run("evals", func(t *testing.T) { recorder{t, r.s}.evals() })
	t.Run("reset evals", func(t *testing.T) { recorder{t, r.s}.resetEvals() })
	t.Run("ended evals", func(t *testing.T) { recorder{t, r.s}.endedEvals() })
	t.Run("broken evals", func(t *testing.T) { recorder{t, r.s}.brokenEvals() })
	t.Run("leases", func(t *testing.T) { recorder{t, r.s}.leases() })
	t.Run("campaigns", func(t *testing.T) { recorder{t, r.s}.campaigns() })
	t.Run("reaper", func(t *testing.T) { recorder{t, r.s}.reaper() })
	t.Run("retention", func(t *testing.T) { recorder{t, r.s}.retention() })
}

type recorder struct {
	t *testing.T
	s *harness.Stack
}

// keep replays one history, and stores it where that is asked for.
func (r recorder) keep(name, id, runID string) {
	r.t.Helper()
	history := r.s.History(id, runID)
	require.NoError(r.t, recording.Replay(history), name)
	if set := os.Getenv("PITWALL_RECORD"); set != "" {
		require.NoError(r.t, recording.Write(filepath.Join("..", "..", "workflows", "testdata", "replay"), set, name, history))
	}
}

func (r recorder) keepRun(name string, run client.WorkflowRun) {
	r.keep(name, run.GetID(), run.GetRunID())
}

func (r recorder) evals() {
	r.keepRun("eval-success", r.finished("r-success", harness.Command("echo hello")))
	scored := harness.Command(`mkdir out; echo '{"score": 1}' >out/a.json; echo x >out/b.txt`)
	scored.Artifacts = []spec.ArtifactRule{{Path: "out/*"}}
	scored.Scorer = &spec.Scorer{Type: spec.ScorerJSONFile, Path: "out/a.json"}
	r.keepRun("eval-artifacts-json-file", r.finished("r-artifacts", scored))
	r.keepRun("eval-command-scorer", r.finished("r-judged", judged("mkdir out; echo forty-two >out/answer.txt; echo done")))
	held := harness.Command("true")
	held.Hold = spec.Hold{Time: spec.Duration(time.Second), When: spec.WhenAlways}
	r.keepRun("eval-held", r.finished("r-held", held))
}

func (r recorder) finished(id string, in spec.EvalInput) client.WorkflowRun {
	r.t.Helper()
	run := r.s.Run(id, in)
	require.True(r.t, r.s.Result(run).Score.Passed)
	return run
}

// endedEvals are ended from outside; their leases remove what they guard, or are handed the proof.
func (r recorder) endedEvals() {
	ctx := r.t.Context()
	cancelled, _ := r.begun("r-cancel", 0)
	require.NoError(r.t, r.s.Temporal.CancelWorkflow(ctx, cancelled.GetID(), cancelled.GetRunID()))
	require.Error(r.t, cancelled.Get(ctx, nil))
	r.keepRun("eval-cancel", cancelled)

	terminated, lease := r.begun("r-terminate", 0)
	require.NoError(r.t, r.s.Temporal.TerminateWorkflow(ctx, terminated.GetID(), terminated.GetRunID(), "test"))
	r.keepRun("eval-terminate", terminated)
	r.keepLease("lease-cancelled", lease)

	timedOut, _ := r.begun("r-timeout", 8*time.Second)
	require.Error(r.t, timedOut.Get(ctx, nil))
	r.keepRun("eval-run-timeout", timedOut)

	refused := r.s.Run("r-refused", spec.EvalInput{})
	require.Error(r.t, refused.Get(ctx, nil))
	r.keepRun("eval-invalid-input", refused)
}

// begun starts an eval that sleeps, and returns it with its lease when its job runs.
func (r recorder) begun(id string, timeout time.Duration) (client.WorkflowRun, activities.Execution) {
	r.t.Helper()
	run, err := r.s.Temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue, WorkflowRunTimeout: timeout},
		workflows.EvalWorkflow, harness.Command("touch begun; sleep 600"))
	require.NoError(r.t, err)
	sandbox := r.s.AwaitSandbox(id)
	if timeout == 0 {
		r.s.AwaitFile(sandbox, "/home/daytona/begun")
	}
	return run, activities.Execution{ID: sandbox.Labels["pitwall-lease"], RunID: sandbox.Labels["pitwall-lease-run"]}
}

func (r recorder) keepLease(name string, lease activities.Execution) {
	r.t.Helper()
	require.NoError(r.t, r.s.Temporal.GetWorkflow(r.t.Context(), lease.ID, lease.RunID).Get(r.t.Context(), nil))
	r.keep(name, lease.ID, lease.RunID)
}

func (r recorder) brokenEvals() {
	ctx := r.t.Context()
	lost := r.s.Run("r-lost", harness.Command("touch begun; sleep 4"))
	sandbox := r.s.AwaitSandbox("r-lost")
	r.s.AwaitFile(sandbox, "/home/daytona/begun")
	require.NoError(r.t, r.s.Daytona.DeleteSandbox(ctx, sandbox.ID))
	require.Len(r.t, r.s.Result(lost).Attempts, 2)
	r.keepRun("eval-infra-retry", lost)

	orphaned := r.s.Run("r-lease-gone", harness.Command("touch begun; sleep 4"))
	sandbox = r.s.AwaitSandbox("r-lease-gone")
	r.s.AwaitFile(sandbox, "/home/daytona/begun")
	require.NoError(r.t, r.s.Temporal.TerminateWorkflow(ctx, sandbox.Labels["pitwall-lease"], sandbox.Labels["pitwall-lease-run"], "test"))
	require.Len(r.t, r.s.Result(orphaned).Attempts, 2)
	r.s.AwaitGone(sandbox.ID)
	r.keepRun("eval-lease-lost", orphaned)

	unknown := harness.Command("true")
	unknown.Sandbox.Snapshot = "no-such-snapshot"
	denied := r.s.Run("r-denied", unknown)
	require.Equal(r.t, activities.ErrTypeCreateRefused, r.s.Result(denied).Error.Type)
	r.keepRun("eval-create-refused", denied)
	r.keepLease("lease-refused", leaseOf(r.t, r.s.History(denied.GetID(), denied.GetRunID())))
}

// leaseOf finds the first lease that an eval started.
func leaseOf(t *testing.T, history *historypb.History) activities.Execution {
	t.Helper()
	for _, event := range history.GetEvents() {
		if started := event.GetChildWorkflowExecutionStartedEventAttributes(); started != nil {
			return activities.Execution{ID: started.GetWorkflowExecution().GetWorkflowId(), RunID: started.GetWorkflowExecution().GetRunId()}
		}
	}
	t.Fatal("the eval started no lease")
	return activities.Execution{}
}

func (r recorder) leases() {
	released := r.s.Result(r.s.Run("r-released", harness.Command("true"))).Attempts[0].Sandboxes[0]
	r.keepLease("lease-released", activities.Execution{ID: released.LeaseID, RunID: released.LeaseRun})

	// An eval's deadline is a quarter of an hour away at least; this lease has one of its own.
	ctx := r.t.Context()
	lease, id := r.lease("r-deadline", 3*time.Second)
	var ended workflows.LeaseResult
	require.NoError(r.t, lease.Get(ctx, &ended))
	require.Equal(r.t, "deadline", ended.Reason)
	require.Equal(r.t, id, ended.Certificates[0].SandboxID)
	r.keepRun("lease-deadline", lease)
}

func (r recorder) campaigns() {
	const template = `eval: {job: {steps: [{command: "{{.command}}", time_limit: 10m}]}}`
	_, code := r.s.RunCampaign(writeCampaign(r.t, template, commandRows("true", "exit 1", "echo three")...), "--name", "r-done")
	require.Equal(r.t, 0, code)
	r.keep("campaign", workflows.CampaignID("r-done"), "")
	r.keep("shard", workflows.ShardID("r-done", 0), "")
	r.keep("eval-trial", "eval/r-done/s2/1", "")

	c := campaignUnderTest{r.s, writeCampaign(r.t, template, commandRows("true", "touch begun; sleep 600", "sleep 600")...), "r-stopped"}
	c.start(r.t, "--max-parallel", "2")
	c.awaitResult("s1")
	r.s.AwaitFile(r.s.AwaitSandbox(c.evalID("s2")), "/home/daytona/begun")
	_, stderr, code := r.s.Starter("campaign", "cancel", c.name, "--wait")
	require.Equal(r.t, 0, code, stderr)
	r.keep("campaign-cancel", workflows.CampaignID("r-stopped"), "")
	r.keep("shard-cancel", workflows.ShardID("r-stopped", 0), "")
	r.terminatedCampaign(template)
	r.steeredCampaign(template)
}

// steeredCampaign is paused, told to run more at once, one of its trials cancelled, and resumed; another has no time left.
func (r recorder) steeredCampaign(template string) {
	c := campaignUnderTest{r.s, writeCampaign(r.t, template, commandRows("sleep 1", "true", "true", "true")...), "r-steered"}
	c.start(r.t, "--max-parallel", "1")
	for _, update := range [][]string{{"pause", c.name}, {"parallel", c.name, "3"}, {"cancel-trial", c.name, "s4"}, {"resume", c.name}} {
		_, stderr, code := r.s.Starter(append([]string{"campaign"}, update...)...)
		require.Equal(r.t, 0, code, stderr)
	}
	result := finished(r.t, r.s, c.name)
	require.Equal(r.t, []int{3, 1}, []int{result.NPassed, result.NCancelled})
	r.keep("campaign-steered", workflows.CampaignID(c.name), "")
	r.keep("shard-steered", workflows.ShardID(c.name, 0), "")

	file := writeCampaign(r.t, template+"\nbudget: {wall_time: 3s}\n", commandRows("sleep 600", "sleep 600")...)
	summary, _ := r.s.RunCampaign(file, "--name", "r-budget", "--max-parallel", "1")
	require.Equal(r.t, workflows.EndedBudget, summary.Ended)
	r.keep("campaign-budget", workflows.CampaignID("r-budget"), "")
	r.keep("shard-budget", workflows.ShardID("r-budget", 0), "")
}

// terminatedCampaign: its shard is asked to cancel, and writes its rows.
func (r recorder) terminatedCampaign(template string) {
	ctx := r.t.Context()
	c := campaignUnderTest{r.s, writeCampaign(r.t, template, commandRows("touch begun; sleep 600")...), "r-killed"}
	c.start(r.t, "--max-parallel", "1")
	r.s.AwaitFile(r.s.AwaitSandbox(c.evalID("s1")), "/home/daytona/begun")
	require.NoError(r.t, r.s.Temporal.TerminateWorkflow(ctx, workflows.CampaignID(c.name), "", "test"))
	r.keep("campaign-terminate", workflows.CampaignID(c.name), "")
	require.Error(r.t, r.s.Temporal.GetWorkflow(ctx, workflows.ShardID(c.name, 0), "").Get(ctx, nil))
	r.keep("shard-campaign-terminated", workflows.ShardID(c.name, 0), "")
}

// resetEvals go on in a new run, which gives up what the old one made; so does a lease that is reset itself.
func (r recorder) resetEvals() {
	ctx := r.t.Context()
	run := r.s.Run("r-reset", harness.Command("touch begun; sleep 4"))
	sandbox := r.s.AwaitSandbox("r-reset")
	r.s.AwaitFile(sandbox, "/home/daytona/begun")
	again := r.reset(run.GetID(), run.GetRunID())
	var result spec.EvalResult
	require.NoError(r.t, r.s.Temporal.GetWorkflow(ctx, run.GetID(), again).Get(ctx, &result))
	require.Equal(r.t, activities.ErrTypeEvalReset, result.Attempts[0].Error.Type)
	require.Equal(r.t, spec.StatusCompleted, result.Status)
	r.keep("eval-reset", run.GetID(), again)
	r.keepLease("lease-abandoned", activities.Execution{ID: sandbox.Labels["pitwall-lease"], RunID: sandbox.Labels["pitwall-lease-run"]})

	lease, id := r.lease("r-lease-reset", time.Hour)
	again = r.reset(lease.GetID(), lease.GetRunID())
	var ended workflows.LeaseResult
	require.NoError(r.t, r.s.Temporal.GetWorkflow(ctx, lease.GetID(), again).Get(ctx, &ended))
	require.Equal(r.t, "reset", ended.Reason)
	r.s.AwaitGone(id)
	r.keep("lease-reset", lease.GetID(), again)
}

// reset makes a new run that begins where the latest workflow task had ended.
func (r recorder) reset(id, runID string) string {
	r.t.Helper()
	var last int64
	for _, event := range r.s.History(id, runID).GetEvents() {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			last = event.GetEventId()
		}
	}
	answer, err := r.s.Temporal.ResetWorkflowExecution(r.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: runID},
		Reason: "test", WorkflowTaskFinishEventId: last, RequestId: uuid.NewString(),
	})
	require.NoError(r.t, err)
	return answer.GetRunId()
}

// lease starts a lease of its own, without an eval, and tells it of a sandbox.
func (r recorder) lease(name string, until time.Duration) (client.WorkflowRun, string) {
	r.t.Helper()
	ctx := r.t.Context()
	id := r.s.MakeSandbox(name, nil)
	lease, err := r.s.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: name, TaskQueue: workflows.TaskQueue}, workflows.SandboxLease,
		workflows.LeaseInput{LeaseFacts: activities.LeaseFacts{SandboxName: name, Deadline: time.Now().Add(until)}, Horizon: time.Second})
	require.NoError(r.t, err)
	require.NoError(r.t, r.s.Temporal.SignalWorkflow(ctx, lease.GetID(), lease.GetRunID(), activities.SignalCreated, activities.CreatedSignal{ID: id}))
	r.s.Eventually("lease "+name+" has read the signal", func(context.Context) bool {
		told, tasks := false, 0
		for _, event := range r.s.History(lease.GetID(), lease.GetRunID()).GetEvents() {
			switch event.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
				told, tasks = true, 0
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
				tasks++
			}
		}
		return told && tasks > 0
	})
	return lease, id
}

// Without a cache no task goes to the queue of the worker that had the workflow in memory, so each is sent with its whole
// history and replayed. Should that not be so, what the replay part of the tests shows is nothing.
func TestWorkerWithoutACacheReplaysAtEveryTask(t *testing.T) {
	for size, cached := range map[string]bool{"0": false, "100": true} {
		t.Run(size, func(t *testing.T) {
			s := harness.Start(t, harness.Options{WorkerEnv: []string{"PITWALL_WORKFLOW_CACHE=" + size}})
			run := s.Run("uncached", harness.Command("true"))
			require.Equal(t, spec.StatusCompleted, s.Result(run).Status)
			tasks, sticky := 0, 0
			for _, event := range s.History(run.GetID(), run.GetRunID()).GetEvents() {
				if task := event.GetWorkflowTaskScheduledEventAttributes(); task != nil {
					tasks++
					if task.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
						sticky++
					}
				}
			}
			require.Greater(t, tasks, 3)
			require.Equal(t, cached, sticky > 0, "%d of %d tasks were sticky", sticky, tasks)
		})
	}
}

func (r recorder) reaper() {
	run, err := r.s.Temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: "r-reap", TaskQueue: workflows.CleanupQueue}, workflows.ReaperWorkflow, workflows.ReaperInput{})
	require.NoError(r.t, err)
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	r.keepRun("reaper", run)
	require.Empty(r.t, r.s.Live())
}

func (r recorder) retention() {
	run, err := r.s.Temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: "r-retain", TaskQueue: workflows.CleanupQueue},
		workflows.RetentionWorkflow, workflows.RetentionInput{DryRun: true})
	require.NoError(r.t, err)
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	r.keepRun("retention", run)
}
