//go:build linux

package e2e

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// TestRecordedHistoriesReplay makes a history of every kind on the real thing and replays it with the code that made it,
// which finds what is not deterministic. With PITWALL_RECORD=1 it also writes each to workflows/testdata/replay, where
// replay_test.go holds later code to it:
//
//	PITWALL_RECORD=1 go test ./test/e2e -run RecordedHistoriesReplay
func TestRecordedHistoriesReplay(t *testing.T) {
	r := recorder{t, harness.Start(t, harness.Options{})}
	t.Run("evals", func(t *testing.T) { recorder{t, r.s}.evals() })
	t.Run("ended evals", func(t *testing.T) { recorder{t, r.s}.endedEvals() })
	t.Run("broken evals", func(t *testing.T) { recorder{t, r.s}.brokenEvals() })
	t.Run("leases", func(t *testing.T) { recorder{t, r.s}.leases() })
	t.Run("campaigns", func(t *testing.T) { recorder{t, r.s}.campaigns() })
	t.Run("reaper", func(t *testing.T) { recorder{t, r.s}.reaper() })
}

type recorder struct {
	t *testing.T
	s *harness.Stack
}

// keep replays one history, and stores it where that is asked for.
func (r recorder) keep(name, id, runID string) {
	r.t.Helper()
	history := r.s.History(id, runID)
	r.replay(name, history)
	if os.Getenv("PITWALL_RECORD") != "1" {
		return
	}
	data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	require.NoError(r.t, err)
	data = regexp.MustCompile(`,?"identity":"[^"]*"`).ReplaceAll(data, nil) // a host's name and a process
	dir := filepath.Join("..", "..", "workflows", "testdata", "replay")
	require.NoError(r.t, os.MkdirAll(dir, 0o755))
	require.NoError(r.t, os.WriteFile(filepath.Join(dir, name+".json"), append(data, '\n'), 0o644)) //nolint:gosec // a file of the project
}

func (r recorder) replay(name string, history *historypb.History) {
	r.t.Helper()
	replayer := worker.NewWorkflowReplayer()
	workflows.Register(replayer)
	require.NoError(r.t, replayer.ReplayWorkflowHistory(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history), name)
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
	id := r.s.MakeSandbox("r-deadline", nil)
	lease, err := r.s.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "r-deadline", TaskQueue: workflows.TaskQueue}, workflows.SandboxLease,
		workflows.LeaseInput{LeaseFacts: activities.LeaseFacts{SandboxName: "r-deadline", Deadline: time.Now().Add(3 * time.Second)}, Horizon: time.Second})
	require.NoError(r.t, err)
	require.NoError(r.t, r.s.Temporal.SignalWorkflow(ctx, lease.GetID(), lease.GetRunID(), activities.SignalCreated, activities.CreatedSignal{ID: id}))
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
}

func (r recorder) reaper() {
	run, err := r.s.Temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: "r-reap", TaskQueue: workflows.CleanupQueue}, workflows.ReaperWorkflow, workflows.ReaperInput{})
	require.NoError(r.t, err)
	require.NoError(r.t, run.Get(r.t.Context(), nil))
	r.keepRun("reaper", run)
	require.Empty(r.t, r.s.Live())
}
