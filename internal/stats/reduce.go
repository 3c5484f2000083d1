package stats

import "pitwall/internal/spec"

// Reduce makes one number of a sample of which c of n scored epochs passed:
//
//	mean         c ÷ n
//	max          1 if any passed
//	mode         1 if more than half passed; a tie is 0
//	at_least_K   1 if at least K passed
//	pass@K       PassAtK
//	pass^K       PassHatK
//
// ok is false where it is undefined: n is 0 or less than K, or c is not within 0 to n.
func Reduce(reducer spec.Reducer, n, c int) (value float64, ok bool) {
	if n < 1 || n < reducer.K || c < 0 || c > n {
		return 0, false
	}
	switch reducer.Kind {
	case spec.ReduceMean:
		return float64(c) / float64(n), true
	case spec.ReduceMax:
		return oneIf(c > 0), true
	case spec.ReduceMode:
		return oneIf(2*c > n), true
	case spec.ReduceAtLeast:
		return oneIf(c >= reducer.K), true
	case spec.ReducePassAt:
		return PassAtK(n, c, reducer.K)
	case spec.ReducePassHat:
		return PassHatK(n, c, reducer.K)
	}
	return 0, false
}

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}

// PassHatK (pass^k) is the probability that all of k answers drawn without replacement from n, of which c passed, pass:
// C(c, k) ÷ C(n, k), Yao et al. 2024, "τ-bench" (arXiv:2406.12045), section 3. Bounds as for PassAtK.
func PassHatK(n, c, k int) (estimate float64, ok bool) {
	if c < 0 || c > n || k < 1 || k > n {
		return 0, false
	}
	all := 1.0
	for i := range min(k, c+1) { // the factor of i = c is 0
		all *= float64(c-i) / float64(n-i)
	}
	return all, true
}
