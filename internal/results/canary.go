package results

import (
	"fmt"

	"pitwall/internal/spec"
)

// asCanary turns a trial's row into a canary's: it carries no score, so nobody who reads rows counts it, and one that did
// not end as expected is an infrastructure error, so that campaign retry runs it again once the harness is mended.
func asCanary(row *spec.TrialRow, expect string) {
	row.Canary = expect
	passed := row.Passed
	row.Passed, row.Score = nil, nil
	if row.Status != spec.StatusCompleted || passed != nil && *passed == (expect == spec.ExpectPass) {
		return
	}
	did := "had no score"
	if passed != nil && *passed {
		did = "passed"
	} else if passed != nil {
		did = "failed"
	}
	row.Status = spec.StatusError
	row.Error = &spec.EvalError{
		Origin: spec.OriginInfra, Type: spec.CanaryFailed,
		Message: fmt.Sprintf("the canary should %s and %s: the image, the job or the scorer is broken", expect, did),
	}
}
