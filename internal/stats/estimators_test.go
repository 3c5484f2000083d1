package stats_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/spec"
	"pitwall/internal/stats"
)

// Published: Newcombe 1998 (Statist. Med. 17:857–872), table I, method 3.
func TestWilsonPublishedValues(t *testing.T) {
	for _, test := range []struct{ passed, n, low, high float64 }{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		got, ok := stats.Wilson(test.passed/test.n, test.n)
		require.True(t, ok)
		require.InDelta(t, test.low, got.Low, 0.5e-4, "%v", test)
		require.InDelta(t, test.high, got.High, 0.5e-4, "%v", test)
	}
}

// By the definition: a bound is where the score test of that share gives z = 1.96.
func TestWilsonInvertsTheScoreTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 100_000).Draw(t, "n")
		p := float64(rapid.IntRange(0, n).Draw(t, "passed")) / float64(n)
		got, ok := stats.Wilson(p, float64(n))
		require.True(t, ok)
		require.True(t, 0 <= got.Low && got.Low <= p && p <= got.High && got.High <= 1, "%v %v", p, got)
		for _, bound := range []float64{got.Low, got.High} {
			if bound > 0 && bound < 1 {
				require.InDelta(t, 1.959964, math.Abs(p-bound)/math.Sqrt(bound*(1-bound)/float64(n)), 1e-4)
			}
		}
	})
	for _, bad := range [][2]float64{{0, 0}, {0.5, -1}, {math.NaN(), 3}, {1.1, 3}, {0.5, math.Inf(1)}, {0.5, math.NaN()}} {
		_, ok := stats.Wilson(bad[0], bad[1])
		require.False(t, ok, "%v", bad)
	}
}

// Published: the vignette of the R package exact2x2 (Fay), mcnemar.exact: b = 2, c = 9, p-value = 0.06543.
func TestMcNemarPublishedValue(t *testing.T) {
	require.InDelta(t, 0.06543, stats.McNemar(2, 9), 0.5e-5)
}

// Against whole numbers: 2 Σ C(n, i) ÷ 2ⁿ.
func TestMcNemarIsTheBinomialTail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, c := rapid.IntRange(0, 400).Draw(t, "b"), rapid.IntRange(0, 400).Draw(t, "c")
		sum := new(big.Int)
		for i := range min(b, c) + 1 {
			sum.Add(sum, new(big.Int).Binomial(int64(b+c), int64(i)))
		}
		want, _ := new(big.Rat).SetFrac(sum.Lsh(sum, 1), new(big.Int).Lsh(big.NewInt(1), uint(b+c))).Float64()
		require.InDelta(t, min(1, want), stats.McNemar(b, c), 1e-9)
		require.InDelta(t, stats.McNemar(c, b), stats.McNemar(b, c), 0)
	})
	require.InDelta(t, 1, stats.McNemar(0, 0), 0)
	require.InDelta(t, 1, stats.McNemar(1, 0), 0)
	require.InDelta(t, 0.03125, stats.McNemar(0, 6), 1e-15)
}

// By Miller's formula as it is printed (arXiv:2411.00640, section 2.2): the variance of independent trials, and the
// products of all other pairs of one cluster.
func TestClusteredStderrIsMillersDoubleSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters := rapid.SliceOfN(drawCluster(), 1, 12).Draw(t, "clusters")
		var scores [][]float64
		n, sum := 0.0, 0.0
		for _, c := range clusters {
			var own []float64
			for i := range c.Scored {
				own = append(own, float64(min(1, max(0, c.Passed-i))))
				sum += own[i]
			}
			n += float64(c.Scored)
			scores = append(scores, own)
		}
		stderr, ok := stats.ClusteredStderr(clusters)
		require.Equal(t, n > 0, ok)
		if n == 0 {
			return
		}
		mean, within, across := sum/n, 0.0, 0.0
		for _, own := range scores {
			for i := range own {
				for j := range own {
					product := (own[i] - mean) * (own[j] - mean)
					if i == j {
						within += product
					} else {
						across += product
					}
				}
			}
		}
		require.InDelta(t, math.Sqrt(max(0, within/n/n+across/n/n)), stderr, 1e-7)
		effective := stats.EffectiveTrials(clusters)
		require.True(t, effective > 0 && effective <= n, "%v of %v", effective, n)
	})
}

func drawCluster() *rapid.Generator[stats.Cluster] {
	return rapid.Custom(func(t *rapid.T) stats.Cluster {
		scored := rapid.IntRange(0, 6).Draw(t, "scored")
		return stats.Cluster{Scored: scored, Passed: rapid.IntRange(0, scored).Draw(t, "passed")}
	})
}

func TestClustersOfOneTrialAreIndependentTrials(t *testing.T) {
	var clusters []stats.Cluster
	for i := range 20 {
		clusters = append(clusters, stats.Cluster{Scored: 1, Passed: i % 2})
	}
	stderr, _ := stats.ClusteredStderr(clusters)
	require.InDelta(t, math.Sqrt(0.25/20), stderr, 1e-15)
	require.InDelta(t, 20, stats.EffectiveTrials(clusters), 1e-9)
	allPassed := []stats.Cluster{{Scored: 5, Passed: 5}, {Scored: 5, Passed: 5}}
	require.InDelta(t, 2, stats.EffectiveTrials(allPassed), 0, "no variance is seen: a cluster is one trial")
}

// A simulation: 40 samples of 10 epochs, each sample passing either rarely or nearly always. Wilson's interval over trials
// is far too narrow; over effective trials it holds what it says.
func TestClusteredIntervalCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	const runs = 1000
	clustered, naive := 0, 0
	for range runs {
		clusters := make([]stats.Cluster, 40)
		passed := 0
		for i := range clusters {
			p := 0.05
			if random.Float64() < 0.5 {
				p = 0.95
			}
			clusters[i].Scored = 10
			for range 10 {
				if random.Float64() < p {
					clusters[i].Passed++
					passed++
				}
			}
		}
		mean := float64(passed) / 400
		clustered += covers(mean, stats.EffectiveTrials(clusters), 0.5)
		naive += covers(mean, 400, 0.5)
	}
	require.Greater(t, float64(clustered)/runs, 0.92)
	require.Less(t, float64(clustered)/runs, 0.98)
	require.Less(t, float64(naive)/runs, 0.6)
}

func covers(mean, n, truth float64) int {
	interval, _ := stats.Wilson(mean, n)
	if interval.Low <= truth && truth <= interval.High {
		return 1
	}
	return 0
}

// A simulation with differences of −1, 0 and 1, as flips are.
func TestBootstrapCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 11))
	const runs, samples = 300, 80
	covered := 0
	for run := range runs {
		differences := make([]float64, samples)
		for i := range differences {
			switch x := random.Float64(); {
			case x < 0.25:
				differences[i] = -1
			case x < 0.40:
				differences[i] = 1
			}
		}
		if got := stats.BootstrapMean(differences, uint64(run)); got.Low <= -0.1 && -0.1 <= got.High {
			covered++
		}
	}
	require.Greater(t, float64(covered)/runs, 0.90)
	require.Less(t, float64(covered)/runs, 0.99)
}

// Against all nⁿ resamples of a few values: the bounds lie at their 2.5 % and 97.5 %, within what 2000 draws are off.
func TestBootstrapIsTheQuantileOfAllResamples(t *testing.T) {
	values := []float64{0, 0, 1, 2, 5}
	got := stats.BootstrapMean(values, 3)
	atMost := func(bound float64) float64 {
		count := 0
		for code := range 3125 {
			sum := 0.0
			for rest, i := code, 0; i < 5; rest, i = rest/5, i+1 {
				sum += values[rest%5]
			}
			if sum/5 <= bound {
				count++
			}
		}
		return float64(count) / 3125
	}
	require.GreaterOrEqual(t, atMost(got.Low), 0.015)
	require.LessOrEqual(t, atMost(got.Low-1e-9), 0.035)
	require.GreaterOrEqual(t, atMost(got.High), 0.965)
	require.LessOrEqual(t, atMost(got.High-1e-9), 0.985)
}

func TestBootstrapIsRepeatable(t *testing.T) {
	values := []float64{0, 1, 1, 0, 0.5, 0.25}
	first := stats.BootstrapMean(values, 42)
	require.Equal(t, first, stats.BootstrapMean(values, 42))
	require.Equal(t, uint64(42), first.Seed)
	require.Equal(t, 2000, first.Resamples)
	require.Nil(t, stats.BootstrapMean(nil, 1))
	require.Equal(t, spec.Interval{Low: 1, High: 1}, stats.BootstrapMean([]float64{1}, 1).Interval)
}

func TestReducers(t *testing.T) {
	for _, test := range []struct {
		reducer string
		n, c    int
		want    float64
	}{
		{"mean", 4, 1, 0.25},
		{"max", 4, 1, 1},
		{"max", 4, 0, 0},
		{"mode", 4, 2, 0}, // a tie
		{"mode", 5, 3, 1},
		{"at_least_2", 4, 2, 1},
		{"at_least_2", 4, 1, 0},
		{"pass@2", 4, 2, 5.0 / 6},
		{"pass^2", 4, 2, 1.0 / 6}, // C(2,2) ÷ C(4,2)
		{"pass^1", 4, 3, 0.75},
		{"pass^4", 4, 3, 0},
		{"pass^4", 4, 4, 1},
	} {
		reducer, err := spec.ParseReducer(test.reducer)
		require.NoError(t, err)
		require.Equal(t, test.reducer, reducer.String())
		got, ok := stats.Reduce(reducer, test.n, test.c)
		require.True(t, ok)
		require.InDelta(t, test.want, got, 1e-12, "%+v", test)
	}
	for _, test := range []struct {
		reducer string
		n, c    int
	}{{"mean", 0, 0}, {"max", 0, 0}, {"at_least_3", 2, 2}, {"pass@3", 2, 2}, {"pass^3", 2, 2}, {"mean", 2, 3}, {"mean", 2, -1}} {
		reducer, err := spec.ParseReducer(test.reducer)
		require.NoError(t, err)
		_, ok := stats.Reduce(reducer, test.n, test.c)
		require.False(t, ok, "%+v", test)
	}
	for _, bad := range []string{"median", "pass@", "pass@0", "pass^-1", "at_least_01", "at_least_x", "pass@10001", "Mean"} {
		_, err := spec.ParseReducer(bad)
		require.Error(t, err, bad)
	}
}

// Against whole numbers: C(c, k) ÷ C(n, k).
func TestPassHatKIsTheBinomialQuotient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		c, k := rapid.IntRange(0, n).Draw(t, "c"), rapid.IntRange(1, n).Draw(t, "k")
		all := new(big.Int)
		if k <= c {
			all.Binomial(int64(c), int64(k))
		}
		want, _ := new(big.Rat).SetFrac(all, new(big.Int).Binomial(int64(n), int64(k))).Float64()
		got, ok := stats.PassHatK(n, c, k)
		require.True(t, ok)
		require.InDelta(t, want, got, 1e-9)
	})
}
