package daytona_test

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/daytona/daytonatest"
)

func TestCreateSendsWhatTheWireWants(t *testing.T) {
	t.Parallel()
	var body map[string]any
	client, err := daytona.New(daytona.Config{
		APIURL: "http://daytona.test/api", APIKey: "k", Target: "eu",
		Transport: direct{func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewDecoder(r.Body).Decode(&body)
			_, _ = w.Write([]byte(`{"id":"i","autoStopInterval":0,"autoDeleteInterval":-1,"networkBlockAll":false,"domainAllowList":"a.org, *.b.org","networkAllowList":"10.0.0.0/8","createdAt":"2026-01-02T03:04:05.6Z"}`))
		}},
	})
	require.NoError(t, err)
	labels := map[string]string{"a": "1"}
	zero, ttl := 0, 30
	sandbox, err := client.CreateSandbox(generous(t), daytona.CreateRequest{
		Name: "n", Image: "debian:12", Language: "python", Labels: labels, Env: map[string]string{"E": "1"},
		VaultSecrets:    map[string]string{"B": "b-prod", "A": "a-prod"},
		Resources:       &daytona.Resources{CPU: 2, MemoryGiB: 4},
		DomainAllowList: []string{"a.org", "*.b.org"}, NetworkAllowList: []string{"10.0.0.0/8"},
		AutoStopMinutes: &zero, AutoDeleteMinutes: &zero, TTLMinutes: &ttl,
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"name": "n", "target": "eu", "env": map[string]any{"E": "1"},
		"secrets":   []any{map[string]any{"A": "a-prod"}, map[string]any{"B": "b-prod"}},
		"labels":    map[string]any{"a": "1", "code-toolbox-language": "python"},
		"buildInfo": map[string]any{"dockerfileContent": "FROM debian:12"}, "cpu": 2.0, "memory": 4.0,
		"domainAllowList": "a.org,*.b.org", "networkAllowList": "10.0.0.0/8",
		"autoStopInterval": 0.0, "autoDeleteInterval": 0.0, "ttlMinutes": 30.0,
	}, body)
	require.Equal(t, map[string]string{"a": "1"}, labels, "the caller's labels are the caller's")
	require.Equal(t, 0, *sandbox.AutoStopMinutes)
	require.Equal(t, -1, *sandbox.AutoDeleteMinutes)
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.UTC), sandbox.CreatedAt)
	require.Zero(t, sandbox.AutoDestroyAt)
	open := false
	require.Equal(t, daytona.Network{BlockAll: &open, AllowList: []string{"10.0.0.0/8"}, Domains: []string{"a.org", "*.b.org"}}, sandbox.Network)
}

func TestCreateRefusesContradictionsUnsent(t *testing.T) {
	t.Parallel()
	client := directClient(t, func(http.ResponseWriter, *http.Request) { t.Error("sent") })
	for _, request := range []daytona.CreateRequest{
		{Snapshot: "s", Image: "i"},
		{Image: "debian\nRUN evil"},
		{NetworkBlockAll: true, DomainAllowList: []string{"a.org"}},
		{NetworkAllowList: make([]string, 11)},
	} {
		_, err := client.CreateSandbox(generous(t), request)
		require.ErrorIs(t, err, daytona.ErrInvalidRequest)
		require.False(t, daytona.Ambiguous(err))
		require.False(t, daytona.Transient(err))
	}
}

// Every way in which a create can go wrong, each over real connections: what the error is, whether it says that a sandbox
// may exist, and whether one does. The last must never be so without the one before.
func TestCreateFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		do        func(http.ResponseWriter, *http.Request, http.HandlerFunc)
		is        error
		ambiguous bool
		exists    bool
		// unanswered: the request may still be on its way.
		unanswered bool
	}{
		"lost before it was done": {do: daytonatest.ResetBefore, ambiguous: true, unanswered: true},
		"done, answer lost":       {do: daytonatest.ResetAfter, ambiguous: true, exists: true, unanswered: true},
		"done, no answer in time": {do: daytonatest.HangAfter, is: context.DeadlineExceeded, ambiguous: true, exists: true, unanswered: true},
		"done, gateway gave up":   {do: daytonatest.FailAfter(504, "timeout"), ambiguous: true, exists: true, unanswered: true},
		"done, failed to start":   {do: daytonatest.FailAfter(400, "Sandbox failed to start: boom"), is: daytona.ErrStartFailed, ambiguous: true, exists: true},
		"done, answer cut":        {do: daytonatest.CutAfter(20), ambiguous: true, exists: true},
		"done, answer not JSON":   {do: daytonatest.Raw(200, "text/html", "<html>"), is: daytona.ErrBadAnswer, ambiguous: true},
		"done, answer without id": {do: daytonatest.Raw(200, "application/json", "{}"), is: daytona.ErrBadAnswer, ambiguous: true},
		"500":                     {do: daytonatest.Answer(500, "An unexpected error occurred."), ambiguous: true},
		"502 of a gateway":        {do: daytonatest.Raw(502, "text/html", "<html>bad</html>"), ambiguous: true, unanswered: true},
		"409":                     {do: daytonatest.Answer(409, "Sandbox with name x already exists"), is: daytona.ErrConflict},
		"429":                     {do: daytonatest.Answer(429, "ThrottlerException: Too Many Requests", "Retry-After-sandbox-create", "7"), is: daytona.ErrRateLimited},
		"401":                     {do: daytonatest.Answer(401, "Invalid credentials"), is: daytona.ErrUnauthorized},
		"403":                     {do: daytonatest.Answer(403, "no"), is: daytona.ErrForbidden},
		"quota as 400":            {do: daytonatest.Answer(400, "Total CPU limit exceeded. Maximum allowed: 10."), is: daytona.ErrQuota},
		"quota as 403":            {do: daytonatest.Answer(403, "Organization quota reached"), is: daytona.ErrQuota},
		"no runners":              {do: daytonatest.Answer(400, "No available runners"), is: daytona.ErrNoCapacity},
		"unknown snapshot":        {do: daytonatest.Answer(400, "Snapshot x not found. Did you add it?"), is: daytona.ErrUnknownSnapshot},
		"other 400":               {do: daytonatest.Answer(400, "name must be a string"), is: daytona.ErrBadRequest},
		"redirect":                {do: daytonatest.Raw(308, "text/plain", ""), is: daytona.ErrBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := daytonatest.Start(t, daytonatest.Options{})
			server.Fail(daytonatest.Fault{Method: "POST", Path: "/api/sandbox", Do: test.do})
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			if test.is != context.DeadlineExceeded {
				ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
			}
			defer cancel()
			_, err := server.Client(t).CreateSandbox(ctx, daytona.CreateRequest{Name: "x"})
			var failed *daytona.Error
			require.ErrorAs(t, err, &failed)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.Equal(t, test.ambiguous, daytona.Ambiguous(err), "%v", err)
			require.Equal(t, test.unanswered, daytona.Unanswered(err), "%v", err)
			require.Equal(t, test.exists, len(server.Living()) > 0)
			require.Len(t, server.Requests("POST", "/sandbox"), 1, "exactly one POST")
		})
	}
}

func TestCreateThatNeverLeftIsNotAmbiguous(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	client, err := daytona.New(daytona.Config{APIURL: "http://" + address, APIKey: "k"})
	require.NoError(t, err)
	_, err = client.CreateSandbox(generous(t), daytona.CreateRequest{Name: "x"})
	require.Error(t, err)
	require.False(t, daytona.Ambiguous(err), "%v", err)
	require.True(t, daytona.Transient(err))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = client.CreateSandbox(ended, daytona.CreateRequest{Name: "x"})
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, daytona.Ambiguous(err))
}

// A connection that the server closed while it was idle must not turn into a second POST, nor into a silent success.
func TestCreateOnAStaleConnectionIsSentAtMostOnce(t *testing.T) {
	t.Parallel()
	server := daytonatest.Start(t, daytonatest.Options{})
	client := server.Client(t)
	for range 20 {
		require.NoError(t, client.Health(generous(t)))
		server.Fail(daytonatest.Fault{Method: "POST", Path: "/api/sandbox", Do: daytonatest.ResetAfter})
		before := len(server.Requests("POST", "/sandbox"))
		_, err := client.CreateSandbox(generous(t), daytona.CreateRequest{})
		require.True(t, daytona.Ambiguous(err), "%v", err)
		require.Len(t, server.Requests("POST", "/sandbox"), before+1)
	}
}

func TestAnUntrustedServerIsAMatterOfConfiguration(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it would report the broken handshake
	server.StartTLS()
	t.Cleanup(server.Close)
	client, err := daytona.New(daytona.Config{APIURL: server.URL, APIKey: "k"})
	require.NoError(t, err)
	_, err = client.CreateSandbox(generous(t), daytona.CreateRequest{Name: "x"})
	require.ErrorContains(t, err, "certificate")
	require.False(t, daytona.Ambiguous(err))
	require.False(t, daytona.Transient(err))
}
