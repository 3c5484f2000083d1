//go:build linux

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// A job that asks for too much ends as that, and says so; its neighbours and the host live on.
func TestStormsAreResultsAndTheNeighboursLiveOn(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	const swallow = python + `
held = []
while True:
    held.append(bytearray(64 << 20))
    held[-1][::4096] = b"x" * len(held[-1][::4096])
EOF`
	const fork = python + `
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
EOF`
	storms := map[string]struct {
		in spec.EvalInput
		// limits of which one is met.
		limits []string
		check  func(t *testing.T, step spec.StepResult)
	}{
		"memory":    {in: harness.Command(swallow), limits: []string{"memory"}},
		"processes": {in: harness.Command("bash -c 'while :; do sleep 600 & done'"), limits: []string{"processes"}},
		// 256 Pythons, and what gVisor's kernel takes for them, may be over the bound on memory first.
		"forks": {in: harness.Command(fork), limits: []string{"processes", "memory"}},
		"disk": {in: harness.Command("cat /dev/zero >fill; echo status $?"), check: func(t *testing.T, step spec.StepResult) {
			require.NotContains(t, step.Stdout.Tail, "status 0")
		}},
		"output": {in: func() spec.EvalInput {
			in := harness.Command("head -c 40000000 /dev/zero; exit 1")
			in.Job.MaxOutputBytes = 1 << 20
			return in
		}(), check: func(t *testing.T, step spec.StepResult) {
			require.True(t, step.Stdout.Truncated)
			require.Equal(t, int64(40_000_000), step.Stdout.BytesTotal)
			require.Equal(t, int64(1<<20), step.Stdout.BytesKept)
			require.Equal(t, 1, *step.ExitCode)
		}},
	}
	neighbour := s.Run("storm/neighbour", harness.Command("i=0; while [ $i -lt 80 ]; do i=$((i+1)); sleep 0.1; done; echo alive"))
	s.AwaitSandbox("storm/neighbour")
	runs := map[string]client.WorkflowRun{}
	for name, storm := range storms {
		runs[name] = s.Run("storm/"+name, storm.in)
	}
	for name, storm := range storms {
		t.Run(name, func(t *testing.T) {
			result := s.Result(runs[name])
			require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
			require.Len(t, result.Attempts, 1, "%+v", result.Attempts[0].Error)
			require.Len(t, result.Job.Steps, 1)
			require.False(t, result.Job.SupervisorLost, "%+v", result.Job)
			if storm.limits == nil {
				require.Empty(t, result.Job.Steps[0].Limit)
			} else {
				require.Contains(t, storm.limits, result.Job.Steps[0].Limit)
				require.False(t, result.Score.Passed)
				require.False(t, result.Job.Steps[0].TimedOut)
			}
			if storm.check != nil {
				storm.check(t, result.Job.Steps[0])
			}
		})
	}
	require.Equal(t, "alive\n", s.Result(neighbour).Job.Steps[0].Stdout.Tail)
	require.Empty(t, s.Live())
}
