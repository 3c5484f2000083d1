//go:build linux

package sandboxd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"
)

// program finds a built program: the environment's, else bin/ of the project. Without it the test is not run, and says so.
func program(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path, _ = filepath.Abs(filepath.Join("../../bin", name))
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatalf("not run: needs %s (%v); `make build` makes it, or set %s", name, err, variable)
		}
		t.Skipf("not run: needs %s (%v); `make build` makes it, or set %s", name, err, variable)
	}
	return path
}

func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pw")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir), "something of it is still in use") })
	return dir
}

func testConfig(t *testing.T) Config {
	t.Helper()
	return Config{
		RunscPath: program(t, "PITWALL_RUNSC", "runsc"), ToolboxPath: program(t, "PITWALL_TOOLBOX", "toolbox"), StateDir: stateDir(t),
		ClockPeriod: 20 * time.Millisecond, Logger: zaptest.NewLogger(t, zaptest.WrapOptions(zap.IncreaseLevel(zapcore.InfoLevel))),
	}
}

// client speaks the wire to one server.
type client struct {
	t    *testing.T
	base string
	key  string
	// see looks at every exchange.
	see func(*http.Request, *http.Response, []byte)
}

// serve runs a server until the test ends.
func serve(t *testing.T, change ...func(*Config)) *client {
	t.Helper()
	cfg := testConfig(t)
	for _, f := range change {
		f(&cfg)
	}
	c, stop := serveConfig(t, cfg)
	t.Cleanup(stop)
	return c
}

func serveConfig(t *testing.T, cfg Config) (*client, func()) {
	t.Helper()
	s, err := New(t.Context(), cfg)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	stopped := false
	return &client{t: t, base: "http://" + listener.Addr().String(), key: s.APIKey()}, func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-done)
	}
}

// do sends a request with a JSON body (nil: none) and decodes the answer.
func (c *client) do(method, path string, body any, headers ...string) (int, map[string]any) {
	c.t.Helper()
	status, text := c.raw(method, path, body, headers...)
	var answer map[string]any
	_ = json.Unmarshal(text, &answer)
	return status, answer
}

func (c *client) raw(method, path string, body any, headers ...string) (int, []byte) {
	c.t.Helper()
	text := []byte{}
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		require.NoError(c.t, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	require.NoError(c.t, err)
	request.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	require.NoError(c.t, err)
	if c.see != nil {
		request.Body = io.NopCloser(bytes.NewReader(text))
		c.see(request, response, answer)
	}
	return response.StatusCode, answer
}

// create makes a sandbox and returns its ID.
func (c *client) create(body map[string]any) string {
	c.t.Helper()
	status, answer := c.do("POST", "/api/sandbox", body)
	require.Equal(c.t, 200, status, answer)
	require.Equal(c.t, "started", answer["state"])
	return answer["id"].(string)
}

// exec runs a shell command in a sandbox.
func (c *client) exec(id, command string, headers ...string) (code int, output string) {
	c.t.Helper()
	status, answer := c.do("POST", "/toolbox/"+id+"/process/execute", map[string]any{"command": command, "timeout": 100}, headers...)
	require.Equal(c.t, 200, status, answer)
	return int(answer["exitCode"].(float64)), answer["result"].(string)
}

func (c *client) state(id string) string {
	c.t.Helper()
	status, answer := c.do("GET", "/api/sandbox/"+id, nil)
	if status == 404 {
		return "404"
	}
	return answer["state"].(string)
}

// await waits until a sandbox is in a state; "404" is gone.
func (c *client) await(id, state string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return c.state(id) == state }, time.Minute, 5*time.Millisecond, "waiting for %s", state)
}
