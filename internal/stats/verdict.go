package stats

import "pitwall/internal/spec"

// DefaultMinCoverage is the share of trials that must be scored: below it a rate says more about the infrastructure than
// about the answers (DESIGN; nanoeval and NeMo gate likewise).
const DefaultMinCoverage = 0.95

// Verdict is PASS, FAIL or INCONCLUSIVE. Nothing scored, or less than the gate's coverage, is INCONCLUSIVE whatever the
// accuracy. Enough coverage without a minimum accuracy is PASS.
func Verdict(m spec.Metrics, gate spec.Gate) string {
	minCoverage := DefaultMinCoverage
	if gate.MinCoverage != nil {
		minCoverage = *gate.MinCoverage
	}
	switch {
	case m.NScored == 0 || m.Accuracy == nil || !(m.Coverage >= minCoverage):
		return spec.VerdictInconclusive
	case gate.MinAccuracy != nil && !(*m.Accuracy >= *gate.MinAccuracy):
		return spec.VerdictFail
	}
	return spec.VerdictPass
}
