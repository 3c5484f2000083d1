//go:build linux

package nets

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// Daytona's own clock alone. Temporal and every worker are dead, so no other net has anybody to work it. The sandbox
// server's minute lasts a second and a half, and nothing else is different: the TTL is what Pitwall asked for.
func TestProvidersClockRemovesWhenEverybodyIsDead(t *testing.T) {
	t.Parallel()
	const (
		ttl    = 21 // the least that the clocks of an eval admit
		minute = 1500 * time.Millisecond
	)
	s := harness.Start(t, harness.Options{Workers: -1, WorkerEnv: []string{"DAYTONA_SANDBOX_TTL_MINUTES=" + strconv.Itoa(ttl)}})
	s.QuickenSandboxd(minute)
	s.StartWorker()
	ids := []string{"abandoned/1", "abandoned/2", "abandoned/3"}
	for _, id := range ids {
		in := sleeper()
		in.Job.Steps[0].TimeLimit = spec.Duration(time.Minute) // more would raise the TTL
		s.Run(id, in)
	}
	left := map[string]time.Time{} // what is there when everybody dies, and until when
	for _, id := range ids {
		sandbox := s.AwaitSandbox(id)
		s.AwaitFile(sandbox, "/home/daytona/begun")
		left[sandbox.ID] = sandbox.CreatedAt.Add(ttl * minute)
	}
	s.TemporalServer.Kill()
	s.Workers[0].Kill()
	require.Len(t, s.Live(), len(ids), "nothing had ended before everybody died")

	for id, due := range left {
		s.AwaitGone(id)
		require.False(t, time.Now().Before(due), "sandbox %s went before its TTL", id)
	}
	require.Empty(t, s.Live())
	require.Equal(t, int64(len(ids)), s.Ledger().Destroyed)
}
