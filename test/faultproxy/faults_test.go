package faultproxy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona/daytonatest"
	fp "pitwall/test/faultproxy"
)

// outcome is what a fault makes of an ordinary call that alone meets it.
type outcome struct {
	rule   fp.Rule
	status int    // 0: the connection breaks before an answer
	says   string // part of the answer
	served int    // times that the server saw the call
	broken bool   // the answer breaks off
	gone   bool   // the sandbox is really gone afterwards
}

func outcomes() map[fp.Fault]outcome {
	const short = 20 * time.Millisecond
	return map[fp.Fault]outcome{
		fp.ResetBefore:         {},
		fp.ResetAfter:          {served: 1},
		fp.BadGatewayBefore:    {status: 502, says: "<html>"},
		fp.BadGatewayAfter:     {rule: fp.Rule{Status: 504}, status: 504, says: "<html>", served: 1},
		fp.BadGatewayDead:      {status: 502, gone: true},
		fp.ServerError:         {status: 500, says: "An unexpected error occurred."},
		fp.LateRequest:         {rule: fp.Rule{Delay: short}, status: 200, served: 1},
		fp.LateReply:           {rule: fp.Rule{Delay: short}, status: 200, served: 1},
		fp.ResetThenLate:       {rule: fp.Rule{Delay: short}, served: 1},
		fp.FailedToStart:       {status: 400, says: "Sandbox failed to start", served: 1},
		fp.StatePending:        {status: 200, says: `"state":"pending_build"`, served: 1},
		fp.StateCreating:       {status: 200, says: `"state":"creating"`, served: 1},
		fp.StateError:          {status: 200, says: `"errorReason":"timeout`, served: 1},
		fp.Quota:               {status: 400, says: "Total CPU limit exceeded. Maximum allowed: 10."},
		fp.NoRunners:           {status: 400, says: "No available runners"},
		fp.RateLimited:         {status: 429, says: "ThrottlerException: Too Many Requests"},
		fp.DeleteConflict:      {status: 409, says: "Sandbox state change in progress"},
		fp.DeleteNotFound:      {status: 404, says: "not found"},
		fp.DeleteHidden:        {status: 200, says: `"state":"error"`},
		fp.DeleteStuck:         {status: 200, says: `"state":"destroying"`},
		fp.DeleteForbidden:     {status: 403, says: "Forbidden"},
		fp.ListStale:           {status: 200, says: `"items":[`, served: 1},
		fp.ListFlapping:        {status: 200, says: `"items":[]`, served: 1},
		fp.ToolboxUnauthorized: {status: 401, says: "Bearer token is invalid"},
		fp.ToolboxNotStarted:   {status: 400, says: "Is the Sandbox started?"},
		fp.Vanish:              {served: 1, gone: true}, // the status is the server's
		fp.StreamCut:           {rule: fp.Rule{Bytes: 30}, status: 200, served: 1, broken: true},
		fp.BodyCut:             {rule: fp.Rule{Bytes: 1}, status: 200, served: 1, broken: true},
		fp.SlowBody:            {rule: fp.Rule{Bytes: 50, Delay: time.Millisecond}, status: 200, served: 1},
	}
}

// TestEachFaultOnEachCall: what the client hears of each fault, and what the server saw.
func TestEachFaultOnEachCall(t *testing.T) {
	expected := outcomes()
	for _, info := range fp.Faults() {
		want, known := expected[info.Name]
		require.True(t, known, "%s is not tested", info.Name)
		require.NotEmpty(t, info.Doc)
		for _, call := range info.Calls {
			t.Run(string(info.Name)+"/"+string(call), func(t *testing.T) {
				t.Parallel()
				want.try(t, info.Name, call)
			})
		}
	}
	require.Len(t, expected, len(fp.Faults()))
}

func (want outcome) try(t *testing.T, fault fp.Fault, call fp.Call) {
	r := newRig(t)
	id := r.create("here", nil).ID
	require.Equal(t, 200, r.do(t.Context(), "POST", "/toolbox/"+id+"/files/bulk-upload", strings.ReplaceAll(upload, "f.txt", "old.txt")).status)
	rule := want.rule
	rule.Fault, rule.Call = fault, call
	require.NoError(t, r.proxy.Add(rule))
	before := r.served(call, id)

	got := r.send(t.Context(), call, id)
	switch {
	case fault == fp.BodyCut && call == fp.Upload:
		require.Error(t, got.err, "the server cannot answer half an upload with success: %+v", got)
	case fault == fp.Vanish:
		require.Equal(t, call == fp.Stream, got.status == 200, "the fake has streams without sandboxes")
	case want.status == 0:
		require.True(t, isReset(got.err), "%v", got.err)
	default:
		require.Equal(t, want.status, got.status, "%+v", got)
		require.Contains(t, got.body, want.says)
		require.Equal(t, want.broken, got.err != nil, "%v", got.err)
	}
	r.eventually("the server saw the call", func() bool { return r.served(call, id)-before >= want.served })
	if !want.gone { // then the proxy itself sent a DELETE
		require.Equal(t, want.served, r.served(call, id)-before)
	}
	if want.gone {
		require.Empty(t, r.server.Living())
	} else if call != fp.Delete {
		require.Contains(t, r.server.Living(), "here")
	}
	require.Equal(t, map[fp.Fault]int{fault: 1}, r.proxy.Injected())
}

// TestRateLimitHeaders: they carry the throttler's name, which is why clients miss them.
func TestRateLimitHeaders(t *testing.T) {
	r := newRig(t, fp.Rule{Fault: fp.RateLimited, Delay: 1500 * time.Millisecond, Count: -1})
	for call, name := range map[fp.Call]string{fp.Create: "sandbox-create", fp.Delete: "sandbox-lifecycle", fp.Get: "authenticated"} {
		got := r.send(t.Context(), call, "x")
		require.Equal(t, "2", got.header.Get("Retry-After-"+name))
		require.Equal(t, "0", got.header.Get("X-RateLimit-Remaining-"+name))
		require.Empty(t, got.header.Get("Retry-After"))
	}
}

// TestRules: which calls meet a fault.
func TestRules(t *testing.T) {
	r := newRig(
		t,
		fp.Rule{Fault: fp.ServerError, Call: fp.Get, Labels: map[string]string{"who": "me"}, After: 1, Count: 2},
		fp.Rule{Fault: fp.ToolboxUnauthorized, Path: `download\?path=secret`},
	)
	mine, other := r.made("a", map[string]string{"who": "me", "more": "x"}), r.made("b", nil)
	var statuses []int
	for range 5 {
		statuses = append(statuses, r.send(t.Context(), fp.Get, mine.ID).status)
		require.Equal(t, 200, r.send(t.Context(), fp.Get, other.ID).status)
	}
	require.Equal(t, []int{200, 500, 500, 200, 200}, statuses)
	require.Equal(t, 404, r.do(t.Context(), "GET", "/toolbox/"+mine.ID+"/files/download?path=x", "").status)
	require.Equal(t, 401, r.do(t.Context(), "GET", "/toolbox/"+mine.ID+"/files/download?path=secret", "").status)
}

// TestSeed: the same seed and calls, the same faults; another seed, others.
func TestSeed(t *testing.T) {
	run := func(seed uint64) (met []int) {
		server := daytonatest.Start(t, daytonatest.Options{})
		proxy, err := fp.New(strings.TrimSuffix(server.URL, "/api"), fp.Script{Seed: seed, Rules: []fp.Rule{
			{Fault: fp.ServerError, Call: fp.Get, Count: -1, Probability: 0.3},
			{Fault: fp.NoRunners, Count: -1, Probability: 0.5},
		}})
		require.NoError(t, err)
		defer proxy.Close()
		r := &rig{t: t, server: server, proxy: proxy, url: serve(t, proxy)}
		for range 40 {
			met = append(met, r.send(t.Context(), fp.Get, "x").status)
		}
		return met
	}
	first := run(7)
	require.Equal(t, first, run(7))
	require.NotEqual(t, first, run(8))
	require.True(t, slices.Contains(first, 500) && slices.Contains(first, 404))
}
