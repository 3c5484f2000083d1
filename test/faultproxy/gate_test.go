package faultproxy_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	fp "pitwall/test/faultproxy"
)

func serve(t *testing.T, proxy *fp.Proxy) string {
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return front.URL
}

func (r *rig) deadline() (context.Context, context.CancelFunc) {
	return context.WithCancel(r.t.Context())
}

// list returns the names that a list shows.
func (r *rig) list(labels string) []string {
	r.t.Helper()
	got := r.do(r.t.Context(), "GET", "/api/sandbox?limit=100&labels="+url.QueryEscape(labels), "")
	require.Equal(r.t, 200, got.status, got.body)
	var page struct {
		Items []struct{ Name, State string }
	}
	require.NoError(r.t, json.Unmarshal([]byte(got.body), &page))
	names := []string{}
	for _, item := range page.Items {
		if item.State != daytona.StateDestroying {
			names = append(names, item.Name)
		}
	}
	return names
}

func onlyOwn(own chan<- fp.Request) func(context.Context, fp.Request, int) {
	return func(_ context.Context, r fp.Request, _ int) {
		if r.Own {
			own <- r
		}
	}
}

// TestGates: the four ways through a gate, each with the client there and gone.
func TestGates(t *testing.T) {
	for _, try := range []struct {
		name        string
		side        fp.Side
		drop, leave bool
		living      int
		status      int
	}{
		{"before, open", fp.Before, false, false, 1, 200},
		{"before, open for a client that is gone", fp.Before, false, true, 1, 0},
		{"before, drop", fp.Before, true, false, 0, 0},
		{"after, open", fp.After, false, false, 1, 200},
		{"after, drop", fp.After, true, false, 1, 0},
		{"after, open for a client that is gone", fp.After, false, true, 1, 0},
	} {
		t.Run(try.name, func(t *testing.T) {
			r := newRig(t)
			gate := r.proxy.Hold(fp.Point{Call: fp.Create, Side: try.side, Match: func(q fp.Request) bool { return q.Name == "made" }})
			client, leave := r.deadline()
			defer leave()
			answer := make(chan heard, 1)
			go func() { answer <- r.send(client, fp.Create, "") }()
			r.reached(gate)
			require.Equal(t, "made", gate.Request().Name)
			require.Equal(t, map[string]string{"who": "me"}, gate.Request().Labels)
			require.Equal(t, try.side == fp.After, gate.Request().SandboxID != "")
			require.Len(t, r.server.Living(), int(try.side))
			if try.leave {
				leave()
				require.Error(t, (<-answer).err)
			}
			if try.drop {
				gate.Drop()
				gate.Open() // too late
			} else {
				gate.Open()
				gate.Drop()
			}
			if !try.leave {
				got := <-answer
				require.Equal(t, try.status, got.status)
				require.Equal(t, try.status == 0, isReset(got.err))
			}
			r.eventually("the server has what it should", func() bool { return len(r.server.Living()) == try.living })
		})
	}
}

// TestGatesInALine: each gate counts every matching call, and stops one of its own.
func TestGatesInALine(t *testing.T) {
	r := newRig(t)
	first, third := r.proxy.Hold(fp.Point{Call: fp.Get}), r.proxy.Hold(fp.Point{Call: fp.Get, Skip: 2})
	opened := r.proxy.Hold(fp.Point{Call: fp.List})
	opened.Open()
	require.Equal(t, 200, r.send(t.Context(), fp.List, "").status)
	answers := make(chan int, 2)
	go func() { answers <- r.send(t.Context(), fp.Get, "x").status }()
	r.reached(first)
	require.Equal(t, 404, r.send(t.Context(), fp.Get, "x").status)
	go func() { answers <- r.send(t.Context(), fp.Get, "x").status }()
	r.reached(third)
	r.proxy.Clear() // opens what holds
	require.Equal(t, []int{404, 404}, []int{<-answers, <-answers})
}

// TestObserve: the observer sees each call before the server does, and what it answered before the client does.
func TestObserve(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.ResetAfter, Call: fp.Create})
	var mu sync.Mutex
	var seen []string
	r.proxy.Observe(fp.Before, func(ctx context.Context, q fp.Request, status int) {
		require.NoError(t, ctx.Err())
		require.Zero(t, status)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, "before "+string(q.Call))
		require.Equal(t, 0, r.served(q.Call, q.SandboxID))
	})
	r.proxy.Observe(fp.After, func(_ context.Context, q fp.Request, status int) {
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, 200, status)
		seen = append(seen, "after "+string(q.Call)+" of "+q.Name)
	})
	require.Error(t, r.send(t.Context(), fp.Create, "").err)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"before create", "after create of made"}, seen)
}
