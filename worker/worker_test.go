package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"pitwall/internal/daytona"
	"pitwall/internal/telemetry"
)

func TestParseQueues(t *testing.T) {
	t.Parallel()
	chosen, err := parseQueues("jobs, cleanup,jobs")
	require.NoError(t, err)
	require.Equal(t, []string{"jobs", "cleanup"}, chosen)
	for _, list := range []string{"", "jobs,", "all"} {
		_, err := parseQueues(list)
		require.ErrorContains(t, err, "the queues are workflows, jobs, slots, cleanup", list)
	}
}

// A start asks again where Daytona answers a call badly, but not for ever, and not where only its operator can help.
func TestStartAsksAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status, bad int
		calls       int32
		problem     string
	}{
		"one bad answer": {status: http.StatusInternalServerError, bad: 1, calls: 2},
		"bad for ever":   {status: http.StatusBadGateway, bad: 1000, calls: askTries, problem: "reach Daytona"},
		"a wrong key":    {status: http.StatusUnauthorized, bad: 1000, calls: 1, problem: "refuses the API key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if int(calls.Add(1)) <= test.bad {
					w.WriteHeader(test.status)
				}
				_, _ = w.Write([]byte(`{"items":[],"nextCursor":null}`))
			}))
			t.Cleanup(server.Close)
			provider, err := daytona.New(daytona.Config{APIURL: server.URL, APIKey: "k"})
			require.NoError(t, err)
			err = checkKey(t.Context(), provider, time.Millisecond)
			if test.problem == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.problem)
			}
			require.Equal(t, test.calls, calls.Load())
		})
	}
}

// A start that cannot succeed is one line and a code that says whether starting again may help.
func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	unauthorized := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte(`{"statusCode":401,"message":"Invalid credentials","error":"Unauthorized"}`))
	}))
	t.Cleanup(unauthorized.Close)
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"items":[],"nextCursor":null}`))
	}))
	t.Cleanup(empty.Close)
	home := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		env  []string
		code int
		says string
	}{
		{"wrong queue", []string{"--queues", "job"}, nil, exitUsage, `unknown queue "job"`},
		{"wrong flag", []string{"--queue", "jobs"}, nil, exitUsage, "worker: flag provided but not defined: -queue: see worker -help"},
		{"argument", []string{"now"}, nil, exitUsage, `unexpected argument "now"`},
		{"wrong setting", nil, []string{"DAYTONA_MAX_PARALLEL_SANDBOXES=9999"}, exitUsage, "DAYTONA_MAX_PARALLEL_SANDBOXES=9999 is out of bounds"},
		{"no key", nil, nil, exitUsage, "set DAYTONA_API_KEY"},
		{"wrong key", nil, []string{"DAYTONA_API_KEY=k", "DAYTONA_API_URL=" + unauthorized.URL}, exitUsage, "refuses the API key"},
		{"no Daytona", nil, []string{"DAYTONA_API_KEY=k", "DAYTONA_API_URL=http://127.0.0.1:1"}, exitInfra, "reach Daytona at http://127.0.0.1:1"},
		{"no Temporal", nil, []string{"DAYTONA_API_KEY=k", "DAYTONA_API_URL=" + empty.URL, "TEMPORAL_ADDRESS=127.0.0.1:1"}, exitInfra, "connect to Temporal at 127.0.0.1:1"},
		{"no store", nil, []string{"DAYTONA_API_KEY=k", "DAYTONA_API_URL=" + empty.URL, "PITWALL_STORE=file:///dev/null/store"}, exitInfra, "/dev/null/store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			env := append([]string{"HOME=" + home, "XDG_STATE_HOME=" + home, "TEMPORAL_CONFIG_FILE=/dev/null"}, c.env...)
			require.Equal(t, c.code, execute(t.Context(), c.args, env, &stderr), stderr.String())
			require.Contains(t, stderr.String(), c.says)
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			require.Contains(t, lines[len(lines)-1], "worker: ")
			require.NotContains(t, stderr.String(), "goroutine")
		})
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	asked, problem := 0, error(nil)
	h := &health{log: zap.NewNop(), checks: []check{{"temporal", func(context.Context) error {
		asked++
		return problem
	}}}}
	ready := func() (int, string) {
		recorder := httptest.NewRecorder()
		h.ready(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		return recorder.Code, recorder.Body.String()
	}
	problem = errors.New("no answer")
	code, body := ready()
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.JSONEq(t, `{"ready":false,"problems":{"temporal":"no answer"}}`, body)

	problem = nil
	code, _ = ready() // a bad answer is not kept: recovery shows at once
	require.Equal(t, http.StatusOK, code)
	code, _ = ready()
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, 2, asked, "a good answer is reused for a moment")

	h.drain()
	code, body = ready()
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "draining")
}

func TestMetricsAreServedBesideHealth(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	metrics := telemetry.NewMetrics(time.Hour)
	metrics.RemovalBegins("one").Denied()
	h := &health{log: zap.NewNop(), metrics: metrics.Handler()}
	require.NoError(t, h.serve(t.Context(), addr))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	require.NoError(t, err)
	require.Contains(t, answer.Header.Get("Content-Type"), "text/plain")
	require.Contains(t, string(body), `pitwall_removals_blocked{reason="denied"} 1`)
}

// A worker that is told to stop while it waits for what it needs has been stopped, and has not failed.
func TestAStopWhileStartingIsAStop(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stop()
		<-r.Context().Done()
		close(asked)
	}))
	t.Cleanup(server.Close)
	var stderr bytes.Buffer
	environ := []string{"XDG_STATE_HOME=" + t.TempDir(), "DAYTONA_API_URL=" + server.URL + "/api", "DAYTONA_API_KEY=dtn_0123456789abcdef"}
	require.Equal(t, exitStopped, execute(ctx, nil, environ, &stderr), stderr.String())
	<-asked
	require.NotContains(t, stderr.String(), "worker: ")
}
