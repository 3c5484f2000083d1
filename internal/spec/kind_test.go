package spec_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

func TestEachKindHasDefaultsOfItsOwnAndWhatIsSaidWins(t *testing.T) {
	for kind, want := range map[string]struct {
		limit    time.Duration
		output   int64
		priority int
	}{
		"":                      {time.Minute, 16 << 20, 3},
		spec.KindEvaluation:     {time.Minute, 16 << 20, 3},
		spec.KindDataPrep:       {10 * time.Minute, 16 << 20, 4},
		spec.KindToolSimulation: {30 * time.Second, 1 << 20, 2},
	} {
		in := spec.EvalInput{Kind: kind, Job: spec.Job{Steps: []spec.Step{{Command: "true"}}}}.WithDefaults(spec.Defaults{})
		require.Equal(t, want.limit, in.Job.Steps[0].TimeLimit.Std(), kind)
		require.Equal(t, want.output, in.Job.MaxOutputBytes, kind)
		require.Equal(t, want.priority, in.Priority.Key, kind)
		require.Equal(t, spec.NetworkNone, in.Sandbox.Network.Mode, kind)
		in.Job.Steps[0].TimeLimit, in.Job.MaxOutputBytes, in.Priority.Key = spec.Duration(time.Second), 7, 5
		require.Equal(t, in, in.WithDefaults(spec.Defaults{}), kind)
	}
}
