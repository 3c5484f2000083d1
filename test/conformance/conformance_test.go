//go:build linux

package conformance

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/sandboxd"
)

const (
	// installBound: 230 packages, 155 MB; 20 s from a near registry.
	installBound = 10 * time.Minute
	// runBound: one release's tests take some 10 s on a quiet machine.
	runBound = 5 * time.Minute
	// maxStateDir is the longest path that leaves room for the server's Unix sockets.
	maxStateDir = 48
)

func TestOfficialSDKRunsUnchanged(t *testing.T) {
	need(t, "node")
	need(t, "npm")
	apiURL, key := startServer(t)
	command(t, installBound, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	tests, err := filepath.Glob("*.test.mjs")
	require.NoError(t, err)
	require.NotEmpty(t, tests)
	for _, release := range releases(t) {
		t.Run(release, func(t *testing.T) {
			env := []string{"DAYTONA_API_URL=" + apiURL, "DAYTONA_API_KEY=" + key, "SDK=" + release}
			out := command(t, runBound, env, "node", append([]string{"--test", "--test-timeout=60000", "--test-reporter=spec"}, tests...)...)
			reportSkips(t, out)
		})
	}
}

// need skips the test, or fails it where every part must run.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	notRun(t, "there is no "+program)
}

func notRun(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("PITWALL_TEST_STRICT") == "1" {
		t.Fatalf("not run: the official SDK, because %s", why)
	}
	t.Skipf("not run: the official SDK, because %s", why)
}

// startServer serves sandboxes on a free loopback port until the test's end, which removes what is left of them.
func startServer(t *testing.T) (apiURL, key string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pwc")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.LessOrEqual(t, len(dir), maxStateDir)
	server, err := sandboxd.New(t.Context(), sandboxd.Config{StateDir: dir, RunscPath: program(t, "runsc"), ToolboxPath: program(t, "toolbox")})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
	})
	return "http://" + listener.Addr().String() + "/api", server.APIKey()
}

// program is a built program: in PITWALL_BIN, or in bin/ of the checkout.
func program(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("PITWALL_BIN")
	if dir == "" {
		dir = "../../bin"
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		notRun(t, "there is no "+path+" (make build)")
	}
	return path
}

// releases are the aliases of the SDK in package.json.
func releases(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("package.json")
	require.NoError(t, err)
	var manifest struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	require.NoError(t, json.Unmarshal(data, &manifest))
	var aliases []string
	for alias, version := range manifest.Dependencies {
		require.Regexp(t, `^npm:@daytona/sdk@\d+\.\d+\.\d+$`, version, "an exact pin")
		aliases = append(aliases, alias)
	}
	slices.Sort(aliases)
	require.NotEmpty(t, aliases)
	return aliases
}

// command runs a program in this folder, in a process group of its own that its bound ends, and returns what it printed.
func command(t *testing.T, bound time.Duration, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s:\n%s", name, strings.Join(args, " "), out)
	return string(out)
}

// reportSkips shows each test that the script could not run on this machine.
func reportSkips(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		if strings.Contains(line, "not run:") {
			t.Log(strings.TrimSpace(line))
		}
	}
}

// The lock file must install the same bytes anywhere: it pins every package by digest and names no registry.
func TestLockFilePinsEveryPackage(t *testing.T) {
	data, err := os.ReadFile("package-lock.json")
	require.NoError(t, err)
	var lock struct {
		Packages map[string]struct {
			Resolved  string `json:"resolved"`
			Integrity string `json:"integrity"`
		} `json:"packages"`
	}
	require.NoError(t, json.Unmarshal(data, &lock))
	require.Greater(t, len(lock.Packages), 1)
	for name, p := range lock.Packages {
		if name != "" {
			require.NotEmpty(t, p.Integrity, name)
			require.Empty(t, p.Resolved, name)
		}
	}
}
