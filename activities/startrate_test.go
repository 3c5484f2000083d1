package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// rateAt is a startRate whose clock the test moves.
func rateAt(most int) (*startRate, *time.Time) {
	r := newStartRate(most)
	now := time.Unix(1_800_000_000, 0)
	r.now = func() time.Time { return now }
	return r, &now
}

func TestStartRateHalvesOnceForABurstOfRefusals(t *testing.T) {
	r, now := rateAt(8)
	for range 8 {
		ok, _ := r.begin(t.Context())
		require.True(t, ok)
	}
	for range 8 {
		r.end(startRefused, 0)
	}
	limit, closed := r.bound()
	require.InDelta(t, 4, limit, 0)
	require.True(t, closed)
	ok, wait := r.begin(t.Context())
	require.False(t, ok)
	require.Equal(t, firstClosed, wait)
	*now = now.Add(firstClosed)
	for range 4 {
		ok, _ = r.begin(t.Context())
		require.True(t, ok)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ok, _ = r.begin(ended)
	require.False(t, ok, "four at once, not five")
}

func TestStartRateHonoursTheProvidersWish(t *testing.T) {
	r, _ := rateAt(2)
	r.begin(t.Context())
	r.end(startRefused, 20*time.Second)
	_, wait := r.begin(t.Context())
	require.Equal(t, 20*time.Second, wait)
}

func TestStartRateRisesByOneForEachBoundful(t *testing.T) {
	r, now := rateAt(100)
	r.begin(t.Context())
	r.end(startRefused, 0)
	*now = now.Add(lastClosed)
	before, _ := r.bound()
	for range int(before) {
		r.begin(t.Context())
		r.end(startCreated, 0)
	}
	after, _ := r.bound()
	require.InDelta(t, before+1, after, 0.05)
}

func TestStartRateStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 500).Draw(t, "most")
		r, now := rateAt(most)
		for _, step := range rapid.SliceOf(rapid.IntRange(0, 3)).Draw(t, "steps") {
			switch ok, wait := r.begin(context.Background()); {
			case ok:
				r.end(startOutcome(min(step, 2)), time.Duration(step)*time.Hour)
			default:
				require.LessOrEqual(t, wait, lastClosed, "never shut for good")
				*now = now.Add(wait)
			}
			limit, _ := r.bound()
			require.GreaterOrEqual(t, limit, 1.0)
			require.LessOrEqual(t, limit, float64(most))
			require.Zero(t, r.under)
		}
	})
}
