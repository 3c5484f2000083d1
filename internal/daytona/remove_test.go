package daytona_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

func TestRemoveProvesById(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{DestroyPolls: 3})
	client := server.Client(t)
	sandbox := newSandbox(t, client)
	var steps []string
	removal, err := client.RemoveSandbox(generous(t), sandbox.ID, func(p daytona.RemovalProgress) { steps = append(steps, p.Step+" "+p.State) })
	require.NoError(t, err)
	require.Equal(t, sandbox.ID, removal.SandboxID)
	require.Equal(t, daytona.ConfirmedByAbsence, removal.ConfirmedBy)
	require.False(t, removal.ConfirmedAt.Before(removal.RequestedAt))
	require.Equal(t, []string{
		"delete destroying", "confirm destroying", "confirm destroying", "confirm destroying", "confirm destroying",
	}, steps)
	require.Len(t, server.Requests("DELETE", ""), 1)
	require.Empty(t, server.Living())
	again, err := client.RemoveSandbox(generous(t), sandbox.ID, nil)
	require.NoError(t, err, "removing twice is removing once")
	require.Equal(t, daytona.ConfirmedByAbsence, again.ConfirmedBy)
}

func TestRemoveOutlastsFaults(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]daytonatest.Fault{
		"409 twice":           {{Method: "DELETE", Times: 2, Do: daytonatest.Answer(409, "Sandbox state change in progress")}},
		"500 of an odd state": {{Method: "DELETE", Do: daytonatest.Answer(500, "An unexpected error occurred.")}},
		"429":                 {{Method: "DELETE", Do: daytonatest.Answer(429, "slow", "Retry-After-sandbox-lifecycle", "1")}},
		"lost before":         {{Method: "DELETE", Do: daytonatest.ResetBefore}},
		"lost after":          {{Method: "DELETE", Do: daytonatest.ResetAfter}},
		"502 page":            {{Method: "DELETE", Do: daytonatest.Raw(502, "text/html", "<html>")}},
		"live fork children":  {{Method: "DELETE", Do: daytonatest.Answer(400, "has live children")}},
		"200 and not done":    {{Method: "DELETE", Do: daytonatest.Raw(200, "", "")}},
		"a gateway's 404 to the delete": {
			{Method: "DELETE", Do: daytonatest.Raw(404, "text/plain", "default backend - 404")},
		},
		"a gateway's 404 to the look": {
			{Method: "GET", Times: 2, Do: daytonatest.Raw(404, "text/html", "<h1>Not Found</h1>")},
			{Method: "GET", Do: daytonatest.Raw(404, "application/json", `{"error":{"code":404,"message":"not found"}}`)},
			{Method: "GET", Do: daytonatest.Raw(404, "application/json", `{"message":"no Route matched with those values"}`)},
			{Method: "GET", Do: daytonatest.Answer(404, "Cannot GET /api/sandbox/x")},
			{Method: "GET", Do: daytonatest.Raw(404, "", "")},
		},
		"looks that fail": {
			{Method: "GET", Do: daytonatest.ResetBefore},
			{Method: "GET", Do: daytonatest.Answer(401, "Invalid credentials")},
			{Method: "GET", Do: daytonatest.Raw(200, "application/json", `{"id":"another","state":"destroyed"}`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := daytonatest.Start(t, daytonatest.Options{DestroyPolls: 1})
			client := server.Client(t)
			sandbox := newSandbox(t, client)
			server.Fail(faults...)
			removal, err := client.RemoveSandbox(generous(t), sandbox.ID, nil)
			require.NoError(t, err)
			require.Equal(t, daytona.ConfirmedByAbsence, removal.ConfirmedBy)
			require.Empty(t, server.Living(), "proven gone while it lives")
		})
	}
}

func TestRemoveSaysWhenDaytonaOnlyHidesTheRow(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	sandbox := newSandbox(t, client)
	server.SetState(sandbox.ID, daytona.StateError, daytona.StateStarted, "boom")
	removal, err := client.RemoveSandbox(generous(t), sandbox.ID, nil)
	require.NoError(t, err)
	require.Equal(t, daytona.ConfirmedByErrorState, removal.ConfirmedBy)
}

func TestRemoveJoinsADeleteThatIsAtWork(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{DestroyPolls: 3})
	client := server.Client(t)
	sandbox := newSandbox(t, client)
	require.NoError(t, client.DeleteSandbox(generous(t), sandbox.ID))
	require.ErrorIs(t, client.DeleteSandbox(generous(t), sandbox.ID), daytona.ErrConflict)
	_, err := client.RemoveSandbox(generous(t), sandbox.ID, nil)
	require.NoError(t, err)
	require.ErrorIs(t, client.DeleteSandbox(generous(t), sandbox.ID), daytona.ErrNotFound)
}

func TestRemoveStopsWhenTheKeyMayNotDelete(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403} {
		server := daytonatest.Start(t, daytonatest.Options{})
		client := server.Client(t)
		sandbox := newSandbox(t, client)
		server.Fail(daytonatest.Fault{Method: "DELETE", Do: daytonatest.Answer(status, "no")})
		_, err := client.RemoveSandbox(generous(t), sandbox.ID, nil)
		require.ErrorIs(t, err, daytona.ErrDeleteDenied)
		require.ErrorContains(t, err, sandbox.ID)
	}
}

// A sandbox that is still there long after its delete was accepted is deleted again, for as long as the context lasts.
func TestRemoveDeletesAgainAndNeverClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deletes := 0
		client := directClient(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				deletes++
			}
			_, _ = w.Write([]byte(`{"id":"i","state":"destroying","desiredState":"destroyed"}`))
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		_, err := client.RemoveSandbox(ctx, "i", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "last destroying")
		require.InDelta(t, 10, deletes, 2)
	})
}

func TestRemoveAcceptsTheDestroyedState(t *testing.T) {
	t.Parallel()
	client := directClient(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"i","state":"destroyed"}`))
	})
	removal, err := client.RemoveSandbox(generous(t), "i", nil)
	require.NoError(t, err)
	require.Equal(t, daytona.ConfirmedByState, removal.ConfirmedBy)
}

func TestRemoveNeedsAnId(t *testing.T) {
	t.Parallel()
	client := directClient(t, func(http.ResponseWriter, *http.Request) { t.Error("sent") })
	_, err := client.RemoveSandbox(generous(t), "", nil)
	require.ErrorIs(t, err, daytona.ErrInvalidRequest)
}

// A rate limit is respected, and whoever watches hears of the wait.
func TestRemoveWaitsAsLongAsTheServerWishes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deletes := 0
		client := directClient(t, func(w http.ResponseWriter, r *http.Request) {
			if deletes++; deletes == 1 {
				daytonatest.Answer(429, "slow", "Retry-After-sandbox-lifecycle", "40")(w, r, nil)
				return
			}
			daytonaError(404, "Sandbox with ID or name i not found")(w, r)
		})
		begin, waits := time.Now(), 0
		_, err := client.RemoveSandbox(t.Context(), "i", func(p daytona.RemovalProgress) {
			if p.Step == "wait" {
				waits++
				require.ErrorIs(t, p.Err, daytona.ErrRateLimited)
			}
		})
		require.NoError(t, err)
		require.Equal(t, 40*time.Second, time.Since(begin))
		require.Equal(t, 13, waits)
	})
}
