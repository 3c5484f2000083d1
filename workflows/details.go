package workflows

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/sdk/workflow"

	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// keepShown keeps the current details of a workflow, which Temporal's UI shows as Markdown, at what render says, until the
// workflow ends. It issues no command: the details are the answer to a query of the SDK's own, and stand in no history.
func keepShown(ctx workflow.Context, render func() string) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(detached, func(ctx workflow.Context) {
		for {
			shown := render()
			workflow.SetCurrentDetails(ctx, shown)
			if workflow.Await(ctx, func() bool { return render() != shown }) != nil {
				return
			}
		}
	})
}

// Bounds of what is shown. The UI hands the text to its renderer in a URL.
const (
	maxShownText     = 160 // of one value, in runes
	maxShownAttempts = 5
	maxShownSteps    = 8
)

// table is a list of facts, shown as a fenced block: the UI's Markdown has no tables, and inside a block nothing is
// interpreted, so the words of a sandbox stay words. Each line begins with a label of ours: no value can close the block.
type table struct{ b strings.Builder }

func (t *table) row(label, format string, args ...any) {
	fmt.Fprintf(&t.b, "%-12s %s\n", label, strings.TrimRight(plain(fmt.Sprintf(format, args...)), " "))
}

func (t *table) markdown() string { return "```text\n" + t.b.String() + "```\n" }

// plain is text as one line of visible characters, cut at maxShownText.
func plain(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxShownText {
			b.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) { // also what reorders text, line ends and invalid UTF-8
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// details are what the UI shows of an eval.
func (e *eval) details() string {
	var t table
	t.row("phase", "%s", e.progress.Phase)
	if e.plan.Input.MaxAttempts > 0 && e.progress.Attempt > 0 {
		t.row("attempt", "%d of at most %d", e.progress.Attempt, e.plan.Input.MaxAttempts)
	}
	if e.progress.SandboxID != "" {
		t.row("sandbox", "%s in slot %d", e.progress.SandboxID, e.progress.Slot)
	}
	if until := e.progress.HeldUntil; !until.IsZero() {
		t.row("held", "until %s; the update %s ends it", until.Format(time.RFC3339), UpdateRelease)
	}
	attempts := e.result.Attempts
	for _, attempt := range attempts[max(0, len(attempts)-maxShownAttempts):] {
		if attempt.Error != nil {
			t.row("attempt "+strconv.Itoa(attempt.Number), "%s (%s): %s", attempt.Error.Type, attempt.Error.Origin, attempt.Error.Message)
		}
	}
	if e.progress.Phase == phaseDone {
		e.showResult(&t)
	}
	return t.markdown()
}

func (e *eval) showResult(t *table) {
	r := e.result
	t.row("outcome", "%s", telemetry.OutcomeOf(r))
	if r.Score != nil {
		t.row("score", "%g %s", r.Score.Value, r.Score.Explanation)
	}
	if r.Job != nil {
		for _, step := range r.Job.Steps[:min(len(r.Job.Steps), maxShownSteps)] {
			t.row("step", "%s: %s after %d ms", step.Name, endOfStep(step), step.DurationMS)
		}
	}
	if r.Error != nil && len(r.Attempts) == 0 {
		t.row("error", "%s (%s): %s", r.Error.Type, r.Error.Origin, r.Error.Message)
	}
	t.row("removal", "%s", r.Cleanup)
	t.row("result", "%s", r.ResultURI)
}

func endOfStep(step spec.StepResult) string {
	switch {
	case step.TimedOut:
		return "time limit"
	case step.Limit != "":
		return step.Limit + " limit"
	case step.ExitCode != nil:
		return "exit " + strconv.Itoa(*step.ExitCode)
	}
	return "no exit code"
}

// showHeld adds what an operator, the breaker or the budget make of the starts.
func (t *table) showHeld(p CampaignProgress) {
	t.row("parallel", "%6d", p.MaxParallel)
	if p.Paused {
		t.row("paused", "by an operator")
	}
	if p.Breaker != "" {
		t.row("breaker", "%s", p.Breaker)
	}
	if p.Ended != "" {
		t.row("ended", "%s", p.Ended)
	}
}

// showCounts adds the table of a campaign's, or a shard's, trials.
func (t *table) showCounts(p CampaignProgress) {
	const bar = 20
	if p.Total > 0 {
		done := bar * min(p.Finished, p.Total) / p.Total
		t.row("finished", "%6d of %d  [%s%s]", p.Finished, p.Total, strings.Repeat("#", done), strings.Repeat(".", bar-done))
	} else {
		t.row("finished", "%6d", p.Finished)
	}
	t.row("passed", "%6d", p.Passed)
	t.row("failed", "%6d", p.Failed)
	t.row("no score", "%6d", p.Errors)
	t.row("cancelled", "%6d", p.Cancelled)
	t.row("open", "%6d", p.Started-p.Finished)
	for _, last := range p.LastErrors {
		t.row("last error", "%s", last)
	}
}
