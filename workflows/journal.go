package workflows

import (
	"time"

	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// Journaling is the interceptor that gives an eval and its lease their correlation ids, and writes the beginning and the
// end of each into the journal. It issues no command, and writes nothing while a workflow replays.
type Journaling struct {
	interceptor.WorkerInterceptorBase
	Journal *telemetry.Journal
}

// InterceptWorkflow wraps one execution.
func (j *Journaling) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &journaling{interceptor.WorkflowInboundInterceptorBase{Next: next}, j.Journal}
}

type journaling struct {
	interceptor.WorkflowInboundInterceptorBase
	journal *telemetry.Journal
}

type journalKey struct{}

// note writes an entry into the journal of this worker, if it has one.
func note(ctx workflow.Context, entry telemetry.Entry) {
	if journal, ok := ctx.Value(journalKey{}).(*telemetry.Journal); ok {
		//workflowcheck:ignore writes nothing while the workflow replays, and tells it nothing
		journal.WriteFrom(ctx, entry)
	}
}

// ExecuteWorkflow passes by what is neither an eval nor a lease. An execution that is evicted or blocked never comes back
// from Next, so its end is not written: it has none.
func (j *journaling) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if len(in.Args) != 1 {
		return j.Next.ExecuteWorkflow(ctx, in)
	}
	ctx = workflow.WithValue(ctx, journalKey{}, j.journal)
	switch input := in.Args[0].(type) {
	case spec.EvalInput:
		return j.eval(ctx, in, input)
	case LeaseInput:
		return j.lease(ctx, in, input)
	}
	return j.Next.ExecuteWorkflow(ctx, in)
}

func (j *journaling) eval(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput, input spec.EvalInput) (any, error) {
	info := workflow.GetInfo(ctx)
	ids := telemetry.Correlation{
		SessionID: input.SessionID, NegotiationID: input.NegotiationID,
		WorkflowID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID,
	}
	if t := input.Trial; t != nil {
		ids.Campaign, ids.Sample, ids.Epoch = t.Campaign, t.Sample, t.Epoch
	}
	ctx = telemetry.WithCorrelation(ctx, &ids)
	label(ctx)
	entry := telemetry.Entry{Kind: input.Kind, CreatedAt: info.WorkflowStartTime, StartedAt: workflow.Now(ctx)}
	if entry.Kind == "" {
		entry.Kind = spec.KindEvaluation
	}
	began := entry
	began.Event, began.Status = telemetry.EvalStarted, telemetry.StatusOK
	note(ctx, began)
	out, err := j.Next.ExecuteWorkflow(ctx, in)
	result, _ := out.(spec.EvalResult)
	note(ctx, finishedEntry(entry, result, err))
	return out, err //nolint:wrapcheck // the workflow's own words
}

func finishedEntry(entry telemetry.Entry, result spec.EvalResult, err error) telemetry.Entry {
	entry.Event, entry.Status, entry.Outcome = telemetry.EvalFinished, telemetry.StatusOK, telemetry.OutcomeOf(result)
	failure := result.Error
	switch {
	case temporal.IsCanceledError(err):
		entry.Status, entry.Outcome = telemetry.StatusCancelled, telemetry.OutcomeCancelled
	case err != nil:
		failure, entry.Final = activities.Describe(err), true // no result was written that counts it
		entry.Status, entry.Outcome = telemetry.StatusFailed, failure.Origin+"_error"
		if failure.Origin == spec.OriginUser {
			entry.Status, entry.Outcome = telemetry.StatusRefused, telemetry.OutcomeRefused
		}
	case failure != nil:
		entry.Status = telemetry.StatusFailed
	}
	if failure != nil {
		entry.Origin, entry.ErrorType, entry.Error = failure.Origin, failure.Type, failure.Message
	}
	if result.Score != nil {
		entry.Score = &result.Score.Value
	}
	return entry
}

func (j *journaling) lease(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput, input LeaseInput) (any, error) {
	ids := telemetry.WorkflowCorrelation(ctx)
	if ids.WorkflowID == "" { // its eval's worker is older than the ids
		ids.WorkflowID, ids.RunID = input.Eval.ID, input.Eval.RunID
		ctx = telemetry.WithCorrelation(ctx, ids)
	}
	label(ctx)
	self := claimedRun(ctx)
	entry := telemetry.Entry{
		CreatedAt: workflow.GetInfo(ctx).WorkflowStartTime, StartedAt: workflow.Now(ctx), LeaseID: self.ID, LeaseRun: self.RunID,
	}
	began := entry
	began.Event, began.Status = telemetry.LeaseStarted, telemetry.StatusOK
	note(ctx, began)
	out, err := j.Next.ExecuteWorkflow(ctx, in)
	result, _ := out.(LeaseResult)
	entry.Event, entry.Status, entry.Reason, entry.Count = telemetry.LeaseEnded, telemetry.StatusOK, result.Reason, len(result.Certificates)
	if n := len(result.Certificates); n > 0 {
		entry.SandboxID = result.Certificates[n-1].SandboxID
	}
	if err != nil {
		failure := activities.Describe(err)
		entry.Status, entry.ErrorType, entry.Error = telemetry.StatusFailed, failure.Type, failure.Message
	}
	note(ctx, entry)
	return out, err //nolint:wrapcheck // the workflow's own words
}

// label puts the ids on the span of the workflow.
func label(ctx workflow.Context) {
	span, _ := opentelemetry.SpanFromWorkflowContext(ctx)
	telemetry.WorkflowCorrelation(ctx).Bounded().Label(span)
}

// attemptEntry says what an attempt came to.
func attemptEntry(attempt attemptOutcome, began, ended time.Time) telemetry.Entry {
	entry := telemetry.Entry{Event: telemetry.AttemptEnded, Status: telemetry.StatusOK, CreatedAt: began, StartedAt: began, FinishedAt: ended}
	switch {
	case attempt.cancelled:
		entry.Status = telemetry.StatusCancelled
	case attempt.err != nil:
		entry.Status = telemetry.StatusFailed
		entry.Origin, entry.ErrorType, entry.Error = attempt.err.Origin, attempt.err.Type, attempt.err.Message
	}
	return entry
}

// scoredEntry is the line of a verdict.
func scoredEntry(score spec.Score, began, ended time.Time) telemetry.Entry {
	entry := telemetry.Entry{
		Event: telemetry.Scored, Status: telemetry.StatusOK, Outcome: telemetry.OutcomeFailed, Score: &score.Value,
		CreatedAt: began, StartedAt: began, FinishedAt: ended,
	}
	if score.Passed {
		entry.Outcome = telemetry.OutcomePassed
	}
	return entry
}
