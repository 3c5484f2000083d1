package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// A workflow task that is repeated writes its result again, later.
func TestResultThatIsWrittenAgainIsTheStoredOne(t *testing.T) {
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	results := Results{Store: store}
	first := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	in := WriteResultInput{Prefix: "evals/one", Result: spec.EvalResult{EvalID: "one", RunID: "r1", FinishedAt: first}}
	written, err := results.WriteResult(t.Context(), in)
	require.NoError(t, err)
	require.Zero(t, written.FinishedAt)

	in.Result.FinishedAt = first.Add(time.Second)
	again, err := results.WriteResult(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, first, again.FinishedAt)
	require.Equal(t, written.URI, again.URI)

	in.Result.RunID = "r2" // another run under the same ID is not told of it
	other, err := results.WriteResult(t.Context(), in)
	require.NoError(t, err)
	require.Zero(t, other.FinishedAt)
}

// An eval that was reset after its result had been written: nothing is written the second time.
func TestResultOfAnotherRunIsNotCountedAsWritten(t *testing.T) {
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	results := Results{Store: store}
	in := WriteResultInput{Prefix: "evals/one", Result: spec.EvalResult{EvalID: "one", RunID: "r1", FinishedAt: time.Now().UTC()}}
	written, err := results.WriteResult(t.Context(), in)
	require.NoError(t, err)
	require.True(t, writtenEntry(in, written, nil).Final)
	in.Result.RunID = "r2"
	written, err = results.WriteResult(t.Context(), in)
	require.NoError(t, err)
	entry := writtenEntry(in, written, nil)
	require.False(t, entry.Final, "pitwall_evals_total: each once, when its result is written; %+v", entry)
}
