package stats

import "math"

// McNemar is the exact two-sided p-value of b and c discordant pairs: how often b + c throws of a fair coin are at least
// as one-sided. McNemar 1947 (Psychometrika 12:153–157), with the binomial distribution in place of χ²: as in Fay 2010,
// "Two-sided Exact Tests and Matching Confidence Intervals for Discrete Data" (R Journal 2/1:53–58), mcnemar.exact.
// No pair at all is 1. It wants b, c ≥ 0.
func McNemar(b, c int) float64 {
	n := b + c
	logTotal := float64(n) * math.Ln2
	tail := 0.0
	for i := range min(b, c) + 1 {
		tail += math.Exp(logChoose(n, i) - logTotal)
	}
	return min(1, 2*tail)
}

func logChoose(n, k int) float64 {
	logFactorial := func(n int) float64 {
		value, _ := math.Lgamma(float64(n) + 1)
		return value
	}
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}
