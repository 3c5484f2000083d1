package stats

import (
	"math/rand/v2"
	"slices"

	"pitwall/internal/spec"
)

// DefaultSeed of bootstraps: any constant will do, and it is recorded beside each interval.
const DefaultSeed = 1

const (
	// mostResamples: Efron and Tibshirani 1993 (section 12.2) ask for 1000 and more for percentile intervals.
	mostResamples = 2000
	// leastResamples are made of whatever many values: the bounds are then the 5th and the 195th of 200.
	leastResamples = 200
	// maxDraws bounds the work, to some seconds: 100,000 samples still get all resamples.
	maxDraws = 200_000_000
)

// BootstrapMean is the percentile interval, with 95 % confidence, of the mean of values, by drawing as many of them with
// replacement: Efron 1979, "Bootstrap methods: another look at the jackknife" (Ann. Statist. 7:1–26). For paired data the
// values are the pairs' differences, and so a pair is drawn as a whole. Equal values, order and seed give equal bits
// (PCG of math/rand/v2). Nil of no values. The values must be finite.
func BootstrapMean(values []float64, seed uint64) *spec.Bootstrap {
	n := len(values)
	if n == 0 {
		return nil
	}
	resamples := min(mostResamples, max(leastResamples, maxDraws/n))
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a recorded seed is the point
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range n {
			sum += values[random.IntN(n)]
		}
		means[i] = sum / float64(n)
	}
	slices.Sort(means)
	tail := resamples / 40 // 2.5 % on either side
	return &spec.Bootstrap{
		Interval: spec.Interval{Low: means[tail], High: means[resamples-1-tail]}, Seed: seed, Resamples: resamples,
	}
}
