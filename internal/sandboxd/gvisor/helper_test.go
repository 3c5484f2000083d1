//go:build linux

package gvisor

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

// program finds a built program: the environment's, else bin/ of the project. Without it the test is not run, and says so.
func program(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path, _ = filepath.Abs(filepath.Join("../../../bin", name))
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatalf("not run: needs %s (%v); `make build` makes it, or set %s", name, err, variable)
		}
		t.Skipf("not run: needs %s (%v); `make build` makes it, or set %s", name, err, variable)
	}
	return path
}

// stateDir is a directory of the test's own, outside of t.TempDir, whose removal a mount that was left would fail.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pw")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func testConfig(t *testing.T, dir string) Config {
	return Config{
		RunscPath: program(t, "PITWALL_RUNSC", "runsc"), AgentPath: program(t, "PITWALL_TOOLBOX", "toolbox"),
		StateDir: dir, Logger: zaptest.NewLogger(t),
	}
}

// newRuntime makes a runtime whose machines are all gone, and proven so, when the test ends.
func newRuntime(t *testing.T, change ...func(*Config)) *Runtime {
	t.Helper()
	cfg := testConfig(t, stateDir(t))
	for _, f := range change {
		f(&cfg)
	}
	r, err := New(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.Recover(context.Background(), func(State) bool { return false }))
		require.Empty(t, r.ours(), "processes left")
		if r.cgroups != nil {
			require.Empty(t, r.cgroups.list(), "cgroups left")
		}
		r.Close()
	})
	return r
}

func startMachine(t *testing.T, r *Runtime, s Spec) Machine {
	t.Helper()
	m, err := r.Start(t.Context(), s)
	require.NoError(t, err)
	return m
}

// run executes a shell command in a machine through its agent.
func run(t *testing.T, socket, user, command string) (code int, output string) {
	t.Helper()
	code, output, err := tryRun(t.Context(), socket, user, command)
	require.NoError(t, err)
	return code, output
}

func tryRun(ctx context.Context, socket, user, command string) (int, string, error) {
	client := http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return Dial(ctx, socket)
		},
	}}
	body, _ := json.Marshal(map[string]any{"command": command, "timeout": 100})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sandbox/process/execute", strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if user != "" {
		request.Header.Set("X-Pitwall-User", user)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var answer struct {
		ExitCode int
		Result   string
		Message  string
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	return answer.ExitCode, answer.Result + answer.Message, err
}
