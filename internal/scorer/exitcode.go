package scorer

import (
	"fmt"

	"pitwall/internal/spec"
)

// ExitCode judges by the exit records alone: 1 and passed when every step, or the one that sc.Step names, exited 0 within
// its limits; else 0. It is pure, so workflow code may call it. A step that was not reached has no record, and fails.
func ExitCode(sc spec.Scorer, job spec.JobResult) spec.Score {
	if job.SupervisorLost || len(job.Steps) == 0 {
		return failed("%s", unfinished(job))
	}
	judged := 0
	for _, step := range job.Steps {
		if sc.Step != "" && step.Name != sc.Step {
			continue
		}
		judged++
		if why := stepFailure(step); why != "" {
			return failed("step %s %s", step.Name, why)
		}
	}
	if judged == 0 {
		return failed("step %s was not reached", sc.Step)
	}
	return spec.Score{Value: 1, Passed: true}
}

// stepFailure says what is wrong with a step, or "".
func stepFailure(step spec.StepResult) string {
	switch {
	case step.TimedOut:
		return "ran into its time limit"
	case step.Limit != "":
		return fmt.Sprintf("ran into its %s limit", step.Limit)
	case step.ExitCode == nil:
		return "has no exit code"
	case *step.ExitCode != 0:
		return fmt.Sprintf("exited %d", *step.ExitCode)
	}
	return ""
}
