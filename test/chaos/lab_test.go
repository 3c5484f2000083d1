//go:build linux

package chaos

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
	"pitwall/test/faultproxy"
	"pitwall/test/harness"
	"pitwall/test/temporalproxy"
	"pitwall/workflows"
)

const (
	// slots is N of every case: two, so that the victim never has the bound to itself.
	slots = 2
	// horizon is the least that Pitwall takes.
	horizon = time.Minute
	// reaperInterval is short, so that what only the reaper catches is waited for within a case.
	reaperInterval = 10 * time.Second
	campaignName   = "c"
	// patience bounds every wait: the horizon, the 60 s that an eval waits for proof, and a loaded machine.
	patience = 4 * time.Minute
)

// lab is the stack of one case, with the two proxies and the traces that jobs left.
type lab struct {
	t        *testing.T
	stack    *harness.Stack
	temporal *temporalproxy.Proxy
	daytona  *faultproxy.Proxy
	slots    int
	// patience bounds every wait for a condition.
	patience time.Duration

	mu       sync.Mutex
	launches map[string]int // by sandbox ID: how often its job says that it was started
	boxes    map[string]box // by sandbox ID
	// ended holds when a test terminated the lease of a run: what that lease guarded is beyond the bound from then on.
	ended map[string]time.Time
	// resets of each eval.
	resets map[string]int
}

// box is what a sandbox was made for.
type box struct{ eval, leaseRun string }

type labOptions struct {
	workers   int
	slots     int
	workerEnv []string
}

func newLab(t *testing.T, opt labOptions) *lab {
	t.Helper()
	l := &lab{t: t, patience: patience, launches: map[string]int{}, boxes: map[string]box{}, ended: map[string]time.Time{}, resets: map[string]int{}}
	if opt.slots == 0 {
		opt.slots = slots
	}
	l.slots = opt.slots
	env := append([]string{"PITWALL_CREATE_HORIZON=" + horizon.String(), "PITWALL_REAPER_INTERVAL=" + reaperInterval.String()}, opt.workerEnv...)
	l.stack = harness.Start(t, harness.Options{
		Slots: opt.slots, Workers: opt.workers, WorkerEnv: env,
		FrontDaytona: l.frontDaytona, FrontTemporal: l.frontTemporal,
	})
	return l
}

func (l *lab) frontTemporal(server string) string {
	proxy, err := temporalproxy.Start(server)
	require.NoError(l.t, err)
	l.t.Cleanup(proxy.Close)
	l.temporal = proxy
	return proxy.Address()
}

func (l *lab) frontDaytona(server string) string {
	proxy, err := faultproxy.New(server, faultproxy.Script{})
	require.NoError(l.t, err)
	l.daytona = proxy
	proxy.Observe(faultproxy.Before, l.readTrace)
	proxy.Observe(faultproxy.After, l.noteCreate)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(l.t, err)
	serving := &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
	go func() { _ = serving.Serve(listener) }()
	l.t.Cleanup(func() {
		proxy.Close()
		_ = serving.Close()
	})
	return "http://" + listener.Addr().String()
}

// noteCreate remembers which eval a sandbox was made for.
func (l *lab) noteCreate(_ context.Context, request faultproxy.Request, _ int) {
	if request.Call != faultproxy.Create || request.SandboxID == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.boxes[request.SandboxID] = box{request.Labels["pitwall-eval"], request.Labels["pitwall-lease-run"]}
}

// traceFile is where every job of this package writes a line as its first act.
const traceFile = "/home/daytona/starts"

// readTrace looks, before a sandbox is removed, how often its job was started. It asks the sandbox server, past the proxy.
func (l *lab) readTrace(ctx context.Context, request faultproxy.Request, _ int) {
	if request.Call != faultproxy.Delete || request.SandboxID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	sandbox, err := l.stack.Daytona.GetSandbox(ctx, request.SandboxID)
	if err != nil || !sandbox.Started() {
		return
	}
	body, _, err := l.stack.Daytona.Toolbox(sandbox).Download(ctx, traceFile, 0, 4096)
	if err != nil {
		return // no job was started there
	}
	defer body.Close()
	text, _ := io.ReadAll(body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.launches[request.SandboxID] = max(l.launches[request.SandboxID], strings.Count(string(text), "start"))
}

// doubleLaunches are the sandboxes whose job was started more than once.
func (l *lab) doubleLaunches() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var double []string
	for id, times := range l.launches {
		if times > 1 {
			double = append(double, fmt.Sprintf("%s: %d times", id, times))
		}
	}
	return double
}

// Jobs of a case. The victim's is long enough to be waited for with a second call.
const (
	victimJob    = "echo start >>starts; echo begun; sleep 2.5; echo kept >kept.txt; echo done"
	companionJob = "echo start >>starts; sleep 0.3; echo done"
)

func job(command string) spec.EvalInput {
	return spec.EvalInput{
		Job:       spec.Job{Steps: []spec.Step{{Name: "main", Command: command, TimeLimit: spec.Duration(2 * time.Minute)}}},
		Artifacts: []spec.ArtifactRule{{Path: "kept.txt", When: spec.WhenAlways}},
	}
}

// startCampaign starts a campaign whose samples are named after their jobs.
func (l *lab) startCampaign(jobs map[string]string, order ...string) client.WorkflowRun {
	l.t.Helper()
	var rows strings.Builder
	for _, name := range order {
		fmt.Fprintf(&rows, "{\"id\": %q, \"command\": %q}\n", name, jobs[name])
	}
	blob, err := l.stack.Store.PutBlob(l.t.Context(), strings.NewReader(rows.String()), int64(rows.Len()))
	require.NoError(l.t, err)
	in := spec.CampaignInput{
		Name:    campaignName,
		Dataset: spec.Dataset{Format: spec.FormatJSONL, URI: blob.URI},
		Eval:    spec.EvalTemplate(job("{{.command}}")),
	}
	run, err := l.stack.Temporal.ExecuteWorkflow(l.t.Context(), client.StartWorkflowOptions{ID: workflows.CampaignID(campaignName), TaskQueue: workflows.TaskQueue}, workflows.CampaignWorkflow, in)
	require.NoError(l.t, err)
	return run
}

// startEval starts an eval alone.
func (l *lab) startEval(id, command string, timeout time.Duration) client.WorkflowRun {
	l.t.Helper()
	run, err := l.stack.Temporal.ExecuteWorkflow(l.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue, WorkflowRunTimeout: timeout}, workflows.EvalWorkflow, job(command))
	require.NoError(l.t, err)
	return run
}

// closed asks Temporal how the latest run of a workflow ended, and when. Running: it has not.
func (l *lab) closed(ctx context.Context, id string) (status enumspb.WorkflowExecutionStatus, runID string, at time.Time, err error) {
	described, err := l.stack.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return 0, "", time.Time{}, err
	}
	info := described.GetWorkflowExecutionInfo()
	return info.GetStatus(), info.GetExecution().GetRunId(), info.GetCloseTime().AsTime(), nil
}

// awaitClosed waits until a workflow's latest run has ended.
func (l *lab) awaitClosed(id string) (enumspb.WorkflowExecutionStatus, string, time.Time) {
	l.t.Helper()
	var status enumspb.WorkflowExecutionStatus
	var runID string
	var at time.Time
	l.eventually(id+" has ended", func(ctx context.Context) bool {
		var err error
		status, runID, at, err = l.closed(ctx, id)
		return err == nil && status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	})
	return status, runID, at
}

// eventually waits for a condition, within patience.
func (l *lab) eventually(what string, met func(ctx context.Context) bool) {
	l.t.Helper()
	deadline := time.Now().Add(l.patience)
	for time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		ok := met(ctx)
		cancel()
		if ok {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	l.t.Fatalf("it never came that %s", what)
}

// terminateLease ends a lease by force.
func (l *lab) terminateLease(ctx context.Context, id, runID string) error {
	l.mu.Lock()
	l.ended[runID] = time.Now()
	l.mu.Unlock()
	return l.stack.Temporal.TerminateWorkflow(ctx, id, runID, "chaos") //nolint:wrapcheck // the caller's own words
}

// leaseOf finds the open lease that guards an eval; false when there is none.
func (l *lab) leaseOf(ctx context.Context, evalID string) (id, runID string, found bool) {
	for slot := range l.slots {
		leaseID := l.stack.LeaseID(slot)
		described, err := l.stack.Temporal.DescribeWorkflowExecution(ctx, leaseID, "")
		if err != nil || described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			continue
		}
		if described.GetWorkflowExecutionInfo().GetParentExecution().GetWorkflowId() == evalID {
			return leaseID, described.GetWorkflowExecutionInfo().GetExecution().GetRunId(), true
		}
	}
	return "", "", false
}

// reset gives an eval a new run that begins where its first, or its latest, workflow task ended.
func (l *lab) reset(evalID string, latest bool) {
	l.t.Helper()
	history := l.stack.History(evalID, "")
	var at int64
	for _, event := range history.GetEvents() {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			if at == 0 || latest {
				at = event.GetEventId()
			}
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
			if at == 0 {
				at = event.GetEventId()
			}
		}
	}
	require.NotZero(l.t, at)
	l.resets[evalID]++
	_, err := l.stack.Temporal.ResetWorkflowExecution(l.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 "default",
		WorkflowExecution:         execution(evalID, ""),
		Reason:                    "chaos",
		WorkflowTaskFinishEventId: at,
		RequestId:                 fmt.Sprintf("reset-%d", time.Now().UnixNano()),
	})
	require.NoError(l.t, err)
}
