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

func TestTemporalUIIsTheConsole(t *testing.T) {
	for _, program := range []string{"node", "npm", "chromium"} {
		need(t, program)
	}
	stack := harness.Start(t, harness.Options{UI: true, Slots: 1})
	links := linksOfDoctor(t, stack)
	command(t, installBound, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	env := []string{"UI_LINKS=" + links, "UI_SHOTS=" + os.Getenv("UI_SHOTS")}
	command(t, runBound, env, "node", "--test", "--test-timeout=540000", "--test-reporter=spec", "console.test.mjs")
	t.Run("leaked", func(t *testing.T) { leaked(t, stack) })
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

func counted(t *testing.T, stack *harness.Stack, query string) int64 {
	t.Helper()
	answer, err := stack.Temporal.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	require.NoError(t, err)
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
