package main

import (
	"errors"

	"pitwall/internal/policy"
	"pitwall/internal/spec"
)

// loadPolicy reads the policy that PITWALL_POLICY_FILE names on this machine. Without one it is nil: a worker elsewhere has a
// policy of its own, of which nothing is known here.
func loadPolicy(file string) (*policy.Policy, error) {
	if file == "" {
		return nil, nil
	}
	admitted, err := policy.Load(file)
	if err != nil {
		return nil, &UsageError{Problem: "PITWALL_POLICY_FILE", Err: err, Hint: "docs/policy.md describes the file"}
	}
	return admitted, nil
}

// checkPolicy holds an eval, with its defaults, against this machine's policy, if there is one.
func (d deployment) checkPolicy(effective spec.EvalInput) error {
	if d.policy == nil {
		return nil
	}
	return d.policy.Check(effective)
}

// withoutPolicy is for what starts a campaign: a trial that the policy refuses is a row of it, and no reason not to start.
func (d deployment) withoutPolicy() deployment {
	d.policy = nil
	return d
}

// problemsOf are what is wrong with a file, where that is what the error says.
func problemsOf(err error) ([]spec.Problem, bool) {
	var input *spec.InvalidInput
	var violation *policy.Violation
	var file *policy.Invalid
	switch {
	case errors.As(err, &input):
		return input.Problems, true
	case errors.As(err, &violation):
		return violation.Problems(), true
	case errors.As(err, &file):
		return file.Problems, true
	}
	return nil, false
}
