//go:build linux

package toolbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds each wait of a test; nothing is asserted about how long a thing took.
const patience = 60 * time.Second

// agent is an agent that runs in the test's own process, for one user, with trusted commands, and speaks the wire.
type agent struct {
	t      *testing.T
	server *Server
	home   string
	client *http.Client
	socket string
}

func startAgent(t *testing.T) *agent {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // t.TempDir() can be longer than a socket's path may be
	require.NoError(t, err)
	home := filepath.Join(dir, "home")
	require.NoError(t, os.Mkdir(home, 0o755))
	server, err := New(Config{
		User: "tester", Home: home, StateDir: filepath.Join(dir, "state"), SingleUser: true,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	run := filepath.Join(dir, "run")
	require.NoError(t, os.Mkdir(run, 0o755))
	listener, err := Listen(filepath.Join(run, "s"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	a := &agent{t: t, server: server, home: home, socket: filepath.Join(run, "s")}
	transport := &http.Transport{DialContext: a.dial}
	a.client = &http.Client{Transport: transport, Timeout: patience}
	t.Cleanup(func() {
		for _, s := range server.sessions.all() {
			_, _ = server.sessions.take(s.id)
			s.close()
		}
		transport.CloseIdleConnections()
		cancel()
		require.NoError(t, <-served)
		require.NoError(t, os.RemoveAll(dir))
	})
	return a
}

func (a *agent) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", a.socket)
}

// answer is a whole HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request. header are pairs.
func (a *agent) do(method, target string, body io.Reader, header ...string) answer {
	a.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://sandbox"+target, body)
	require.NoError(a.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := a.client.Do(req)
	require.NoError(a.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(a.t, err)
	return answer{resp.StatusCode, resp.Header, text}
}

// json sends body as JSON, and decodes the answer, which must have the status, into into unless that is nil.
func (a *agent) json(method, target string, body any, status int, into any, header ...string) {
	a.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(a.t, err)
	got := a.do(method, target, bytes.NewReader(text), append(header, "Content-Type", "application/json")...)
	require.Equal(a.t, status, got.status, "%s %s: %s", method, target, got.body)
	if into != nil {
		require.NoError(a.t, json.Unmarshal(got.body, into), "%s", got.body)
	}
}

// refuse sends body as JSON and expects an error of the status and code.
func (a *agent) refuse(method, target string, body any, status int, code string) errorBody {
	a.t.Helper()
	var e errorBody
	a.json(method, target, body, status, &e)
	require.Equal(a.t, code, e.Code, e.Message)
	require.Equal(a.t, "DAYTONA_DAEMON", e.Source)
	require.Equal(a.t, status, e.StatusCode)
	require.NotEmpty(a.t, e.Message)
	return e
}

func (a *agent) execute(req executeRequest) executeResponse {
	a.t.Helper()
	var resp executeResponse
	a.json("POST", "/process/execute", req, http.StatusOK, &resp)
	return resp
}

// with makes a query.
func with(pairs ...string) string {
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	return "?" + query.Encode()
}

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool, message string) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, message)
}
