package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/spec"
)

func rule(share float64, window int) *spec.Breaker {
	return &spec.Breaker{MaxInfraShare: &share, Window: window}
}

func TestBreakerOpensAboveItsShareOfAFullWindow(t *testing.T) {
	b := newBreaker(rule(0.5, 4), BreakerState{})
	for range 3 {
		require.False(t, b.record(true, false), "three are no window")
	}
	require.True(t, b.admits())
	require.True(t, b.record(false, false), "3 of 4")
	require.False(t, b.admits())
	require.Contains(t, b.describe(), "3 of the last 4")

	half := newBreaker(rule(0.5, 4), BreakerState{Recent: []bool{true, true, false}})
	require.False(t, half.record(false, false), "half is not more than half")
	require.True(t, half.admits())
}

func TestBreakerAdmitsOneProbeAtATime(t *testing.T) {
	b := newBreaker(rule(0.5, 2), BreakerState{Recent: []bool{true}})
	require.True(t, b.record(true, false))
	require.Equal(t, firstProbe, b.wait())
	b.probe()
	require.True(t, b.admits())
	require.True(t, b.started(), "it is the probe")
	require.False(t, b.admits(), "one at a time")
	require.False(t, b.record(false, false), "a trial from before says nothing")
	require.False(t, b.admits())
	require.True(t, b.record(true, true), "the probe broke")
	require.Equal(t, 2*firstProbe, b.wait())
	b.probe()
	b.started()
	b.abandoned()
	require.True(t, b.admits(), "a cancelled probe is tried again")
	b.started()
	require.False(t, b.record(false, true))
	require.True(t, b.admits())
	require.False(t, b.started(), "an ordinary start")
	require.Equal(t, BreakerState{}, b.state)
}

// A share of 1 is never exceeded, and no rule is none.
func TestBreakerThatIsOffNeverOpens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 30).Draw(t, "window")
		breakers := []*breaker{newBreaker(rule(1, window), BreakerState{}), newBreaker(nil, BreakerState{})}
		for _, infra := range rapid.SliceOfN(rapid.Bool(), 0, 100).Draw(t, "trials") {
			for _, b := range breakers {
				require.False(t, b.record(infra, b.started()))
				require.True(t, b.admits())
				require.LessOrEqual(t, len(b.state.Recent), window)
			}
		}
	})
}

func TestBreakerWaitsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBreaker(rule(0.1, 1), BreakerState{Open: true, Probes: rapid.IntRange(0, 1_000_000).Draw(t, "probes")})
		require.GreaterOrEqual(t, b.wait(), firstProbe)
		require.LessOrEqual(t, b.wait(), lastProbe)
	})
}
