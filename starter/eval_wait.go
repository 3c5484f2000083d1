package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"pitwall/activities"
	"pitwall/internal/policy"
	"pitwall/internal/spec"
	"pitwall/workflows"
)

// How long an eval that was cancelled may take to prove that its sandbox is gone, before the starter leaves it to that.
const cancelBound = 2 * time.Minute

// awaitEval waits for an eval's result, shows what it does, and cancels it when ctx ends.
func awaitEval(ctx context.Context, term *terminal, target deployment, temporal client.Client, running client.WorkflowRun, follow bool) (spec.EvalResult, error) {
	watch, stopWatching := context.WithCancel(ctx)
	watched := make(chan struct{})
	var notes sync.WaitGroup
	if follow || !term.showsProgress() { // else the line of progress says it
		notes.Go(func() { noteHold(watch, term, temporal, running) })
	}
	go func() {
		defer close(watched)
		if follow {
			followEval(watch, term, target, running.GetID())
			return
		}
		showEvalProgress(watch, term, temporal, running)
	}()
	result, err := evalResult(ctx, running)
	if follow && err == nil {
		select { // the last of the output may still be on its way
		case <-watched:
		case <-time.After(2 * lastWords):
		}
	}
	stopWatching()
	<-watched
	notes.Wait()
	if err != nil && ctx.Err() != nil {
		return cancelEval(ctx, term, temporal, running)
	}
	return result, err
}

// evalResult waits for the result; a cancelled eval has one too, in its error.
func evalResult(ctx context.Context, running client.WorkflowRun) (spec.EvalResult, error) {
	var result spec.EvalResult
	err := running.Get(ctx, &result)
	if err == nil {
		return result, nil
	}
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) && cancelled.HasDetails() && cancelled.Details(&result) == nil {
		return result, nil
	}
	return result, explainEnd("eval", running.GetID(), err)
}

func cancelEval(ctx context.Context, term *terminal, temporal client.Client, running client.WorkflowRun) (spec.EvalResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelBound)
	defer cancel()
	term.note("cancelling %s and waiting for its sandbox to be gone; Ctrl-C again leaves at once", running.GetID())
	if err := temporal.CancelWorkflow(ctx, running.GetID(), running.GetRunID()); err != nil {
		return spec.EvalResult{}, interrupted{fmt.Sprintf("%s goes on: it could not be cancelled (%v)", running.GetID(), err)}
	}
	result, err := evalResult(ctx, running)
	if ctx.Err() != nil {
		return result, interrupted{fmt.Sprintf("%s is still cleaning up and goes on doing so", running.GetID())}
	}
	return result, err
}

// explainEnd says why a workflow has no result.
func explainEnd(kind, id string, err error) error {
	var app *temporal.ApplicationError
	var terminated *temporal.TerminatedError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &app) && slices.Contains([]string{spec.InvalidInputType, policy.ViolationType, activities.ErrTypeSecretMissing, activities.ErrTypeDisabled}, app.Type()):
		return &UsageError{Problem: app.Message()}
	case errors.As(err, &app):
		return fmt.Errorf("%s %s failed: %s (%s)", kind, id, app.Message(), app.Type())
	case errors.As(err, &terminated):
		return fmt.Errorf("%s %s was terminated; its sandbox is removed by its lease", kind, id)
	case errors.As(err, &timeout):
		return fmt.Errorf("%s %s reached its time limit in Temporal", kind, id)
	case temporal.IsCanceledError(err):
		return fmt.Errorf("%s %s was cancelled before it had a result", kind, id)
	}
	if unanswered(err) {
		return &InfraError{
			Err:  fmt.Errorf("wait for %s %s: Temporal no longer answers; what has begun goes on when it is back", kind, id),
			Hint: waitHint(kind, id),
		}
	}
	return fmt.Errorf("wait for %s %s: %w", kind, id, err)
}

// waitHint is where the result will be found later.
func waitHint(kind, id string) string {
	if kind == kindCampaign {
		return "start Temporal again, then: starter campaign status " + campaignName(id)
	}
	return "start Temporal again, then: starter logs -f " + id
}

// showEvalProgress shows an eval's phases on one line of the terminal.
func showEvalProgress(ctx context.Context, term *terminal, temporal client.Client, running client.WorkflowRun) {
	if !term.showsProgress() {
		return
	}
	line := newStatusLine(term)
	defer line.clear()
	held := false
	for poll(ctx, progressEvery) {
		var progress workflows.EvalProgress
		if err := query(ctx, temporal, running, &progress); err != nil {
			continue // not started yet, or no worker: the line keeps its last word
		}
		text := progress.Phase
		if progress.Attempt > 1 {
			text += fmt.Sprintf(" (attempt %d)", progress.Attempt)
		}
		if progress.SandboxID != "" {
			text += fmt.Sprintf(" · slot %d · sandbox %s", progress.Slot, visible(progress.SandboxID))
		}
		if until := progress.HeldUntil; !until.IsZero() {
			text += " · until " + shortTime(until)
			if !held {
				held = true
				line.clear()
				noteHeld(term, running, progress)
			}
		}
		line.show(text)
	}
}

// holdLookEvery is how often an eval is asked whether it holds its sandbox, which is for minutes.
const holdLookEvery = 2 * time.Second

// noteHold says once that an eval holds its sandbox, for those who see no line of progress.
func noteHold(ctx context.Context, term *terminal, temporal client.Client, running client.WorkflowRun) {
	for poll(ctx, holdLookEvery) {
		var progress workflows.EvalProgress
		if query(ctx, temporal, running, &progress) == nil && !progress.HeldUntil.IsZero() {
			noteHeld(term, running, progress)
			return
		}
	}
}

func noteHeld(term *terminal, running client.WorkflowRun, progress workflows.EvalProgress) {
	term.note("sandbox %s is held until %s; end that with: starter release %s", visible(progress.SandboxID), shortTime(progress.HeldUntil), running.GetID())
}

// query asks a workflow for its progress.
func query(ctx context.Context, temporal client.Client, running client.WorkflowRun, progress any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	value, err := temporal.QueryWorkflow(ctx, running.GetID(), running.GetRunID(), workflows.ProgressQuery)
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := value.Get(&raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, progress)
}
