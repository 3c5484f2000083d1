//go:build linux

package harness

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// StartPlatform starts the local sandbox server alone, until the test's end. Of the stack that it returns only that part,
// its client (Daytona), Live and Ledger work.
func StartPlatform(t testing.TB) *Stack {
	t.Helper()
	dir, err := os.MkdirTemp("", "pw")
	require.NoError(t, err)
	s := &Stack{t: t, bin: binDir(t), dir: dir, sandboxdPort: freePort(t)}
	t.Cleanup(func() {
		if t.Failed() {
			s.dumpLogs()
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	s.StartSandboxd()
	t.Cleanup(func() { s.Sandboxd.Stop() })
	return s
}
