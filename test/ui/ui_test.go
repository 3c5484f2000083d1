//go:build linux

package ui

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"pitwall/test/harness"
	"pitwall/workflows"
)

const (
	// installBound: one package, 14 MB.
	installBound = 5 * time.Minute
	// runBound: the browser's tests take some 40 s on a quiet machine.
	runBound = 10 * time.Minute
)

// PITWALL_TEST_PICTURES names a folder for pictures of what a person sees.
func TestTemporalUIIsTheConsole(t *testing.T) {
	for _, program := range []string{"node", "npm", "chromium"} {
		need(t, program)
	}
	stack := harness.Start(t, harness.Options{UI: true, Slots: 1})
	links := linksOfDoctor(t, stack)
	command(t, installBound, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	env := []string{"LINKS=" + links, "PICTURES=" + os.Getenv("PITWALL_TEST_PICTURES")}
	command(t, runBound, env, "node", "--test", "--test-timeout=540000", "--test-reporter=spec", "console.test.mjs")
	t.Run("leaked", func(t *testing.T) { leaked(t, stack) })
	t.Run("summaries", func(t *testing.T) { summaries(t, stack) })
}

// linksOfDoctor are the addresses that a person is given, as JSON: name to URL.
func linksOfDoctor(t *testing.T, stack *harness.Stack) string {
	t.Helper()
	stdout, stderr, _ := stack.StarterWith([]string{"PITWALL_UI_URL=" + stack.UIURL()}, "doctor", "-o", "json")
	var report struct {
		Findings []struct{ Name, Status, Detail string } `json:"findings"`
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &report), stderr)
	links := map[string]string{"base": stack.UIURL()}
	for _, found := range report.Findings {
		if name, isLink := strings.CutPrefix(found.Name, "ui: "); isLink {
			links[name] = found.Detail
		}
	}
	require.Len(t, links, 7, "%v", links)
	data, err := json.Marshal(links)
	require.NoError(t, err)
	return string(data)
}

// leaked: an eval is terminated while the provider answers nobody, so its sandbox is listed until it is proven gone.
func leaked(t *testing.T, stack *harness.Stack) {
	ctx := t.Context()
	running, err := stack.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "ui/leaked", TaskQueue: workflows.TaskQueue},
		workflows.EvalWorkflow, harness.Command("sleep 120"))
	require.NoError(t, err)
	// Before its lease knows the sandbox, it would be looked for until the create horizon.
	require.Eventually(t, func() bool {
		var progress workflows.EvalProgress
		answer, err := stack.Temporal.QueryWorkflow(ctx, running.GetID(), "", workflows.ProgressQuery)
		return err == nil && answer.Get(&progress) == nil && progress.Phase == "running"
	}, 2*time.Minute, 100*time.Millisecond)
	stack.Sandboxd.Signal(syscall.SIGSTOP)
	require.NoError(t, stack.Temporal.TerminateWorkflow(ctx, running.GetID(), "", "to see its sandbox listed"))
	require.Eventually(t, func() bool { return counted(t, stack, workflows.QueryLeaked) == 1 }, 2*time.Minute, 100*time.Millisecond)
	stack.Sandboxd.Signal(syscall.SIGCONT)
	require.Eventually(t, func() bool { return counted(t, stack, workflows.QueryLeaked) == 0 }, 2*time.Minute, 100*time.Millisecond)
	require.Empty(t, stack.Live())
}

// summaries: whatever a history shows that Pitwall started says what it is for.
func summaries(t *testing.T, stack *harness.Stack) {
	seen := map[enums.EventType]int{}
	for _, execution := range listed(t, stack) {
		history := stack.Temporal.GetWorkflowHistory(t.Context(), execution.GetWorkflowId(), execution.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(t, err)
			switch event.GetEventType() {
			case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
				if event.GetWorkflowExecutionStartedEventAttributes().GetParentWorkflowExecution() == nil {
					continue // by a person, in the form or in this test
				}
			case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enums.EVENT_TYPE_TIMER_STARTED, enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			default:
				continue
			}
			seen[event.GetEventType()]++
			require.NotEmpty(t, event.GetUserMetadata().GetSummary().GetData(), "%s of %s", event, execution.GetWorkflowId())
		}
	}
	require.Len(t, seen, 4, "%v", seen)
}

func listed(t *testing.T, stack *harness.Stack) []*commonpb.WorkflowExecution {
	t.Helper()
	answer, err := stack.Temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	require.NoError(t, err)
	var all []*commonpb.WorkflowExecution
	for _, info := range answer.GetExecutions() {
		all = append(all, info.GetExecution())
	}
	return all
}

// counted is how many executions a query finds, -1 when it could not be asked.
func counted(t *testing.T, stack *harness.Stack, query string) int64 {
	answer, err := stack.Temporal.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil {
		return -1
	}
	return answer.GetCount()
}

// need skips the test, or fails it where every part must run.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("PITWALL_TEST_STRICT") == "1" {
		t.Fatalf("not run: Temporal's UI in a browser, because there is no %s", program)
	}
	t.Skipf("not run: Temporal's UI in a browser, because there is no %s", program)
}

// command runs a program in this folder, within bound.
func command(t *testing.T, bound time.Duration, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the browser, too
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s:\n%s", name, strings.Join(args, " "), out)
	t.Logf("%s", out)
}
