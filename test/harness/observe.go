//go:build linux

package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	return nil
}

// Run starts an eval.
func (s *Stack) Run(id string, in spec.EvalInput) client.WorkflowRun {
	s.t.Helper()
	run, err := s.Temporal.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, workflows.EvalWorkflow, in)
	require.NoError(s.t, err)
	return run
}

// Result waits for an eval and returns what it came to.
func (s *Stack) Result(run client.WorkflowRun) spec.EvalResult {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Minute)
	defer cancel()
	var result spec.EvalResult
	require.NoError(s.t, run.Get(ctx, &result))
	return result
}

// Command makes an eval of one shell step.
func Command(command string) spec.EvalInput {
	return spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Command: command}}}}
}

// Live lists the sandboxes that the provider knows.
func (s *Stack) Live() []daytona.Sandbox {
	s.t.Helper()
	var live []daytona.Sandbox
	for sandbox, err := range s.Daytona.ListSandboxes(s.t.Context(), daytona.ListOptions{}) {
		require.NoError(s.t, err)
		live = append(live, sandbox)
	}
	return live
}

// AwaitSandbox waits until an eval's job runs in a sandbox, and returns that.
func (s *Stack) AwaitSandbox(evalID string) daytona.Sandbox {
	s.t.Helper()
	var found daytona.Sandbox
	s.Eventually("eval "+evalID+" has a sandbox", func(context.Context) bool {
		for _, sandbox := range s.Live() {
			if sandbox.Labels["pitwall-eval"] == evalID && sandbox.Started() {
				found = sandbox
				return true
			}
		}
		return false
	})
	return found
}

// AwaitFile waits until a file stands in a sandbox: a job's word of how far it is.
func (s *Stack) AwaitFile(sandbox daytona.Sandbox, path string) {
	s.t.Helper()
	s.Eventually(path+" stands in the sandbox", func(ctx context.Context) bool {
		_, err := s.Daytona.Toolbox(sandbox).Info(ctx, path)
		return err == nil
	})
}

// AwaitGone waits until the provider denies a sandbox by id, and returns how long that took.
func (s *Stack) AwaitGone(id string) time.Duration {
	s.t.Helper()
	began := time.Now()
	s.Eventually("sandbox "+id+" is gone", func(ctx context.Context) bool {
		_, err := s.Daytona.GetSandbox(ctx, id)
		return errors.Is(err, daytona.ErrNotFound)
	})
	return time.Since(began)
}

// AwaitNoLease waits until every slot is free.
func (s *Stack) AwaitNoLease() {
	s.t.Helper()
	s.Eventually("no lease is open", func(ctx context.Context) bool { return s.OpenLeases(ctx) == 0 })
}

// OpenLeases counts the running leases.
func (s *Stack) OpenLeases(ctx context.Context) int {
	page, err := s.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'SandboxLease' AND ExecutionStatus = 'Running'"})
	if err != nil {
		return -1
	}
	open := 0
	for _, info := range page.GetExecutions() {
		described, err := s.Temporal.DescribeWorkflowExecution(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId())
		if err == nil && described.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			open++
		}
	}
	return open
}

// Starter runs the command line against this stack. It returns stdout, stderr and the exit code.
func (s *Stack) Starter(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	return s.StarterWith(nil, args...)
}

// StarterWith is Starter with more in its environment.
func (s *Stack) StarterWith(env []string, args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "starter"), args...)
	cmd.Env = append(s.ClientEnv(), env...)
	cmd.Dir = moduleRoot(s.t)
	var out, problems limitedBuffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(s.t, err)
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

// limitedBuffer keeps the first 16 MiB of a program's output.
type limitedBuffer struct{ data []byte }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := 16<<20 - len(b.data); room > 0 {
		b.data = append(b.data, p[:min(len(p), room)]...)
	}
	return len(p), nil
}

func (b *limitedBuffer) String() string { return string(b.data) }

// MakeSandbox creates a sandbox that no eval asked for, and returns its id.
func (s *Stack) MakeSandbox(name string, labels map[string]string) string {
	s.t.Helper()
	sandbox, err := s.Daytona.CreateSandbox(s.t.Context(), daytona.CreateRequest{Name: name, Labels: labels})
	require.NoError(s.t, err)
	return sandbox.ID
}

// ClosedLeaseRun runs an eval to its end and returns a lease run that is closed.
func (s *Stack) ClosedLeaseRun(leaseID string) string {
	s.t.Helper()
	run, err := s.Temporal.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: leaseID + "/closed", TaskQueue: workflows.TaskQueue},
		workflows.SandboxLease, workflows.LeaseInput{LeaseFacts: activities.LeaseFacts{SandboxName: "never-made"}})
	require.NoError(s.t, err)
	require.NoError(s.t, run.Get(s.t.Context(), nil))
	return run.GetRunID()
}
