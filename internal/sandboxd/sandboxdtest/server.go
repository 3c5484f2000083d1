//go:build linux

// Package sandboxdtest runs a real local sandbox server inside a test, for packages that need a real sandbox.
package sandboxdtest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/sandboxd"
)

// Start serves until the test ends, and then removes every sandbox. Without the built programs (bin/, or the paths in
// PITWALL_RUNSC and PITWALL_TOOLBOX) the test is not run, or fails where every part must run.
func Start(t testing.TB) *daytona.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "pw") // short: a Unix socket's path is
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	ctx, stop := context.WithCancel(context.Background())
	server, err := sandboxd.New(ctx, sandboxd.Config{
		StateDir: dir, RunscPath: program(t, "PITWALL_RUNSC", "runsc"), ToolboxPath: program(t, "PITWALL_TOOLBOX", "toolbox"),
	})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-served)
	})
	client, err := daytona.New(daytona.Config{APIURL: "http://" + listener.Addr().String() + "/api", APIKey: server.APIKey()})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	return client
}

func program(t testing.TB, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	for dir, _ := os.Getwd(); path == "" && dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path = filepath.Join(dir, "bin", name)
		}
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("PITWALL_TEST_STRICT") == "1" {
			t.Fatalf("needs %s: make build makes it, or set %s", name, variable)
		}
		t.Skipf("not run: the tests in a real sandbox, because %s is missing: make build makes it, or set %s", name, variable)
	}
	return path
}
