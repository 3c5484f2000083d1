package activities

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestStartRateHalvesOnceForABurstOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newStartRate(8)
		for range 8 {
			ok, _ := r.begin(t.Context())
			require.True(t, ok)
		}
		for range 7 {
			r.end(startRefused, 0)
		}
		limit, waits := r.end(startRefused, 0)
		require.InDelta(t, 4, limit, 0)
		require.True(t, waits)
		began := time.Now()
		for range 4 {
			ok, _ := r.begin(t.Context())
			require.True(t, ok)
		}
		require.Equal(t, firstClosed, time.Since(began), "a short wait is waited for in the slot, by all at once")
		ok, wait := r.begin(t.Context())
		require.False(t, ok, "four at once, not five")
		require.Equal(t, firstClosed, wait)
		require.Equal(t, firstClosed+startPatience, time.Since(began))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		ok, _ = r.begin(ended)
		require.False(t, ok)
	})
}

func TestStartRateHonoursTheProvidersWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newStartRate(2)
		r.begin(t.Context())
		r.end(startRefused, 20*time.Second)
		began := time.Now()
		ok, wait := r.begin(t.Context())
		require.False(t, ok)
		require.Equal(t, 20*time.Second, wait)
		require.Zero(t, time.Since(began), "a long wait is not waited for in the slot")
	})
}

// A wish is honoured as far as the client itself would: ten minutes.
func TestStartRateHonoursALongWish(t *testing.T) {
	for wish, want := range map[time.Duration]time.Duration{5 * time.Minute: 5 * time.Minute, time.Hour: longestWish} {
		synctest.Test(t, func(t *testing.T) {
			r := newStartRate(2)
			r.begin(t.Context())
			r.begin(t.Context())
			r.end(startRefused, wish)
			r.end(startRefused, wish) // of the same burst
			_, wait := r.begin(t.Context())
			require.Equal(t, want, wait)
			time.Sleep(want)
			ok, _ := r.begin(t.Context())
			require.True(t, ok)
		})
	}
}

// After a create that went well nobody waits for the provider, though another that was under way with it was refused.
func TestStartRateOfACreateThatWentWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newStartRate(2)
		r.begin(t.Context())
		r.begin(t.Context())
		_, waits := r.end(startRefused, 0)
		require.True(t, waits)
		_, waits = r.end(startCreated, 0)
		require.False(t, waits)
	})
}

// Whoever waits for a place takes one as soon as another create has ended.
func TestStartRateHandsAPlaceOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newStartRate(1)
		r.begin(t.Context())
		go func() {
			time.Sleep(startPatience / 2)
			r.end(startCreated, 0)
		}()
		began := time.Now()
		ok, _ := r.begin(t.Context())
		require.True(t, ok)
		require.Equal(t, startPatience/2, time.Since(began))
	})
}

func TestStartRateRisesByOneForEachBoundful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newStartRate(100)
		r.begin(t.Context())
		r.end(startRefused, 0)
		time.Sleep(lastClosed)
		before := r.limit
		for range int(before) {
			r.begin(t.Context())
			r.end(startCreated, 0)
		}
		require.InDelta(t, before+1, r.limit, 0.05)
	})
}

func TestStartRateStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(drawn *rapid.T) {
		most := rapid.IntRange(1, 500).Draw(drawn, "most")
		steps := rapid.SliceOf(rapid.IntRange(0, 3)).Draw(drawn, "steps")
		synctest.Test(t, func(t *testing.T) {
			r := newStartRate(most)
			for _, step := range steps {
				switch ok, wait := r.begin(context.Background()); {
				case ok:
					r.end(startOutcome(min(step, 2)), time.Duration(step)*time.Hour)
				default:
					require.LessOrEqual(t, wait, longestWish, "never shut for good")
					time.Sleep(wait)
				}
				require.GreaterOrEqual(t, r.limit, 1.0)
				require.LessOrEqual(t, r.limit, float64(most))
				require.Zero(t, r.under)
			}
		})
	})
}
