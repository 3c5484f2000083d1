//go:build linux

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// A campaign that a schedule started has a workflow ID with a time in it; every command finds it by that and by its name.
func TestScheduledCampaignIsFoundByItsName(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	file := writeCampaign(t, `eval: {job: {steps: [{command: "{{.command}}", time_limit: 30s}]}}`, commandRows("true", "echo said; false")...)
	_, stderr, code := s.Starter("schedule", "create", file, "--name", "nightly", "--cron", "0 3 1 1 *")
	require.Equal(t, 0, code, stderr)
	require.NoError(t, s.Temporal.ScheduleClient().GetHandle(t.Context(), "campaign-schedule/nightly").Trigger(t.Context(), client.ScheduleTriggerOptions{}))

	var listed string
	s.Eventually("the scheduled campaign has its verdict", func(context.Context) bool {
		listed, _, _ = s.Starter("campaign", "list")
		return strings.Contains(listed, spec.VerdictPass+" ")
	})
	name := strings.Fields(strings.Split(listed, "\n")[1])[0]
	require.Regexp(t, `^nightly-\d{4}-\d\d-\d\dT\d{6}Z$`, name)
	id := "campaign/" + name[:len(name)-5] + ":" + name[len(name)-5:len(name)-3] + ":" + name[len(name)-3:]
	for _, given := range []string{name, id} {
		stdout, stderr, code := s.Starter("campaign", "results", given)
		require.Equal(t, 0, code, stderr)
		require.Contains(t, stdout, "s2")
		stdout, stderr, code = s.Starter("campaign", "status", given)
		require.Equal(t, 0, code, stderr)
		require.Contains(t, stdout, "2 scored, 1 passed")
		_, stderr, code = s.Starter("campaign", "cancel", given)
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "has ended already (completed)")
	}
	stdout, stderr, code := s.Starter("logs", "eval/"+name+"/s2/1", "-o", "json")
	require.Equal(t, 0, code, stderr)
	require.JSONEq(t, `{"stream":"stdout","text":"said\n"}`, stdout)
	stdout, stderr, code = s.Starter("schedule", "delete", "nightly", "-o", "json")
	require.Equal(t, 0, code, stderr)
	require.JSONEq(t, `{"id":"campaign-schedule/nightly"}`, stdout)
}

// writeEval puts an eval into a file.
func writeEval(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "eval.yaml")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

const longEval = `job: {steps: [{command: "touch begun; sleep 600", time_limit: 15m}]}`

// Whatever is wrong ends in one message with a remedy and the right code, and leaves no sandbox behind.
func TestWrongUseOfARunningStack(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	created := s.Ledger().Created
	t.Run("an eval that nobody knows is not followed", func(t *testing.T) {
		_, stderr, code := s.Starter("logs", "-f", "eval/direct/nope")
		require.Equal(t, 3, code)
		require.Contains(t, stderr, "no eval eval/direct/nope")
	})
	t.Run("unknown names", func(t *testing.T) {
		for _, args := range [][]string{
			{"campaign", "status", "nope"},
			{"campaign", "results", "nope"},
			{"campaign", "cancel", "nope"},
			{"campaign", "retry", "nope"},
			{"schedule", "delete", "nope"},
			{"logs", "nope"},
			{"artifacts", "list", "nope"},
			{"artifacts", "get", "nope"},
		} {
			_, stderr, code := s.Starter(args...)
			require.Equal(t, 3, code, "%v: %s", args, stderr)
			require.Regexp(t, `^starter: no .*nope.*\n  .`, stderr, "%v", args)
		}
	})
	t.Run("an unknown snapshot names those that there are", func(t *testing.T) {
		stdout, stderr, code := s.Starter("run", writeEval(t, "sandbox: {snapshot: nope}\njob: {steps: [{command: \"true\"}]}\n"))
		require.Equal(t, 3, code, stdout+stderr)
		require.Contains(t, stdout, "nope not found")
		require.Contains(t, stdout, "It has: default")
	})
	require.Equal(t, created, s.Ledger().Created, "nothing was created")
	s.AwaitNoLease()
}

// Ctrl-C ends the eval, proves its sandbox gone, and says 130.
func TestInterruptedRunLeavesNothing(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	run := s.StartStarter("run", writeEval(t, longEval), "--id", "eval/direct/long")
	sandbox := s.AwaitSandbox("eval/direct/long")
	s.AwaitFile(sandbox, "/home/daytona/begun")
	run.Signal(syscall.SIGINT)
	require.Equal(t, 130, run.Wait(), run.Output())
	require.Contains(t, run.Output(), "CANCELLED")
	require.Contains(t, run.Output(), sandbox.ID+" removed: confirmed by")
	require.Empty(t, s.Live())
	s.AwaitNoLease()
}

// A worker that is told not to makes nothing, and its refusal is the user's to lift: exit code 3.
func TestDisabledWorkerRefuses(t *testing.T) {
	s := harness.Start(t, harness.Options{WorkerEnv: []string{"DAYTONA_ENABLED=false"}})
	_, stderr, code := s.Starter("run", writeEval(t, longEval))
	require.Equal(t, 3, code, stderr)
	require.Contains(t, stderr, "DAYTONA_ENABLED=false on this worker")
	file := writeCampaign(t, `eval: {job: {steps: [{command: "{{.command}}"}]}}`, commandRows("true")...)
	_, stderr, code = s.Starter("campaign", "start", file, "--wait")
	require.Equal(t, 3, code, stderr)
	require.Contains(t, stderr, "DAYTONA_ENABLED=false on this worker")
	require.Zero(t, s.Ledger().Created)
	s.AwaitNoLease()
}
