//go:build linux

package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/test/faultproxy"
	"pitwall/test/harness"
	"pitwall/workflows"
)

// blockade is a removal that the provider does not let end, and how each of those who show it says so.
type blockade struct {
	rule faultproxy.Rule
	// beat and failure are what Temporal's UI shows of the pending activity.
	beat, failure string
	metric        string
	doctor        string
	remedy        string
	exit          int
}

func TestDeniedRemovalIsShownAndKeepsOnlyItsSlot(t *testing.T) {
	t.Parallel() // it mostly waits
	blockade{
		rule: faultproxy.Rule{Fault: faultproxy.DeleteForbidden},
		beat: "the provider denies the DELETE of", failure: "(403): give the API key delete:sandboxes",
		metric: `pitwall_removals_blocked{reason="denied"} `,
		doctor: "removal denied", remedy: "give the workers' API key delete:sandboxes", exit: 2,
	}.test(t)
}

func TestStuckRemovalIsShownAndKeepsOnlyItsSlot(t *testing.T) {
	t.Parallel() // it mostly waits
	blockade{
		rule:   faultproxy.Rule{Fault: faultproxy.DeleteStuck, Listed: true},
		beat:   "the provider has been destroying",
		metric: `pitwall_removals_blocked{reason="stuck"} `,
		doctor: "removal stuck", remedy: "the provider has to finish it", exit: 0,
	}.test(t)
}

func (b blockade) test(t *testing.T) {
	s, proxy := behindFaults(t, harness.Options{Slots: 2, WorkerEnv: []string{"PITWALL_REAPER_INTERVAL=24h"}})
	b.rule.Labels, b.rule.Count = map[string]string{activities.LabelEval: "blocked"}, -1
	require.NoError(t, proxy.Add(b.rule))
	blocked := s.Run("blocked", harness.Command("true"))
	b.requireInUI(t, s, activities.Execution{ID: blocked.GetID(), RunID: blocked.GetRunID()}, "RemoveSandbox")

	for _, id := range []string{"beside/1", "beside/2", "beside/3"} {
		result := s.Result(s.Run(id, harness.Command("echo done")))
		require.Equal(t, spec.CleanupProven, result.Cleanup, "the other slot works")
	}
	result := s.Result(blocked)
	require.True(t, result.Score.Passed, "the job had ended well")
	require.Equal(t, spec.CleanupPending, result.Cleanup)
	use := result.Attempts[0].Sandboxes[0]
	lease := activities.Execution{ID: use.LeaseID, RunID: use.LeaseRun}
	b.requireInUI(t, s, lease, "GuardSandbox")
	s.Eventually("the metric shows it", func(ctx context.Context) bool { return strings.Contains(metrics(ctx, s), b.metric+"1\n") })
	s.Eventually("doctor shows it", func(context.Context) bool {
		stdout, _, code := s.Starter("doctor")
		return code == b.exit && strings.Contains(stdout, b.doctor) && strings.Contains(stdout, b.remedy) && strings.Contains(stdout, lease.ID)
	})
	stdout, stderr, code := s.Starter("sandboxes", "reap", "--dry-run")
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stdout, lease.ID+"  removing: its eval blocked is closed (completed)")
	require.Equal(t, 1, s.OpenLeases(t.Context()), "its slot stays taken")
	require.Equal(t, spec.CleanupProven, s.Result(s.Run("beside/4", harness.Command("true"))).Cleanup, "and the other one works on")

	proxy.Clear()
	s.AwaitGone(use.ID)
	s.AwaitNoLease()
	var ended workflows.LeaseResult
	require.NoError(t, s.Temporal.GetWorkflow(t.Context(), lease.ID, lease.RunID).Get(t.Context(), &ended))
	require.Len(t, ended.Certificates, 1)
	require.Equal(t, use.ID, ended.Certificates[0].SandboxID)
	require.NotEmpty(t, ended.Certificates[0].ConfirmedBy)
	s.Eventually("the metric falls", func(ctx context.Context) bool { return strings.Contains(metrics(ctx, s), b.metric+"0\n") })
	stdout, stderr, code = s.Starter("doctor")
	require.Equal(t, 0, code, stdout+stderr)
	require.Contains(t, stdout, "none is denied or stuck; 0 leases are open")
	require.LessOrEqual(t, s.Ledger().MaxLive, 2)
	require.Empty(t, s.Live())
}

// A sandbox that was deleted while in error may keep its name at the provider, which hides it. Then its slot rests, seen by
// the operator, and takes part again when the name is free.
func TestSlotRestsWhileTheProviderHidesWhoHasItsName(t *testing.T) {
	t.Parallel() // it mostly waits
	s, proxy := behindFaults(t, harness.Options{Slots: 1})
	require.NoError(t, proxy.Add(faultproxy.Rule{
		Fault: faultproxy.DeleteHidden, Labels: map[string]string{activities.LabelEval: "errored"}, Count: -1,
	}))
	result := s.Result(s.Run("errored", harness.Command("true")))
	require.Equal(t, "404-after-error", result.Attempts[0].Sandboxes[0].Removal.ConfirmedBy)
	next := s.Run("next", harness.Command("true"))
	s.Eventually("doctor says that the slot rests", func(context.Context) bool {
		stdout, _, _ := s.Starter("doctor")
		return strings.Contains(stdout, "slot rests") && strings.Contains(stdout, "its eval next is open")
	})
	proxy.Clear()
	result = s.Result(next)
	require.True(t, result.Score.Passed, "%+v", result)
	require.Len(t, result.Attempts, 2)
	require.Contains(t, result.Attempts[0].Error.Message, "the slot rests")
	require.NotNil(t, result.Attempts[1].Sandboxes[0].Removal)
	require.Empty(t, s.Live())
}

// requireInUI waits until Temporal says of a pending activity what its UI shows.
func (b blockade) requireInUI(t *testing.T, s *harness.Stack, run activities.Execution, activity string) {
	t.Helper()
	s.Eventually(activity+" of "+run.ID+" says what it waits for", func(ctx context.Context) bool {
		described, err := s.Temporal.DescribeWorkflowExecution(ctx, run.ID, run.RunID)
		if err != nil {
			return false
		}
		for _, pending := range described.GetPendingActivities() {
			if pending.GetActivityType().GetName() == activity {
				return strings.Contains(heartbeat(pending), b.beat) && strings.Contains(pending.GetLastFailure().GetMessage(), b.failure)
			}
		}
		return false
	})
}

func heartbeat(pending *workflowpb.PendingActivityInfo) string {
	var text string
	if converter.GetDefaultDataConverter().FromPayloads(pending.GetHeartbeatDetails(), &text) != nil {
		return ""
	}
	return text
}

// behindFaults starts a stack with a fault proxy between its sandbox server and whoever is of Pitwall.
func behindFaults(t *testing.T, opt harness.Options) (*harness.Stack, *faultproxy.Proxy) {
	t.Helper()
	var proxy *faultproxy.Proxy
	opt.FrontDaytona = func(server string) string {
		var err error
		proxy, err = faultproxy.New(server, faultproxy.Script{})
		require.NoError(t, err)
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- proxy.Serve(listener) }()
		t.Cleanup(func() {
			proxy.Close()
			require.NoError(t, <-served)
		})
		return "http://" + listener.Addr().String()
	}
	return harness.Start(t, opt), proxy
}

// metrics is what the first worker tells Prometheus; empty while it does not.
func metrics(ctx context.Context, s *harness.Stack) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Workers[0].HealthURL+"/metrics", nil)
	if err != nil {
		return ""
	}
	answer, err := (&http.Client{Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return ""
	}
	return string(body)
}
