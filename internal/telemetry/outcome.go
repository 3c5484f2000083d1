package telemetry

import "pitwall/internal/spec"

// Outcomes of an eval beside spec's origins, which become ORIGIN_error.
const (
	OutcomePassed    = "passed"
	OutcomeFailed    = "failed"
	OutcomeCancelled = "cancelled"
	OutcomeRefused   = "refused" // before anything was created
)

// Outcomes are all that there are: the values of the label of pitwall_evals_total.
func Outcomes() []string {
	outcomes := []string{OutcomePassed, OutcomeFailed, OutcomeCancelled, OutcomeRefused}
	for _, origin := range []string{spec.OriginInfra, spec.OriginUser, spec.OriginLimit, spec.OriginScorer, spec.OriginAmbiguous} {
		outcomes = append(outcomes, origin+"_error")
	}
	return outcomes
}

// OutcomeOf says in one word what an eval came to: passed, failed, cancelled, refused (before its first attempt), or who has to act on its error
// (infra_error, user_error …).
func OutcomeOf(result spec.EvalResult) string {
	switch {
	case result.Status == spec.StatusCancelled:
		return OutcomeCancelled
	case result.Error != nil && result.Error.Origin == spec.OriginUser && len(result.Attempts) == 0:
		return OutcomeRefused
	case result.Error != nil:
		return result.Error.Origin + "_error"
	case result.Score != nil && result.Score.Passed:
		return OutcomePassed
	}
	return OutcomeFailed
}
