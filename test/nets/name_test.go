//go:build linux

package nets

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/activities"
	"pitwall/test/faultproxy"
	"pitwall/test/harness"
)

// The slot's name alone, against a create that arrives late: its lease was force-terminated and its eval too, so that
// neither their code nor their end does anything, and the slot's next lease has begun. There is one slot.

func TestNameKeepsALateCreateFromTheNextLeaseAtWork(t *testing.T) {
	t.Parallel()
	s, proxy := startBehindProxy(t, harness.Options{Slots: 1})
	answers := watchCreates(proxy)
	late := holdCreate(t, s, proxy, "late")
	next := s.Run("next", harness.Command("touch begun; until [ -e go ]; do sleep 0.1; done; echo done"))
	sandbox := s.AwaitSandbox("next")
	s.AwaitFile(sandbox, "/home/daytona/begun")

	late.Open()
	s.Eventually("the late create is answered", func(context.Context) bool { return len(answers()) == 2 })
	require.Equal(t, []int{http.StatusOK, http.StatusConflict}, answers())
	inSandbox(t, s.Daytona.Toolbox(sandbox), "touch /home/daytona/go")
	requireOneAtATime(t, s, next, 1)
}

// The worker that sent it is dead, so that nobody hears of it.
func TestNameLetsTheNextLeaseRemoveWhatALateCreateLeft(t *testing.T) {
	t.Parallel()
	s, proxy := startBehindProxy(t, harness.Options{Slots: 1})
	answers := watchCreates(proxy)
	late := holdCreate(t, s, proxy, "late")
	s.Workers[0].Kill()
	s.StartWorker()
	gate := proxy.Hold(faultproxy.Point{Call: faultproxy.Create, Side: faultproxy.Before})
	next := s.Run("next", harness.Command("echo done"))
	await(t, gate)

	late.Open()
	orphan := s.AwaitSandbox("late")
	gate.Open()
	requireOneAtATime(t, s, next, 2)
	require.Equal(t, []int{http.StatusOK, http.StatusConflict, http.StatusOK}, answers())
	s.AwaitGone(orphan.ID)
}

// holdCreate starts an eval whose create does not get to the server, and ends eval and lease.
func holdCreate(t *testing.T, s *harness.Stack, proxy *faultproxy.Proxy, id string) *faultproxy.Gate {
	t.Helper()
	gate := proxy.Hold(faultproxy.Point{Call: faultproxy.Create, Side: faultproxy.Before})
	run := s.Run(id, sleeper())
	await(t, gate)
	terminate(t, s, activities.Execution{ID: run.GetID(), RunID: run.GetRunID()})
	labels := gate.Request().Labels
	terminate(t, s, activities.Execution{ID: labels[activities.LabelLease], RunID: labels[activities.LabelLeaseRun]})
	return gate
}

func await(t *testing.T, gate *faultproxy.Gate) {
	t.Helper()
	select {
	case <-gate.Reached():
	case <-time.After(time.Minute):
		t.Fatal("no create was sent")
	}
}

// watchCreates returns what the server answered to each create so far.
func watchCreates(proxy *faultproxy.Proxy) func() []int {
	var mu sync.Mutex
	var statuses []int
	proxy.Observe(faultproxy.After, func(_ context.Context, r faultproxy.Request, status int) {
		mu.Lock()
		defer mu.Unlock()
		if r.Call == faultproxy.Create {
			statuses = append(statuses, status)
		}
	})
	return func() []int {
		mu.Lock()
		defer mu.Unlock()
		return append([]int(nil), statuses...)
	}
}

// requireOneAtATime: the slot's eval is none the worse, and the server never had more than one sandbox.
func requireOneAtATime(t *testing.T, s *harness.Stack, run client.WorkflowRun, created int64) {
	t.Helper()
	result := s.Result(run)
	require.True(t, result.Score.Passed, "%+v", result.Error)
	require.Len(t, result.Attempts, 1)
	require.Equal(t, "done\n", result.Job.Steps[0].Stdout.Tail)
	ledger := s.Ledger()
	require.Equal(t, 1, ledger.MaxLive)
	require.Equal(t, created, ledger.Created)
	require.Zero(t, ledger.Live)
	s.AwaitNoLease()
	requireNoPass(t, s)
}
