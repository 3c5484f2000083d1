//go:build linux

package harness

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// Background is a command line that runs beside the test. Its stdout and stderr are kept together.
type Background struct {
	*Process
	s *Stack
}

// StartStarter runs the command line in the background; the test's end kills it.
func (s *Stack) StartStarter(args ...string) Background {
	s.t.Helper()
	log := filepath.Join(s.t.TempDir(), "starter.out")
	return Background{start(s.t, "starter "+strings.Join(args, " "), log, s.ClientEnv(), filepath.Join(s.bin, "starter"), args...), s}
}

// Output is what it has printed so far.
func (b Background) Output() string {
	b.s.t.Helper()
	data, err := os.ReadFile(b.log)
	require.NoError(b.s.t, err)
	return string(data)
}

// Wait waits for its end and returns its exit code.
func (b Background) Wait() int {
	b.s.t.Helper()
	select {
	case <-b.done:
		return b.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		b.s.t.Fatalf("%s did not end: %s", b.name, b.Tail())
		return 0
	}
}
