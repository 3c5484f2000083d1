package artifact_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
)

// Where a secret was replaced, what is kept and what it stands for are two numbers; the next worker goes on from both.
func TestAStreamKnowsHowMuchOfItsSourceItStandsFor(t *testing.T) {
	everyStore(t, func(t *testing.T, store *artifact.Store) {
		at := func(kept, source int64) {
			t.Helper()
			k, s, err := store.StreamPosition(t.Context(), stdout)
			require.NoError(t, err)
			require.Equal(t, []int64{kept, source}, []int64{k, s})
		}
		at(0, 0)
		chunk(t, store, 0, "plain ")
		at(6, 6)
		require.NoError(t, store.AppendRedacted(t.Context(), stdout, 6, 40, []byte("[REDACTED:K]")))
		at(18, 40)
		require.NoError(t, store.AppendRedacted(t.Context(), stdout, 18, 45, []byte("after")))
		at(23, 45)
		require.NoError(t, store.AppendRedacted(t.Context(), stdout, 30, 60, []byte("past a gap")))
		at(23, 45)
		got, err := readStream(t, store)
		require.Error(t, err)
		require.Equal(t, "plain [REDACTED:K]after", got)
		require.Error(t, store.AppendRedacted(t.Context(), stdout, 0, -1, []byte("x")))
	})
}
