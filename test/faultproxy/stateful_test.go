package faultproxy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	fp "pitwall/test/faultproxy"
)

// TestStateForLife: a state is shown as long as the fault says, and ends where a delete begins.
func TestStateForLife(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.StateCreating, Call: fp.Create, Delay: 50 * time.Millisecond}, fp.Rule{Fault: fp.StateError, Call: fp.Create})
	slow, failed := r.made("slow", nil), r.made("failed", nil)
	require.Equal(t, daytona.StateCreating, slow.State)
	require.Equal(t, daytona.StateError, failed.State)
	started, err := r.client.WaitStarted(t.Context(), slow.ID)
	require.NoError(t, err)
	require.Equal(t, "slow", started.Name)

	shown, err := r.client.GetSandbox(t.Context(), "failed")
	require.NoError(t, err)
	require.Equal(t, daytona.StateError, shown.State)
	require.NotEmpty(t, shown.ErrorReason)
	require.Contains(t, r.send(t.Context(), fp.List, "").body, `"state":"error"`)
	removed, err := r.client.RemoveSandbox(t.Context(), failed.ID, nil)
	require.NoError(t, err)
	require.Equal(t, failed.ID, removed.SandboxID)
}

// TestHidden: a delete that is accepted, after which nobody sees the sandbox, while it runs under its name.
func TestHidden(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.DeleteHidden})
	box := r.made("box", nil)
	require.Equal(t, 200, r.send(t.Context(), fp.Delete, box.ID).status)
	for call, status := range map[fp.Call]int{fp.Get: 404, fp.Delete: 404, fp.Stop: 404, fp.Execute: 401, fp.Upload: 401} {
		require.Equal(t, status, r.send(t.Context(), call, box.ID).status, call)
	}
	require.Equal(t, 404, r.send(t.Context(), fp.Get, "box").status)
	require.Contains(t, r.send(t.Context(), fp.List, "").body, `"items":[]`)
	require.Equal(t, 409, r.do(t.Context(), "POST", "/api/sandbox", `{"name":"box"}`).status)
	require.Equal(t, []string{"box"}, r.server.Living())

	r.proxy.Clear() // without a delay the sandbox is never deleted, and now seen again
	require.Equal(t, 200, r.send(t.Context(), fp.Get, box.ID).status)
	require.Equal(t, []string{"box"}, r.server.Living())
}

// TestHiddenForAWhile: the delete is done in the end.
func TestHiddenForAWhile(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.DeleteHidden, Delay: 30 * time.Millisecond})
	box := r.made("box", nil)
	own := make(chan fp.Request, 1)
	r.proxy.Observe(fp.Before, onlyOwn(own))
	proof, err := r.client.RemoveSandbox(t.Context(), box.ID, nil)
	require.NoError(t, err)
	require.Equal(t, daytona.ConfirmedByErrorState, proof.ConfirmedBy)
	r.eventually("the sandbox is gone", func() bool { return len(r.server.Living()) == 0 })
	require.Equal(t, box.ID, (<-own).SandboxID)
}

// TestStuck: a delete that stays in destroying until its delay is over.
func TestStuck(t *testing.T) {
	for _, listed := range []bool{false, true} {
		r := newRig(t, fp.Rule{Fault: fp.DeleteStuck, Delay: time.Hour, Listed: listed})
		box := r.made("box", nil)
		require.Equal(t, 200, r.send(t.Context(), fp.Delete, box.ID).status)
		shown, err := r.client.GetSandbox(t.Context(), box.ID)
		require.NoError(t, err)
		require.Equal(t, daytona.StateDestroying, shown.State)
		require.Equal(t, daytona.StateDestroyed, shown.DesiredState)
		require.Contains(t, shown.Name, "DESTROYED_box_")
		require.Equal(t, 404, r.send(t.Context(), fp.Get, "box").status)
		require.Equal(t, 409, r.send(t.Context(), fp.Delete, box.ID).status)
		require.Equal(t, 400, r.send(t.Context(), fp.Execute, box.ID).status)
		require.Equal(t, listed, len(r.list("")) == 1)
		require.Equal(t, []string{"box"}, r.server.Living())

		r.proxy.Clear() // what is late goes through
		r.eventually("the sandbox is gone", func() bool { return r.send(t.Context(), fp.Get, box.ID).status == 404 })
		require.Empty(t, r.server.Living())
	}
}

// TestStaleLists: they lag behind creates and deletes.
func TestStaleLists(t *testing.T) {
	r := newRig(t)
	labels := map[string]string{"who": "me"}
	gone := r.create("gone", labels) // nobody saw here when
	require.Equal(t, 200, r.send(t.Context(), fp.Get, gone.ID).status)
	old := r.made("old", labels)
	require.Equal(t, 200, r.send(t.Context(), fp.Delete, gone.ID).status)
	require.NoError(t, r.proxy.Add(fp.Rule{Fault: fp.ListStale, Delay: time.Hour, Count: 2}))
	require.Equal(t, []string{"gone"}, r.list(`{"who":"me"}`), "the other was created within the hour, and this one deleted")
	require.Empty(t, r.list(`{"who":"you"}`))
	require.Equal(t, []string{"old"}, r.list(`{"who":"me"}`))

	r.proxy.Clear()
	require.NoError(t, r.proxy.Add(fp.Rule{Fault: fp.ListFlapping, Delay: time.Nanosecond, Count: -1}))
	require.Empty(t, r.list(""))
	require.Equal(t, []string{"old"}, r.list(""))
	require.Empty(t, r.list(""))
	require.Equal(t, 200, r.send(t.Context(), fp.Get, old.ID).status)
}

// TestLateCreate: the client hears a reset at once, and its sandbox comes long after.
func TestLateCreate(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.ResetThenLate, Call: fp.Create, Delay: time.Hour})
	_, err := r.client.CreateSandbox(t.Context(), daytona.CreateRequest{Name: "late"})
	require.True(t, daytona.Ambiguous(err), "%v", err)
	require.Empty(t, r.server.Living())
	r.proxy.Clear()
	r.eventually("the sandbox exists", func() bool { return len(r.server.Living()) == 1 })
}

// TestSlowCreate: it is slower than its client, and takes effect all the same.
func TestSlowCreate(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.LateRequest, Call: fp.Create, Delay: time.Hour})
	gate := r.proxy.Hold(fp.Point{Call: fp.Create, Side: fp.Before})
	client, giveUp := r.deadline()
	heard := make(chan error, 1)
	go func() {
		_, err := r.client.CreateSandbox(client, daytona.CreateRequest{Name: "slow"})
		heard <- err
	}()
	r.reached(gate)
	gate.Open()
	giveUp()
	require.Error(t, <-heard)
	require.Empty(t, r.server.Living())
	r.proxy.Clear()
	r.eventually("the sandbox exists", func() bool { return len(r.server.Living()) == 1 })
}
