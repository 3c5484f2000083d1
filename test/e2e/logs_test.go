//go:build linux

package e2e

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/test/harness"
)

func TestLogsAreFollowedThroughAWorkersDeath(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	run := s.Run("followed", harness.Command(longJob))
	sandbox := s.AwaitSandbox("followed")
	s.AwaitFile(sandbox, "/home/daytona/starts")
	follower := s.StartStarter("logs", "-f", "followed")
	s.Eventually("some of the job's output is shown", func(context.Context) bool {
		return strings.Contains(follower.Output(), "line 1\n")
	})
	s.Workers[0].Kill()
	s.StartWorker()
	require.True(t, s.Result(run).Score.Passed)
	require.Equal(t, 0, follower.Wait())
	var want strings.Builder
	for i := range 80 {
		want.WriteString("line " + strconv.Itoa(i) + "\n")
	}
	want.WriteString("start\n")
	require.Equal(t, want.String(), follower.Output(), "every line once, in order")

	stdout, stderr, code := s.Starter("logs", "followed")
	require.Equal(t, 0, code, stderr)
	require.Equal(t, want.String(), stdout)
	_, stderr, code = s.Starter("logs", "no-such-eval")
	require.Equal(t, 3, code)
	require.Contains(t, stderr, "no-such-eval")
}

func TestAttemptsKeepTheirOwnLogs(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	run := s.Run("attempts", harness.Command("echo here; touch begun; sleep 6"))
	first := s.AwaitSandbox("attempts")
	s.AwaitFile(first, "/home/daytona/begun")
	s.Eventually("the first attempt's output is stored", func(context.Context) bool {
		stdout, _, code := s.Starter("logs", "attempts")
		return code == 0 && stdout == "here\n"
	})
	require.NoError(t, s.Daytona.DeleteSandbox(t.Context(), first.ID))
	result := s.Result(run)
	require.True(t, result.Score.Passed)
	require.Len(t, result.Attempts, 2)
	for _, attempt := range []string{"1", "2"} {
		stdout, stderr, code := s.Starter("logs", "attempts", "--attempt", attempt)
		require.Equal(t, 0, code, stderr)
		require.Equal(t, "here\n", stdout)
	}
}
