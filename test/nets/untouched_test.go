//go:build linux

package nets

import (
	"context"
	"maps"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"pitwall/activities"
	"pitwall/test/faultproxy"
	"pitwall/test/harness"
)

// What the reaper must not touch, by passes of the real worker over lists of several pages. A pass that touches nothing
// because it does not work would show: the orphan goes in the passes that may remove it.
func TestReaperTouchesNothingElse(t *testing.T) {
	t.Parallel()
	s, proxy := startBehindProxy(t, harness.Options{Slots: 1, FrontDaytona: pagesOfTwo(t)})
	deleted := watchDeletes(proxy)
	startScripts(t, s)
	earlier := s.Result(s.Run("earlier", harness.Command("sleep 12"))).Attempts[0].Sandboxes[0]
	_, living := begun(t, s, "living") // in the same slot, under the same name
	require.Equal(t, earlier.Name, living.Name)
	closed := closedLease(s, leaseOf(living).ID)
	orphan := func(name string) string { return s.MakeSandbox(name, labels(s, closed)) }
	first := orphan("first")
	others := strangers(s, closed)
	others["a living eval"] = living.ID
	requireUntouched := func(t *testing.T) {
		t.Helper()
		for what, id := range others {
			requireLives(t, s, id, what)
		}
	}

	t.Run("when a page cannot be read", func(t *testing.T) {
		last := orphan("last")
		broken := faultproxy.Rule{Fault: faultproxy.ServerError, Call: faultproxy.List, Path: "cursor=", Count: -1}
		require.NoError(t, proxy.Add(broken))
		_, err := reap(t, s, "broken")
		require.ErrorContains(t, err, "list sandboxes")
		requireLives(t, s, last, "what stands on an unread page")
		requireLives(t, s, first, "what stands on a list that could not be read to its end")
		requireUntouched(t)
		proxy.Clear()
	})
	t.Run("when the list lags behind, and the slot's name is another's now", func(t *testing.T) {
		before := len(deleted())
		lag := time.Since(earlier.Removal.RequestedAt.Add(-6 * time.Second)) // when the earlier one lived
		require.NoError(t, proxy.Add(faultproxy.Rule{Fault: faultproxy.ListStale, Count: -1, Delay: lag}))
		decisions, err := reap(t, s, "stale")
		require.NoError(t, err)
		require.Equal(t, activities.VerdictOrphan, decisions[earlier.ID].Verdict, "the list shows what is gone")
		require.NotNil(t, decisions[earlier.ID].Removed)
		require.NotContains(t, decisions, living.ID)
		require.Contains(t, deleted()[before:], earlier.ID)
		require.NotContains(t, deleted()[before:], living.Name, "a name is no proof of who has it")
		requireUntouched(t)
		proxy.Clear()
	})
	t.Run("when the list flaps", func(t *testing.T) {
		require.NoError(t, proxy.Add(faultproxy.Rule{Fault: faultproxy.ListFlapping, Count: -1}))
		for _, id := range []string{"flap-1", "flap-2", "flap-3"} {
			_, err := reap(t, s, id)
			require.NoError(t, err)
		}
		requireUntouched(t)
		proxy.Clear()
	})
	t.Run("beside what it removes", func(t *testing.T) {
		orphaned := orphan("another")
		expired := s.MakeSandbox("expired", labels(s, map[string]string{
			activities.LabelLease: "any", activities.LabelLeaseRun: unknown, activities.LabelExpiresAt: ago(time.Second),
		}))
		decisions, err := reap(t, s, "plain")
		require.NoError(t, err)
		for _, id := range []string{orphaned, expired} {
			require.NotNil(t, decisions[id].Removed, "%+v", decisions[id])
			s.AwaitGone(id)
		}
		requireUntouched(t)
	})
	t.Run("when Temporal does not answer", func(t *testing.T) {
		abandoned := orphan("abandoned")
		s.TemporalServer.Kill()
		for id, decision := range passWithoutTemporal(t, s) {
			require.Nil(t, decision.Removed)
			if id == abandoned || id == living.ID {
				require.Equal(t, activities.VerdictUnclear, decision.Verdict)
			}
		}
		requireLives(t, s, abandoned, "an orphan of which nobody knows whether it is one")
		requireUntouched(t)
	})
}

// labels of this cluster and namespace, with these beside or instead of them.
func labels(s *harness.Stack, more map[string]string) map[string]string {
	all := activities.Owner{Cluster: s.Cluster, Namespace: s.Namespace}.OwnLabels()
	maps.Copy(all, more)
	return all
}

// unknown is a UUID that names nothing.
const unknown = "00000000-0000-4000-8000-000000000000"

// ago is a moment as a label has it.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }

// closedLease makes a lease that is over, and returns the labels that name it.
func closedLease(s *harness.Stack, leaseID string) map[string]string {
	return map[string]string{activities.LabelLeaseRun: s.ClosedLeaseRun(leaseID), activities.LabelLease: leaseID + "/closed"}
}

// strangers are sandboxes that nobody holds, and that are nevertheless not the reaper's to remove. But for the one thing
// that its name here says, each is an orphan.
func strangers(s *harness.Stack, closed map[string]string) map[string]string {
	with := func(changes ...string) map[string]string {
		all := labels(s, closed)
		for i := 0; i < len(changes); i += 2 {
			all[changes[i]] = changes[i+1]
		}
		return all
	}
	return map[string]string{
		"another cluster's":       s.MakeSandbox("cluster", with(activities.LabelCluster, unknown)),
		"another namespace's":     s.MakeSandbox("namespace", with(activities.LabelNamespace, unknown)),
		"another program's":       s.MakeSandbox("program", with(activities.LabelManagedBy, "somebody")),
		"one without labels":      s.MakeSandbox("bare", nil),
		"one without a lease":     s.MakeSandbox("unmarked", labels(s, nil)),
		"one of an unknown lease": s.MakeSandbox("unknown", with(activities.LabelLeaseRun, unknown, activities.LabelExpiresAt, ago(-time.Hour))),
		"one that never expires":  s.MakeSandbox("undated", with(activities.LabelLeaseRun, unknown)),
	}
}

// passWithoutTemporal runs a pass in this process: a worker gets no task from a server that is dead. The pass gives up on it
// after some seconds, as a worker does whose heartbeats are not answered.
func passWithoutTemporal(t *testing.T, s *harness.Stack) map[string]activities.Decision {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(3*time.Second, cancel)
	reaping := &activities.Reaping{Daytona: s.Daytona, Temporal: s.Temporal, Owner: activities.Owner{Cluster: s.Cluster, Namespace: s.Namespace}, Log: zap.NewNop()}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.RegisterActivity(reaping.ReapSandboxes)
	value, err := env.ExecuteActivity(reaping.ReapSandboxes, activities.ReapSandboxesInput{})
	require.NoError(t, err)
	var report activities.ReapReport
	require.NoError(t, value.Get(&report))
	decisions := map[string]activities.Decision{}
	for _, decision := range report.Decisions {
		decisions[decision.SandboxID] = decision
	}
	require.NotEmpty(t, decisions)
	return decisions
}

// watchDeletes returns the ids or names in the DELETEs so far.
func watchDeletes(proxy *faultproxy.Proxy) func() []string {
	var mu sync.Mutex
	var ids []string
	proxy.Observe(faultproxy.Before, func(_ context.Context, r faultproxy.Request, _ int) {
		mu.Lock()
		defer mu.Unlock()
		if r.Call == faultproxy.Delete {
			ids = append(ids, path.Base(r.Path))
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), ids...)
	}
}
