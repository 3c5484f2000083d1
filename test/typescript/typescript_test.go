//go:build linux

package typescript

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/test/harness"
)

// bound is for the fetch of some 60 packages, their compilation, and one eval, on a slow machine.
const bound = 10 * time.Minute

func TestTheTypeScriptExampleRuns(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			notRun(t, "there is no "+program)
		}
	}
	s := harness.Start(t, harness.Options{})
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../../examples/mams/typescript")))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "node_modules"))) // of somebody's own run
	run(t, s, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	out := run(t, s, dir, "npm", "start", "--silent")
	require.Equal(t, "true deal at 80\n\nfound mams/session-9/negotiation-3/1\n", out)
}

func run(t *testing.T, s *harness.Stack, dir, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), s.ClientEnv()...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func notRun(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("PITWALL_TEST_STRICT") == "1" {
		t.Fatalf("not run: the TypeScript example, because %s", why)
	}
	t.Skipf("not run: the TypeScript example, because %s", why)
}
