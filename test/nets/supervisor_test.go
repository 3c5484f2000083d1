//go:build linux

package nets

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// The supervisor alone: every worker is dead when the job passes its limit, so nobody but it is watching. The job has
// left its own session and ignores what may be ignored. A worker that comes later finds the record.
func TestSupervisorEndsAJobThatOutlivesItsLimit(t *testing.T) {
	t.Parallel()
	s := startUnreaped(t, harness.Options{})
	in := harness.Command(`trap '' TERM HUP INT
		setsid sh -c 'trap "" TERM HUP; while :; do sleep 4321; done' </dev/null >/dev/null 2>&1 &
		echo start >>starts; cat starts; touch begun
		while :; do sleep 4321; done`)
	in.Job.Steps[0].TimeLimit = spec.Duration(15 * time.Second)
	run := s.Run("unwatched", in)
	sandbox := s.AwaitSandbox("unwatched")
	s.AwaitFile(sandbox, "/home/daytona/begun")
	s.Workers[0].Kill()
	inside := s.Daytona.Toolbox(sandbox).AsRoot()
	require.GreaterOrEqual(t, strings.Count(processes(t, inside), "sleep 4321"), 2, "the job runs on without a worker")

	s.Eventually("the job's record stands", func(ctx context.Context) bool {
		_, err := inside.Info(ctx, "/var/tmp/.pitwall/state/exit") // which only root sees
		return err == nil
	})
	require.NotContains(t, processes(t, inside), "4321")
	record := strings.Fields(inSandbox(t, inside, "cat /var/tmp/.pitwall/state/1.exit"))
	require.Len(t, record, 4, "code, timed out, centiseconds, limit")
	require.Equal(t, "1", record[1], "it was out of time: %v", record)

	s.StartWorker()
	result := s.Result(run)
	require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
	require.False(t, result.Score.Passed)
	require.Len(t, result.Attempts, 1)
	require.True(t, result.Job.Steps[0].TimedOut)
	require.Equal(t, "start\n", result.Job.Steps[0].Stdout.Tail, "it ran once")
	require.Empty(t, s.Live())
	requireNoPass(t, s)
}

// processes are the command lines of everything that runs in a sandbox, and of nothing that is a zombie.
func processes(t *testing.T, inside *daytona.Toolbox) string {
	t.Helper()
	return inSandbox(t, inside, `sh -c 'for p in /proc/[0-9]*; do tr "\0" " " <$p/cmdline; echo; done 2>/dev/null'`)
}

func inSandbox(t *testing.T, inside *daytona.Toolbox, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result, err := inside.Execute(ctx, daytona.ExecuteRequest{Command: command, Cwd: "/", Timeout: 30 * time.Second})
	require.NoError(t, err)
	require.Zero(t, result.ExitCode, result.Output)
	return result.Output
}
