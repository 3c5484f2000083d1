package main

import (
	"math"
	"time"

	"pitwall/internal/spec"
)

// evalPlan is what `run --dry-run -o json` prints.
type evalPlan struct {
	Effective spec.EvalInput `json:"effective"`
	Limits    evalLimits     `json:"limits"`
}

// evalLimits of one eval. Durations are in seconds.
type evalLimits struct {
	JobSeconds           float64 `json:"job_seconds"`
	LeaseSeconds         float64 `json:"lease_seconds"`
	TTLSeconds           float64 `json:"ttl_seconds"`
	MaxAttempts          int     `json:"max_attempts"`
	MaxParallelSandboxes int     `json:"max_parallel_sandboxes"`
	// WorstSandboxSeconds is paid for when every attempt's sandboxes live until the provider's own clock ends them.
	WorstSandboxSeconds float64 `json:"worst_sandbox_seconds"`
}

// planOf resolves an eval's defaults and limits as a worker with the same target would, and holds it against this machine's
// policy.
func planOf(input spec.EvalInput, target deployment) (evalPlan, error) {
	effective := input.WithDefaults(target.SpecDefaults())
	if err := effective.Validate(); err != nil {
		return evalPlan{}, err
	}
	if err := target.checkPolicy(effective); err != nil {
		return evalPlan{}, err
	}
	clocks, err := effective.Clocks(target.MaxTTL())
	if err != nil {
		return evalPlan{}, err
	}
	judge, err := effective.ScorerClocks(target.MaxTTL())
	if err != nil {
		return evalPlan{}, err
	}
	return evalPlan{Effective: effective, Limits: evalLimits{
		JobSeconds: clocks.JobLimit.Seconds(), LeaseSeconds: clocks.LeaseDeadline.Seconds(), TTLSeconds: clocks.TTL.Seconds(),
		MaxAttempts: effective.MaxAttempts, MaxParallelSandboxes: target.MaxParallelSandboxes,
		WorstSandboxSeconds: (clocks.TTL + judge.TTL).Seconds() * float64(effective.MaxAttempts),
	}}, nil
}

func printEvalPlan(term *terminal, input spec.EvalInput, target deployment) error {
	plan, err := planOf(input, target)
	if err != nil {
		return err
	}
	if term.wantsJSON() {
		return term.printJSON(plan)
	}
	for _, step := range plan.Effective.Job.Steps {
		what := "command"
		if step.Code != "" {
			what = step.Language + " code"
		}
		term.printf("step     %s: %s, at most %s\n", step.Name, what, step.TimeLimit)
	}
	term.printf("scorer   %s\n", plan.Effective.Scorer.Type)
	printLimits(term, plan.Limits)
	return nil
}

func printLimits(term *terminal, limits evalLimits) {
	term.printf("limits   job %s, lease %s, sandbox TTL %s, %d attempts, %d sandboxes at once\n",
		seconds(limits.JobSeconds), seconds(limits.LeaseSeconds), seconds(limits.TTLSeconds), limits.MaxAttempts, limits.MaxParallelSandboxes)
	term.printf("worst    %.0f sandbox-seconds\n", limits.WorstSandboxSeconds)
}

// seconds is as long as a Duration can be where s is longer: 292 years.
func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(s * float64(time.Second))
}
