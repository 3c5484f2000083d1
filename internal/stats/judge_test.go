package stats_test

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

func canaryRow(status string) spec.TrialRow {
	return spec.TrialRow{SampleID: "canary-1:a", Canary: spec.ExpectPass, Status: status}
}

func TestCanariesAreCountedApart(t *testing.T) {
	rows := []spec.TrialRow{
		canaryRow(spec.StatusCompleted), canaryRow(spec.StatusError), canaryRow(spec.StatusCancelled), scored("a", true, 1),
	}
	got := stats.Aggregate(slices.Values(rows), stats.Choice{})
	require.Equal(t, []int{1, 1, 1, 3, 1}, []int{got.NTotal, got.NScored, got.NPassed, got.NCanary, got.CanariesFailed})
	require.InDelta(t, 1, got.Coverage, 0)
	verdict, reasons := stats.Judge(got, spec.Gate{MinAccuracy: ptr(1.0)}, nil)
	require.Equal(t, spec.VerdictInconclusive, verdict)
	require.Contains(t, reasons[0], "canary failed: 1 of 3")
}

func TestCanariesAloneAreNeverGreen(t *testing.T) {
	got := stats.Aggregate(slices.Values([]spec.TrialRow{canaryRow(spec.StatusCompleted)}), stats.Choice{})
	verdict, reasons := stats.Judge(got, spec.Gate{MinCoverage: ptr(0.0)}, nil)
	require.Equal(t, spec.VerdictInconclusive, verdict)
	require.Equal(t, []string{"nothing was scored"}, reasons)
}

func TestScoresThatAreNoNumbersAreNotScored(t *testing.T) {
	rows := []spec.TrialRow{
		scored("a", true, math.NaN()), scored("a", true, math.Inf(1)),
		scored("b", false, math.MaxFloat64), scored("b", true, math.MaxFloat64),
	}
	got := stats.Aggregate(slices.Values(rows), stats.Choice{PassAtK: []int{1}, Reducer: "mean"})
	require.Equal(t, []int{4, 2, 1, 2}, []int{got.NTotal, got.NScored, got.NPassed, got.NError})
	require.Nil(t, got.MeanScore, "its sum is no number")
	_, err := json.Marshal(got)
	require.NoError(t, err)
}

func TestReducedIsHeldAgainstTheGate(t *testing.T) {
	// Epochs are unequal: a passed 1 of 3, b 1 of 1, c was never scored.
	rows := []spec.TrialRow{
		scored("a", true, 1), scored("a", false, 0), scored("a", false, 0), scored("b", true, 1), broken("c", spec.OriginInfra),
	}
	gate := spec.Gate{MinAccuracy: ptr(0.6), MinCoverage: ptr(0.3)}
	for reducer, want := range map[string]struct {
		value   float64
		samples int
		verdict string
	}{
		"mean":       {2.0 / 3, 2, spec.VerdictPass},
		"max":        {1, 2, spec.VerdictPass},
		"mode":       {0.5, 2, spec.VerdictFail},
		"at_least_2": {0, 1, spec.VerdictFail},
		"pass@2":     {2.0 / 3, 1, spec.VerdictPass},
		"pass^2":     {0, 1, spec.VerdictFail},
	} {
		got := stats.Aggregate(slices.Values(rows), stats.Choice{Reducer: reducer})
		require.InDelta(t, want.value, *got.Reduced.Value, 1e-12, reducer)
		require.Equal(t, want.samples, got.Reduced.NSamples, reducer)
		require.Equal(t, uint64(stats.DefaultSeed), got.Reduced.Interval.Seed)
		verdict, reasons := stats.Judge(got, gate, nil)
		require.Equal(t, want.verdict, verdict, reducer)
		require.Equal(t, want.verdict == spec.VerdictFail, len(reasons) == 1, reasons)
	}
	got := stats.Aggregate(slices.Values(rows), stats.Choice{Reducer: "pass@4"})
	require.Nil(t, got.Reduced.Value)
	verdict, reasons := stats.Judge(got, gate, nil)
	require.Equal(t, spec.VerdictInconclusive, verdict)
	require.Contains(t, reasons[0], "pass@4 is undefined")
}

// A reducer that is defined for one sample of many says nothing of the others.
func TestReducedNeedsItsCoverageOfSamples(t *testing.T) {
	var rows []spec.TrialRow
	for i, id := range []string{"a", "b", "c", "d"} {
		rows = append(rows, scored(id, i == 0, 1))
		if i < 2 {
			rows = append(rows, scored(id, i == 0, 1))
		} else {
			rows = append(rows, broken(id, spec.OriginInfra))
		}
	}
	got := stats.Aggregate(slices.Values(rows), stats.Choice{Reducer: "pass^2"})
	require.Equal(t, []float64{0.75, 0.5}, []float64{got.Coverage, got.Reduced.Coverage})
	verdict, reasons := stats.Judge(got, spec.Gate{MinCoverage: ptr(0.6)}, nil)
	require.Equal(t, spec.VerdictInconclusive, verdict)
	require.Equal(t, []string{"pass^2 is of 2 samples with enough scored epochs: coverage 0.5 is below min_coverage 0.6"}, reasons)
	verdict, reasons = stats.Judge(got, spec.Gate{MinCoverage: ptr(0.5)}, nil)
	require.Equal(t, spec.VerdictPass, verdict, reasons)
	require.Equal(t, 4, got.NClusters)
	got = stats.Aggregate(slices.Values(rows[:1:1]), stats.Choice{})
	none := stats.Aggregate(slices.Values(append(rows[:1:1], broken("x", spec.OriginInfra))), stats.Choice{})
	require.Equal(t, []any{got.NClusters, got.AccuracyInterval, got.AccuracyStderr}, []any{none.NClusters, none.AccuracyInterval, none.AccuracyStderr},
		"a sample without a score is no cluster")
}

func TestClustersByCategory(t *testing.T) {
	var rows []spec.TrialRow
	for i, id := range []string{"a", "b", "c", "d"} {
		row := scored(id, i < 2, 1)
		row.Category = []string{"x", "x", "y", "y"}[i]
		rows = append(rows, row)
	}
	bySample := stats.Aggregate(slices.Values(rows), stats.Choice{})
	byCategory := stats.Aggregate(slices.Values(rows), stats.Choice{ClusterBy: spec.ClusterCategory})
	require.Equal(t, []int{4, 2}, []int{bySample.NClusters, byCategory.NClusters})
	require.InDelta(t, 0.25, *bySample.AccuracyStderr, 1e-15)                       // √(4·¼) ÷ 4
	require.InDelta(t, math.Sqrt(2)/4, *byCategory.AccuracyStderr, 1e-15)           // √(2·1) ÷ 4
	require.Less(t, byCategory.AccuracyInterval.Low, bySample.AccuracyInterval.Low) // wider
}

func TestVerdictUnderARegressionGate(t *testing.T) {
	metrics := stats.Aggregate(slices.Values([]spec.TrialRow{scored("a", true, 1)}), stats.Choice{})
	gate := spec.Gate{MaxRegression: ptr(0.1)}
	for want, compared := range map[string]*spec.Comparison{
		spec.VerdictPass: {Verdict: spec.VerdictPass},
		spec.VerdictFail: {Verdict: spec.VerdictFail, Reasons: []string{"fell"}},
	} {
		verdict, _ := stats.Judge(metrics, gate, compared)
		require.Equal(t, want, verdict)
	}
	for _, compared := range []*spec.Comparison{nil, {Verdict: spec.VerdictInconclusive, Reasons: []string{"too few"}}} {
		verdict, reasons := stats.Judge(metrics, gate, compared)
		require.Equal(t, spec.VerdictInconclusive, verdict)
		require.Len(t, reasons, 1)
	}
	verdict, _ := stats.Judge(metrics, spec.Gate{}, &spec.Comparison{Verdict: spec.VerdictInconclusive})
	require.Equal(t, spec.VerdictPass, verdict, "without a gate a comparison only informs")
}

// A mean that equals the gate passes it, whatever a sum of floats is off by.
func TestTheGateIsPassedByItsOwnValue(t *testing.T) {
	for want, passed := range map[float64][]int{0.4: {7, 1}, 0.9: {9, 9, 9, 9, 9, 9, 9, 9, 8, 10}} {
		var rows []spec.TrialRow
		for sample, of := range passed {
			for epoch := range 10 {
				rows = append(rows, scored(strconv.Itoa(sample), epoch < of, 1))
			}
		}
		got := stats.Aggregate(slices.Values(rows), stats.Choice{Reducer: "mean"})
		verdict, reasons := stats.Judge(got, spec.Gate{MinAccuracy: &want}, nil)
		require.Equal(t, spec.VerdictPass, verdict, reasons)
		more := want + 0.001
		verdict, _ = stats.Judge(got, spec.Gate{MinAccuracy: &more}, nil)
		require.Equal(t, spec.VerdictFail, verdict)
	}
}
