package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// A worker that asked nothing knows when its turn comes: such turns neither make the wait grow nor use up the tries.
func TestPatienceGrowsWithTheProvidersRefusalsAlone(t *testing.T) {
	refused := &spec.EvalError{Type: activities.ErrTypeCapacity}
	var p patience
	for range 20 {
		wait, again := p.after(refused, fullness{wait: time.Second, unsent: true})
		require.True(t, again)
		require.Equal(t, time.Second, wait)
	}
	for _, want := range []time.Duration{capacityBackoff, 2 * capacityBackoff, 4 * capacityBackoff} {
		wait, again := p.after(refused, fullness{})
		require.True(t, again)
		require.Equal(t, want, wait)
	}
	wait, again := p.after(refused, fullness{wait: 5 * time.Minute})
	require.True(t, again)
	require.Equal(t, 5*time.Minute, wait, "the provider's wish")
}

func TestPatienceEnds(t *testing.T) {
	for _, unsent := range []bool{false, true} {
		var p patience
		total, tries := time.Duration(0), 0
		for ; ; tries++ {
			require.Less(t, tries, 10_000)
			wait, again := p.after(&spec.EvalError{Type: activities.ErrTypeCapacity}, fullness{wait: time.Second, unsent: unsent})
			if !again {
				break
			}
			total += wait
		}
		require.Greater(t, total, 15*time.Minute)
	}
	var p patience
	_, again := p.after(nil, fullness{})
	require.False(t, again)
	_, again = p.after(&spec.EvalError{Type: activities.ErrTypeCreateRefused}, fullness{})
	require.False(t, again)
}
