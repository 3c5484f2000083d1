package stats

import "math"

// Cluster counts the scored and the passed trials of one cluster: trials that may pass or fail together, such as the
// epochs of one sample.
type Cluster struct{ Scored, Passed int }

// ClusteredStderr is the standard error of the share passed over all trials of clusters:
//
//	√( Σ_c Σ_i Σ_j (s_ic − s̄)(s_jc − s̄) ) ÷ n
//
// Miller 2024, "Adding Error Bars to Evals" (arXiv:2411.00640), section 2.2, where the sum over i ≠ j is added to the
// variance of independent trials. With one trial a cluster it is √(s̄(1−s̄)/n). ok is false where nothing was scored.
func ClusteredStderr(clusters []Cluster) (stderr float64, ok bool) {
	n, mean := share(clusters)
	if n == 0 {
		return 0, false
	}
	sum := 0.0
	for _, c := range clusters {
		deviation := float64(c.Passed) - mean*float64(c.Scored) // Σ_i (s_ic − s̄)
		sum += deviation * deviation
	}
	return math.Sqrt(sum) / float64(n), true
}

// EffectiveTrials is how many independent trials say as much about the share passed as the clusters do: n by the design
// effect (clustered ÷ independent variance), from 1 up. Where all trials agree no variance can be seen, and a cluster is
// taken for one trial, which errs on the wide side. Dean and Pagano 2015, "Evaluating Confidence Interval Methods for
// Binomial Proportions in Clustered Surveys" (J. Surv. Stat. Methodol. 3:484–503) use Wilson's interval so.
func EffectiveTrials(clusters []Cluster) float64 {
	n, mean := share(clusters)
	independent := mean * (1 - mean)
	if n == 0 || independent == 0 {
		return float64(scoredClusters(clusters))
	}
	stderr, _ := ClusteredStderr(clusters)
	effect := stderr * stderr * float64(n) / independent
	return float64(n) / max(effect, 1)
}

func share(clusters []Cluster) (n int, mean float64) {
	passed := 0
	for _, c := range clusters {
		n += c.Scored
		passed += c.Passed
	}
	if n == 0 {
		return 0, 0
	}
	return n, float64(passed) / float64(n)
}

func scoredClusters(clusters []Cluster) int {
	scored := 0
	for _, c := range clusters {
		if c.Scored > 0 {
			scored++
		}
	}
	return scored
}
