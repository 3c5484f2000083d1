package compare_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/compare"
	"pitwall/internal/spec"
)

func side(name string, rows ...spec.TrialRow) *compare.Side {
	s := compare.NewSide(name, "digest")
	for _, row := range rows {
		s.Add(row)
	}
	return s
}

func row(id string, passed bool) spec.TrialRow {
	value := 0.0
	return spec.TrialRow{SampleID: id, Status: spec.StatusCompleted, Passed: &passed, Score: &value}
}

func unscored(id string) spec.TrialRow { return spec.TrialRow{SampleID: id, Status: spec.StatusError} }

func options() compare.Options {
	return compare.Options{Reducer: spec.Reducer{Kind: spec.ReduceMean}, MinCoverage: 0.95, Seed: 5, Listed: 2}
}

func TestFlipsAreListedEachWay(t *testing.T) {
	before := side("A", row("a", true), row("b", true), row("c", false), row("d", true), row("old", true))
	after := side("B", row("a", true), row("b", false), row("c", true), row("d", false), row("new", true))
	got, err := compare.Pair(before, after, options())
	require.NoError(t, err)
	require.Equal(t, []string{"b", "d"}, got.Broken)
	require.Equal(t, []string{"c"}, got.Fixed)
	require.Equal(t, [][]string{{"old"}, {"new"}}, [][]string{got.OnlyBaseline, got.OnlyCandidate})
	require.Equal(t, []int{4, 4, 1, 1}, []int{got.NCommon, got.NPaired, got.NOnlyBaseline, got.NOnlyCandidate})
	require.InDelta(t, -0.25, *got.Difference, 1e-15)
	require.InDelta(t, 1, *got.McNemarP, 1e-12) // 2·(1 + 3) ÷ 8
	require.Equal(t, uint64(5), got.Interval.Seed)
	require.Equal(t, spec.VerdictFail, got.Verdict)

	gated := options()
	gated.MaxRegression = 0.25
	got, err = compare.Pair(before, after, gated)
	require.NoError(t, err)
	require.Equal(t, spec.VerdictPass, got.Verdict, "at the gate")
	require.Empty(t, got.Reasons)
}

func TestEpochsAreReducedBeforeTheyArePaired(t *testing.T) {
	before := side("A", row("a", true), row("a", false), row("a", true)) // 2/3
	after := side("B", row("a", false), row("a", true))                  // a half: not solved
	got, err := compare.Pair(before, after, options())
	require.NoError(t, err)
	require.InDelta(t, 0.5-2.0/3, *got.Difference, 1e-15)
	require.Equal(t, []string{"a"}, got.Broken)
	best := options()
	best.Reducer = spec.Reducer{Kind: spec.ReduceMax}
	got, err = compare.Pair(before, after, best)
	require.NoError(t, err)
	require.Zero(t, got.NBroken)
}

func TestInconclusiveComparisons(t *testing.T) {
	canary := spec.TrialRow{SampleID: "canary-1:a", Canary: spec.ExpectPass, Status: spec.StatusError}
	for says, pair := range map[string][2]*compare.Side{
		"no sample in common":                 {side("A", row("a", true)), side("B", row("b", true))},
		"no sample was scored in both":        {side("A", row("a", true)), side("B", unscored("a"))},
		"1 of 2 common samples were scored":   {side("A", row("a", true), row("b", true)), side("B", row("a", false), unscored("b"))},
		"canary failed: 1":                    {side("A", row("a", true)), side("B", canary, row("a", false))},
		"the campaigns have no sample in com": {side("A"), side("B")},
	} {
		got, err := compare.Pair(pair[0], pair[1], options())
		require.NoError(t, err)
		require.Equal(t, spec.VerdictInconclusive, got.Verdict, says)
		require.Contains(t, got.Reasons[0], says)
	}
}

func TestOtherDatasetsAreRefused(t *testing.T) {
	_, err := compare.Pair(side("A", row("a", true)), compare.NewSide("B", "other"), options())
	var refused *compare.DatasetError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "SHA-256 digest and other")
}

// Exchanged campaigns: the difference changes its sign, the flips their names, and p stays.
func TestAComparisonCanBeTurnedRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sides := [2]*compare.Side{side("A"), side("B")}
		for _, s := range sides {
			for i := range rapid.IntRange(0, 12).Draw(t, "samples") {
				for range rapid.IntRange(1, 3).Draw(t, "epochs") {
					next := row(fmt.Sprint("s", i), rapid.Bool().Draw(t, "passed"))
					if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
						next = unscored(next.SampleID)
					}
					s.Add(next)
				}
			}
		}
		forth, err := compare.Pair(sides[0], sides[1], options())
		require.NoError(t, err)
		back, err := compare.Pair(sides[1], sides[0], options())
		require.NoError(t, err)
		require.Equal(t, []int{forth.NBroken, forth.NFixed, forth.NPaired}, []int{back.NFixed, back.NBroken, back.NPaired})
		require.Equal(t, forth.Broken, back.Fixed)
		require.Equal(t, forth.McNemarP, back.McNemarP)
		require.Equal(t, forth.NPaired == 0, forth.Difference == nil)
		if forth.Difference != nil {
			require.InDelta(t, *forth.Difference, -*back.Difference, 1e-12)
			require.LessOrEqual(t, forth.Interval.Low, forth.Interval.High)
		}
		require.False(t, forth.NPaired == 0 && forth.Verdict != spec.VerdictInconclusive)
		require.LessOrEqual(t, len(forth.Broken), 2)
	})
}

// A value of exactly a half solves nothing, however it was computed.
func TestAHalfIsNotSolved(t *testing.T) {
	epochs := func(name string, n, passed int) *compare.Side {
		s := compare.NewSide(name, "digest")
		for e := range n {
			s.Add(row("s", e < passed))
		}
		return s
	}
	for _, half := range []struct {
		reducer       string
		epochs, least int
	}{{"pass@6", 12, 1}, {"pass@13", 26, 1}, {"pass^12", 24, 23}} {
		var err error
		o := options()
		o.Reducer, err = spec.ParseReducer(half.reducer)
		require.NoError(t, err)
		got, err := compare.Pair(epochs("A", half.epochs, half.least), epochs("B", half.epochs, 0), o)
		require.NoError(t, err)
		require.InDelta(t, 0.5, *got.BaselineValue, 1e-12)
		require.Zero(t, got.NBroken, half.reducer)
	}
}
