package stats

import (
	"fmt"

	"pitwall/internal/spec"
)

// Rounding is far under one sample of a million, and above what sums of floats are off by: a rate that equals its bound is held to
// be so.
const Rounding = 1e-9

// Judge is PASS, FAIL or INCONCLUSIVE, and why it is not PASS. A canary that failed, nothing scored, less than the gate's
// coverage (default spec.DefaultMinCoverage: below it a rate says more about the infrastructure than about the answers; of
// the trials, and under a reducer also of the samples that it has a value for),
// or a comparison that says nothing is INCONCLUSIVE, whatever the accuracy. Enough coverage under a gate that asks for
// nothing is PASS. Compared is nil where there is no baseline.
func Judge(m spec.Metrics, gate spec.Gate, compared *spec.Comparison) (verdict string, reasons []string) {
	if doubts := doubts(m, gate, compared); len(doubts) > 0 {
		return spec.VerdictInconclusive, doubts
	}
	what, value := judged(m)
	if gate.MinAccuracy != nil && !(*value >= *gate.MinAccuracy-Rounding) {
		reasons = append(reasons, fmt.Sprintf("%s %.4g is below min_accuracy %.4g", what, *value, *gate.MinAccuracy))
	}
	if gate.MaxRegression != nil && compared.Verdict == spec.VerdictFail {
		reasons = append(reasons, compared.Reasons...)
	}
	if len(reasons) > 0 {
		return spec.VerdictFail, reasons
	}
	return spec.VerdictPass, nil
}

func doubts(m spec.Metrics, gate spec.Gate, compared *spec.Comparison) []string {
	var doubts []string
	if m.CanariesFailed > 0 {
		doubts = append(doubts, fmt.Sprintf("canary failed: %d of %d did not end as expected, so the harness is in doubt",
			m.CanariesFailed, m.NCanary))
	}
	minCoverage := spec.DefaultMinCoverage
	if gate.MinCoverage != nil {
		minCoverage = *gate.MinCoverage
	}
	what, value := judged(m)
	switch {
	case m.NScored == 0 || m.Accuracy == nil:
		doubts = append(doubts, "nothing was scored")
	case !(m.Coverage >= minCoverage-Rounding):
		doubts = append(doubts, fmt.Sprintf("coverage %.4g is below min_coverage %.4g", m.Coverage, minCoverage))
	case value == nil:
		doubts = append(doubts, what+" is undefined: no sample has enough scored epochs")
	case m.Reduced != nil && !(m.Reduced.Coverage >= minCoverage-Rounding):
		doubts = append(doubts, fmt.Sprintf("%s is of %d samples with enough scored epochs: coverage %.4g is below min_coverage %.4g",
			what, m.Reduced.NSamples, m.Reduced.Coverage, minCoverage))
	}
	if gate.MaxRegression == nil {
		return doubts
	}
	if compared == nil {
		return append(doubts, "there is no baseline to hold max_regression against")
	}
	if compared.Verdict == spec.VerdictInconclusive {
		for _, reason := range compared.Reasons {
			doubts = append(doubts, "comparison with "+compared.Baseline+": "+reason)
		}
	}
	return doubts
}

// judged is the rate that min_accuracy is held against. Nil where it is undefined.
func judged(m spec.Metrics) (what string, value *float64) {
	if m.Reduced != nil {
		return m.Reduced.Reducer, m.Reduced.Value
	}
	return "accuracy", m.Accuracy
}
