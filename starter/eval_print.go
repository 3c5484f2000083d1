package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pitwall/internal/spec"
)

// evalOutcome turns a result into the command's end.
func evalOutcome(ctx context.Context, result spec.EvalResult) error {
	switch {
	case ctx.Err() != nil:
		return outcome(exitInterrupted)
	case result.Status == spec.StatusCompleted && result.Score != nil && result.Score.Passed:
		return nil
	case result.Status == spec.StatusCompleted:
		return outcome(exitFailed)
	case result.Error != nil && result.Error.Origin == spec.OriginUser:
		return outcome(exitUsage)
	}
	return outcome(exitInfra)
}

func printEval(term *terminal, target deployment, result spec.EvalResult) error {
	if term.wantsJSON() {
		return term.printJSON(result)
	}
	term.printf("%s  %s\n", term.coloured(verdictOf(result)), visible(result.EvalID))
	if result.Score != nil {
		term.printf("  score     %g%s\n", result.Score.Value, because(result.Score.Explanation))
	}
	if result.Error != nil {
		term.printf("  error     %s: %s (%s)\n", result.Error.Type, visible(result.Error.Message), result.Error.Origin)
	}
	if result.Job != nil {
		printSteps(term, *result.Job)
	}
	printArtifacts(term, target, result)
	for _, attempt := range result.Attempts {
		printSandboxes(term, attempt, len(result.Attempts) > 1)
	}
	if result.ResultURI != "" {
		term.printf("  result    %s\n", target.shown(result.ResultURI))
	}
	return nil
}

func verdictOf(result spec.EvalResult) string {
	switch {
	case result.Status != spec.StatusCompleted:
		return strings.ToUpper(result.Status)
	case result.Score != nil && result.Score.Passed:
		return "PASSED"
	}
	return "FAILED"
}

func because(explanation string) string {
	if explanation == "" {
		return ""
	}
	return "  " + visible(explanation)
}

func printSteps(term *terminal, job spec.JobResult) {
	for _, step := range job.Steps {
		term.printf("  step      %s: %s in %s\n", visible(step.Name), howItEnded(step), millis(step.DurationMS))
		printTail(term, "stdout", step.Stdout)
		printTail(term, "stderr", step.Stderr)
	}
	if job.SupervisorLost {
		term.printf("  job       its supervisor was gone without a record\n")
	}
}

func howItEnded(step spec.StepResult) string {
	switch {
	case step.TimedOut:
		return "time limit reached"
	case step.Limit != "":
		return step.Limit + " limit reached"
	case step.ExitCode == nil:
		return "no exit record"
	}
	return fmt.Sprintf("exit %d", *step.ExitCode)
}

// What a terminal shows of a stream's tail: -o json has the tail, and `starter logs` the stream.
const (
	shownLines = 20
	shownBytes = 4 << 10
)

// printTail prints the end of a stream, each line marked, so that no job can fake a line of ours.
func printTail(term *terminal, name string, stream spec.Stream) {
	if stream.BytesTotal == 0 {
		return
	}
	lines := slices.Collect(strings.Lines(spec.LastBytes(stream.Tail, shownBytes)))
	lines = lines[max(0, len(lines)-shownLines):]
	if shown := strings.Join(lines, ""); stream.Truncated || stream.TailCut || len(shown) < len(stream.Tail) {
		term.printf("  %s    the last %d of %d bytes%s:\n", name, len(shown), stream.BytesTotal, keptOf(stream))
	}
	for _, line := range lines {
		term.printf("  %s  | %s\n", name, visible(strings.TrimSuffix(line, "\n")))
	}
}

// keptOf says how much of a stream is there for who wants more than its end.
func keptOf(stream spec.Stream) string {
	if !stream.Truncated {
		return ""
	}
	return fmt.Sprintf(", of which the first %d are kept", stream.BytesKept)
}

// shownArtifacts is how many artifacts a terminal shows.
const shownArtifacts = 20

func printArtifacts(term *terminal, target deployment, result spec.EvalResult) {
	for _, found := range result.Artifacts[:min(len(result.Artifacts), shownArtifacts)] {
		printArtifact(term, target, found)
	}
	all := len(result.Artifacts)
	if result.ArtifactManifest != nil {
		all = result.ArtifactManifest.Listed
	}
	if all > shownArtifacts {
		term.printf("  artifact  and %d more: starter artifacts list %s\n", all-shownArtifacts, visible(result.EvalID))
	}
}

func printArtifact(term *terminal, target deployment, found spec.Artifact) {
	switch {
	case found.Ref != nil:
		term.printf("  artifact  %s (%d bytes) %s\n", visible(found.Path), found.Ref.Bytes, target.shown(found.Ref.URI))
	default:
		term.printf("  artifact  %s: %s%s\n", visible(found.Path), found.Status, because(found.Reason))
	}
}

func printSandboxes(term *terminal, attempt spec.Attempt, several bool) {
	prefix := ""
	if several {
		prefix = fmt.Sprintf("attempt %d: ", attempt.Number)
		if attempt.Error != nil {
			term.printf("  attempt   %d: %s: %s\n", attempt.Number, attempt.Error.Type, visible(attempt.Error.Message))
		}
	}
	for _, sandbox := range attempt.Sandboxes {
		removal := sandbox.Removal
		if removal == nil {
			term.printf("  sandbox   %s%s: removal pending, owed by %s\n", prefix, visible(sandbox.ID), visible(sandbox.LeaseID))
			continue
		}
		term.printf("  sandbox   %s%s removed: confirmed by %s at %s, %.1f sandbox-seconds\n", prefix,
			visible(removal.SandboxID), removal.ConfirmedBy, removal.ConfirmedAt.Format(time.RFC3339), removal.SandboxSeconds)
	}
}

func millis(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }

// started names a workflow that a command started, or cancelled, and does not wait for.
type started struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id,omitempty"`
}

func printStarted(term *terminal, id, runID string) error {
	if term.wantsJSON() {
		return term.printJSON(started{WorkflowID: id, RunID: runID})
	}
	term.printf("%s\n", id)
	return nil
}
