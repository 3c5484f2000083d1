package spec

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWithDefaultsResolvesEverything(t *testing.T) {
	in := EvalInput{
		Trial:     &Trial{Campaign: "c", Sample: "s", Epoch: 1},
		Job:       Job{Steps: []Step{{Command: "a"}, {Code: "b"}}},
		Artifacts: []ArtifactRule{{Path: "x"}},
		Scorer:    &Scorer{Type: ScorerRegex, Pattern: "x"},
	}
	got := in.WithDefaults(Defaults{Language: "javascript", TTL: Duration(40 * time.Minute)})
	require.Equal(t, KindEvaluation, got.Kind)
	require.Equal(t, "javascript", got.Sandbox.Language)
	require.Equal(t, Duration(40*time.Minute), got.Sandbox.TTL)
	require.Equal(t, NetworkNone, got.Sandbox.Network.Mode)
	require.Equal(t, Step{Name: "step-1", Command: "a", TimeLimit: Duration(time.Minute)}, got.Job.Steps[0])
	require.Equal(t, Step{Name: "step-2", Code: "b", Language: "javascript", TimeLimit: Duration(time.Minute)}, got.Job.Steps[1])
	require.Equal(t, HomeDir, got.Job.Cwd)
	require.EqualValues(t, 16<<20, got.Job.MaxOutputBytes)
	require.Equal(t, ArtifactRule{Path: "x", When: WhenSuccess, MaxBytes: 64 << 20}, got.Artifacts[0])
	require.Equal(t, &Scorer{Type: ScorerRegex, Pattern: "x", Step: "step-2", Stream: StreamStdout}, got.Scorer)
	require.Equal(t, 3, got.MaxAttempts)
	require.Equal(t, Priority{Key: 3, FairnessKey: "c", FairnessWeight: 1}, got.Priority)
	require.Empty(t, in.Job.Steps[0].Name, "the input is left alone")
	require.Equal(t, got, got.WithDefaults(Defaults{}), "a second time changes nothing")
	require.NoError(t, got.Validate())
}

func TestFairnessKeyFitsTemporal(t *testing.T) {
	long := "0123456789012345678901234567890123456789012345678901234567890123/retry-1"
	in := EvalInput{Trial: &Trial{Campaign: long}, Job: Job{Steps: []Step{{Command: "x"}}}}
	key := in.WithDefaults(Defaults{}).Priority.FairnessKey
	require.Len(t, key, MaxFairnessKeyBytes)
	in.Trial.Campaign = long[:63] + "x/retry-1"
	require.NotEqual(t, key, in.WithDefaults(Defaults{}).Priority.FairnessKey)
}

func TestClocksAreOrdered(t *testing.T) {
	steps := func(limits ...time.Duration) EvalInput {
		var in EvalInput
		for _, limit := range limits {
			in.Job.Steps = append(in.Job.Steps, Step{Command: "x", TimeLimit: Duration(limit)})
		}
		return in
	}
	cases := map[string]struct {
		in   EvalInput
		want Clocks
	}{
		"a short job keeps the default": {steps(time.Minute), Clocks{time.Minute, 25 * time.Minute, 30 * time.Minute}},
		"a long one raises it":          {steps(time.Hour, time.Second), Clocks{time.Hour + time.Second, 76 * time.Minute, 81 * time.Minute}},
		"up to the maximum":             {steps(700 * time.Minute), Clocks{700 * time.Minute, 715 * time.Minute, 720 * time.Minute}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			in := c.in.WithDefaults(Defaults{})
			got, err := in.Clocks(12 * time.Hour)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, Duration(c.want.TTL), in.Sandbox.TTL, "the effective TTL is the raised one")
		})
	}
	in := steps(700*time.Minute + time.Second).WithDefaults(Defaults{})
	_, err := in.Clocks(12 * time.Hour)
	require.ErrorContains(t, err, "11h40m1s need a sandbox TTL of 12h1m0s")
	require.ErrorContains(t, err, "maximum of 12h0m0s")
	in = steps(time.Minute)
	in.Sandbox.TTL = Duration(13 * time.Hour)
	_, err = in.WithDefaults(Defaults{}).Clocks(12 * time.Hour)
	require.ErrorContains(t, err, "sandbox.ttl: 13h0m0s is above the operator's maximum of 12h0m0s")
}

func TestScorerClocksAreItsOwn(t *testing.T) {
	in := EvalInput{Job: Job{Steps: []Step{{Command: "x", TimeLimit: Duration(5 * time.Hour)}}}, Scorer: &Scorer{Type: ScorerCommand, Command: "x"}}
	got, err := in.WithDefaults(Defaults{}).ScorerClocks(12 * time.Hour)
	require.NoError(t, err)
	require.Equal(t, Clocks{time.Minute, 16 * time.Minute, 21 * time.Minute}, got)
	in.Scorer = nil
	got, err = in.WithDefaults(Defaults{}).ScorerClocks(12 * time.Hour)
	require.NoError(t, err)
	require.Zero(t, got)
}
