package stats

// PassAtK is the probability that at least one of k answers drawn without replacement from n, of which c passed, passes:
//
//	1 − C(n−c, k) ÷ C(n, k)
//
// in the product form that neither overflows nor cancels: Chen et al. 2021, "Evaluating Large Language Models Trained on
// Code" (arXiv:2107.03374), equation 1 and figure 3. It wants 0 ≤ c ≤ n and 1 ≤ k ≤ n; ok is false otherwise, as the
// estimator is undefined there.
func PassAtK(n, c, k int) (estimate float64, ok bool) {
	if c < 0 || c > n || k < 1 || k > n {
		return 0, false
	}
	if n-c < k {
		return 1, true
	}
	if k == 1 {
		return float64(c) / float64(n), true // rounded once: 3 of 6 is 0.5 and nothing beside it
	}
	none := 1.0
	for i := range k {
		none *= float64(n-c-i) / float64(n-i)
	}
	return 1 - none, true
}
