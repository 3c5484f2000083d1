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

func TestWaitStartedOutlastsWhatPasses(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{StartPolls: 3})
	client := server.Client(t)
	sandbox, err := client.CreateSandbox(generous(t), daytona.CreateRequest{Name: "x"})
	require.NoError(t, err)
	require.Equal(t, daytona.StateCreating, sandbox.State)
	get := func(do func(http.ResponseWriter, *http.Request, http.HandlerFunc)) daytonatest.Fault {
		return daytonatest.Fault{Method: "GET", Path: "/api/sandbox/", Do: do}
	}
	server.Fail(
		get(daytonatest.Raw(502, "text/html", "<html>")), get(daytonatest.ResetBefore),
		get(daytonatest.Answer(429, "slow down")), get(daytonatest.Raw(404, "text/html", "<h1>default backend</h1>")),
		get(daytonatest.CutAfter(10)), get(daytonatest.Raw(200, "application/json", `{"id":"another"}`)),
	)
	started, err := client.WaitStarted(generous(t), sandbox.ID)
	require.NoError(t, err)
	require.True(t, started.Started())
	require.Equal(t, sandbox.ID, started.ID)
}

func TestWaitStartedEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state, desired string
		is             error
	}{
		"error":        {daytona.StateError, daytona.StateStarted, daytona.ErrStartFailed},
		"build failed": {daytona.StateBuildFailed, daytona.StateStarted, daytona.ErrStartFailed},
		"destroying":   {daytona.StateDestroying, daytona.StateDestroyed, daytona.ErrSandboxGone},
		"to go":        {daytona.StateStarted, daytona.StateDestroyed, daytona.ErrSandboxGone},
		"gone":         {daytona.StateDestroyed, daytona.StateDestroyed, daytona.ErrSandboxGone},
		"stopped":      {daytona.StateStopped, daytona.StateStopped, daytona.ErrSandboxNotRunning},
		"archived":     {daytona.StateArchived, daytona.StateArchived, daytona.ErrSandboxNotRunning},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := daytonatest.Start(t, daytonatest.Options{DestroyPolls: 9})
			client := server.Client(t)
			sandbox := newSandbox(t, client)
			server.SetState(sandbox.ID, test.state, test.desired, "the reason\x1b[31m")
			_, err := client.WaitStarted(generous(t), sandbox.ID)
			require.ErrorIs(t, err, test.is)
			var bad *daytona.BadStateError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, sandbox.ID, bad.SandboxID)
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

func TestWaitStartedStopsAtARefusedKey(t *testing.T) {
	t.Parallel()
	client := answering(t, daytonaError(401, "Invalid credentials"))
	_, err := client.WaitStarted(generous(t), "x")
	require.ErrorIs(t, err, daytona.ErrUnauthorized)
}

func TestWaitStartedNamesTheLastStateWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := directClient(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id":"i","state":"pulling_snapshot"}`))
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begin := time.Now()
		_, err := client.WaitStarted(ctx, "i")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "last pulling_snapshot")
		require.Equal(t, time.Hour, time.Since(begin))
	})
}

func TestWaitStartedOutlivesACallThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		client := directClient(t, func(w http.ResponseWriter, r *http.Request) {
			if calls++; calls == 1 {
				<-r.Context().Done()
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			_, _ = w.Write([]byte(`{"id":"i","state":"started"}`))
		})
		_, err := client.WaitStarted(t.Context(), "i")
		require.NoError(t, err)
	})
}

// daytonaError answers every request in the control plane's error shape.
func daytonaError(status int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { daytonatest.Answer(status, message)(w, r, nil) }
}
