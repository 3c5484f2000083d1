package results

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func upTo(n int, last error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if last != nil {
			yield(0, last)
		}
	}
}

// collect reads until the first error.
func collect(seq iter.Seq2[int, error]) (all []int, err error) {
	for n, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, n)
	}
	return all, nil
}

func TestAheadKeepsTheOrderAndTheBound(t *testing.T) {
	var running, most atomic.Int64
	odd := make(chan struct{}, 1000)
	got, err := collect(ahead(t.Context(), upTo(1000, nil), func(_ context.Context, n int) (int, error) {
		now := running.Add(1)
		defer running.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		if n%2 == 1 {
			odd <- struct{}{}
		} else if n < 998 {
			<-odd // an even one waits for a later one, so none would end one after the other
		}
		return n * n, nil
	}))
	require.NoError(t, err)
	require.Len(t, got, 1000)
	for n, square := range got {
		require.Equal(t, n*n, square)
	}
	require.LessOrEqual(t, most.Load(), int64(readsAhead))
	require.Greater(t, most.Load(), int64(1))
}

func TestAheadEndsAtTheFirstErrorAndLeavesNothingRunning(t *testing.T) {
	broken := errors.New("broken")
	var started, ended atomic.Int64
	work := func(_ context.Context, n int) (int, error) {
		started.Add(1)
		defer ended.Add(1)
		if n == 5 {
			return 0, broken
		}
		return n, nil
	}
	got, err := collect(ahead(t.Context(), upTo(1000, nil), work))
	require.ErrorIs(t, err, broken)
	require.Equal(t, []int{0, 1, 2, 3, 4}, got)
	require.Equal(t, started.Load(), ended.Load())
	require.Less(t, started.Load(), int64(5+2*readsAhead+2))

	got, err = collect(ahead(t.Context(), upTo(3, broken), work))
	require.ErrorIs(t, err, broken)
	require.Equal(t, []int{0, 1, 2}, got)

	for range ahead(t.Context(), upTo(1000, nil), work) {
		break
	}
	require.Equal(t, started.Load(), ended.Load())
}

func TestAheadReportsThatItWasCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := collect(ahead(ctx, upTo(1000, nil), func(_ context.Context, n int) (int, error) {
		if n == 3 {
			cancel()
		}
		return n, nil
	}))
	require.ErrorIs(t, err, context.Canceled)
}
