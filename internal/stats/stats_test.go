package stats_test

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// The README of openai/human-eval shows pass@1 of its example (6 answers to one problem, 3 of them right) as
// 0.4999999999999999: numpy's product of many factors. Scripts compare with 0.5, so ours is rounded once.
func TestPassAtKPublishedExample(t *testing.T) {
	got, ok := stats.PassAtK(6, 3, 1)
	require.True(t, ok)
	require.InDelta(t, 0.5, got, 0)
}

func TestPassAtK(t *testing.T) {
	for _, test := range []struct {
		n, c, k int
		want    float64
	}{
		{1, 0, 1, 0},
		{1, 1, 1, 1},
		{5, 0, 5, 0},
		{5, 1, 5, 1},
		{10, 4, 7, 1},
		{4, 2, 2, 5.0 / 6}, // 1 − C(2,2)/C(4,2)
		{200, 1, 100, 0.5}, // the paper's n and largest k: 1 − C(199,100)/C(200,100)
		{1000000, 1, 1, 1e-6},
	} {
		got, ok := stats.PassAtK(test.n, test.c, test.k)
		require.True(t, ok)
		require.InDelta(t, test.want, got, 1e-12, "%+v", test)
	}
	for _, test := range [][3]int{{0, 0, 1}, {3, 1, 4}, {3, 4, 1}, {3, -1, 1}, {3, 1, 0}} {
		_, ok := stats.PassAtK(test[0], test[1], test[2])
		require.False(t, ok, "%v", test)
	}
}

func TestPassAtKIsTheBinomialQuotient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		c, k := rapid.IntRange(0, n).Draw(t, "c"), rapid.IntRange(1, n).Draw(t, "k")
		got, ok := stats.PassAtK(n, c, k)
		none := new(big.Int).Binomial(int64(n-c), int64(k))
		if k > n-c {
			none = new(big.Int)
		}
		quotient, _ := new(big.Rat).SetFrac(none, new(big.Int).Binomial(int64(n), int64(k))).Float64()
		require.True(t, ok)
		require.InDelta(t, 1-quotient, got, 1e-9)
	})
}

func ptr[T any](v T) *T { return &v }

func scored(sample string, passed bool, score float64) spec.TrialRow {
	return spec.TrialRow{
		SampleID: sample, Status: spec.StatusCompleted, Passed: &passed, Score: &score,
		Cleanup: spec.CleanupProven, SandboxSeconds: 1.5,
	}
}

func broken(sample, origin string) spec.TrialRow {
	return spec.TrialRow{SampleID: sample, Status: spec.StatusError, Error: &spec.EvalError{Origin: origin}, Cleanup: spec.CleanupPending}
}

func TestMetricsShowWhatWasNotScored(t *testing.T) {
	rows := []spec.TrialRow{
		scored("a", true, 1), scored("a", false, 0), scored("b", true, 1),
		broken("b", spec.OriginInfra), broken("c", spec.OriginUser), broken("c", spec.OriginAmbiguous),
		{SampleID: "d", Status: spec.StatusCancelled},
		{SampleID: "e", Status: spec.StatusCompleted}, // completed without a score: counted, never as a pass
		{SampleID: "f", Status: spec.StatusCancelled, Error: &spec.EvalError{Origin: spec.OriginInfra}},
	}
	got := stats.Aggregate(slices.Values(rows), stats.Choice{PassAtK: []int{1, 2, 3}})
	wilson, ok := stats.Wilson(2.0/3, 3)
	require.True(t, ok)
	require.InDelta(t, math.Sqrt(2.0/9)/3, *got.AccuracyStderr, 1e-15)
	got.AccuracyStderr = nil
	require.Equal(t, spec.Metrics{
		NTotal: 9, NScored: 3, NPassed: 2, NInfraError: 1, NError: 3, NCancelled: 2,
		Coverage: 1.0 / 3, Accuracy: ptr(2.0 / 3), MeanScore: ptr(2.0 / 3),
		// Deviations from 2/3: a 1 − 4/3, b 1 − 2/3, so √(1/9 + 1/9) ÷ 3; less than of independent trials, so Wilson's n is 3.
		AccuracyInterval: &wilson, NClusters: 2,
		PassAtK:        map[string]float64{"1": 0.75, "2": 1}, // "2" over sample a alone, "3" over none
		PendingCleanup: 3, SandboxSeconds: 4.5,
	}, got)
}

func TestMetricsOfNothing(t *testing.T) {
	got := stats.Aggregate(slices.Values([]spec.TrialRow{}), stats.Choice{PassAtK: []int{1}})
	require.Equal(t, spec.Metrics{PassAtK: map[string]float64{}}, got)
	require.Equal(t, spec.VerdictInconclusive, verdictOf(got, spec.Gate{}))
	_, err := json.Marshal(got)
	require.NoError(t, err)
}

func TestHumanEvalsExampleSamples(t *testing.T) {
	var rows []spec.TrialRow
	for i := range 6 {
		rows = append(rows, scored("test/0", i%2 == 0, float64(1-i%2)))
	}
	got := stats.Aggregate(slices.Values(rows), stats.Choice{PassAtK: []int{1, 10}})
	require.InDelta(t, 0.5, got.PassAtK["1"], 1e-15)
	require.NotContains(t, got.PassAtK, "10")
}

func verdictOf(m spec.Metrics, gate spec.Gate) string {
	verdict, _ := stats.Judge(m, gate, nil)
	return verdict
}

func TestVerdict(t *testing.T) {
	metrics := func(total, scored, passed int) spec.Metrics {
		m := spec.Metrics{NTotal: total, NScored: scored, NPassed: passed, Coverage: float64(scored) / float64(total)}
		if scored > 0 {
			m.Accuracy = ptr(float64(passed) / float64(scored))
		}
		return m
	}
	for name, test := range map[string]struct {
		metrics spec.Metrics
		gate    spec.Gate
		want    string
	}{
		"no gate, all failed":      {metrics(10, 10, 0), spec.Gate{}, spec.VerdictPass},
		"no gate, at the coverage": {metrics(100, 95, 95), spec.Gate{}, spec.VerdictPass},
		"no gate, below coverage":  {metrics(100, 94, 94), spec.Gate{}, spec.VerdictInconclusive},
		"gate met exactly":         {metrics(10, 10, 5), spec.Gate{MinAccuracy: ptr(0.5)}, spec.VerdictPass},
		"gate missed":              {metrics(10, 10, 4), spec.Gate{MinAccuracy: ptr(0.5)}, spec.VerdictFail},
		"coverage before accuracy": {metrics(10, 5, 0), spec.Gate{MinAccuracy: ptr(0.5)}, spec.VerdictInconclusive},
		"own coverage":             {metrics(10, 5, 5), spec.Gate{MinCoverage: ptr(0.5)}, spec.VerdictPass},
		"no coverage asked":        {metrics(10, 0, 0), spec.Gate{MinCoverage: ptr(0.0)}, spec.VerdictInconclusive},
		"nothing scored, gate 0":   {metrics(10, 0, 0), spec.Gate{MinCoverage: ptr(0.0), MinAccuracy: ptr(0.0)}, spec.VerdictInconclusive},
	} {
		require.Equal(t, test.want, verdictOf(test.metrics, test.gate), name)
	}
}

func TestMetricsAreWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.Custom(func(t *rapid.T) spec.TrialRow {
			sample := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "sample")
			if rapid.Bool().Draw(t, "broken") {
				return broken(sample, rapid.SampledFrom([]string{spec.OriginInfra, spec.OriginUser}).Draw(t, "origin"))
			}
			return scored(sample, rapid.Bool().Draw(t, "passed"), rapid.Float64Range(-1e15, 1e15).Draw(t, "score"))
		})).Draw(t, "rows")
		m := stats.Aggregate(slices.Values(rows), stats.Choice{PassAtK: []int{1, 2, 5}})
		require.Equal(t, len(rows), m.NTotal)
		require.Equal(t, m.NTotal, m.NScored+m.NInfraError+m.NError+m.NCancelled)
		require.LessOrEqual(t, m.NPassed, m.NScored)
		for _, estimate := range m.PassAtK {
			require.True(t, estimate >= 0 && estimate <= 1)
		}
		verdict := verdictOf(m, spec.Gate{})
		require.Equal(t, m.NScored > 0 && m.Coverage >= 0.95, verdict == spec.VerdictPass)
		_, err := json.Marshal(m)
		require.NoError(t, err)
	})
}
