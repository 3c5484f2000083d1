package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// EvalWorkflow runs one trial: its job in a sandbox of its own, and its scorer; again in a fresh sandbox where
// infrastructure broke. It completes with a result also when the trial ended in an error, because the result carries the
// proof that every sandbox is gone. It fails with InvalidInput, PolicyViolation, SecretMissing or Disabled, before
// anything is created, and where its result cannot be stored. A cancelled one ends with a CanceledError whose details are the
// EvalResult.
func EvalWorkflow(ctx workflow.Context, in spec.EvalInput) (spec.EvalResult, error) {
	e := newEval(ctx, in)
	if err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (EvalProgress, error) { return e.progress, nil }); err != nil {
		return spec.EvalResult{}, err
	}
	keepShown(ctx, e.details)
	if err := e.takeRelease(ctx); err != nil {
		return spec.EvalResult{}, err
	}
	if err := e.makePlan(ctx); err != nil {
		return spec.EvalResult{}, e.refuse(ctx, err)
	}
	e.run(ctx)
	return e.conclude(ctx)
}

// eval is the state of one EvalWorkflow.
type eval struct {
	in       spec.EvalInput
	self     activities.Execution
	plan     activities.EvalPlan
	progress EvalProgress
	result   spec.EvalResult
	// owed are the sessions whose sandbox was not proven gone when they ended; their leases go on.
	owed []*session
	// released: somebody asked that a hold ends.
	released bool
	// full: the provider had no capacity when it was last asked.
	full bool
	// state is the search attribute's, as it was last set.
	state string
}

func newEval(ctx workflow.Context, in spec.EvalInput) *eval {
	info := workflow.GetInfo(ctx)
	self := activities.Execution{ID: info.WorkflowExecution.ID, RunID: info.WorkflowExecution.RunID}
	return &eval{
		in: in, self: self, progress: EvalProgress{Phase: "planning"},
		result: spec.EvalResult{Trial: in.Trial, EvalID: self.ID, RunID: self.RunID, StartedAt: info.WorkflowStartTime.UTC()},
	}
}

func (e *eval) makePlan(ctx workflow.Context) error {
	var planning *activities.Planning
	in := activities.PlanInput{EvalID: e.self.ID, Input: e.in}
	err := workflow.ExecuteLocalActivity(withPlanning(ctx), planning.PlanEval, in).Get(ctx, &e.plan)
	e.result.PolicySHA256 = e.plan.PolicySHA256
	return err
}

// refuse leaves a result behind for a campaign's trial, so that it counts as the user's error and not as lost.
func (e *eval) refuse(ctx workflow.Context, cause error) error {
	var app *temporal.ApplicationError
	if errors.As(cause, &app) && app.Type() == activities.ErrTypePolicyViolation {
		_ = app.Details(&e.result.PolicySHA256)
	}
	disabled := errors.As(cause, &app) && app.Type() == activities.ErrTypeDisabled // the trial is as good as ever: retry runs it
	if t := e.in.Trial; t != nil && !disabled && !temporal.IsCanceledError(cause) {
		e.plan.Prefix = artifact.TrialPrefix(t.Campaign, t.Sample, t.Epoch, t.Retry)
		e.result.Status, e.result.Error, e.result.Cleanup = spec.StatusError, activities.Describe(cause), spec.CleanupProven
		if err := e.write(ctx); err != nil {
			return err
		}
	}
	return cause
}

// run tries until a trial has a result, its error is nobody's fault but the user's, or the attempts are used up.
func (e *eval) run(ctx workflow.Context) {
	resets := 0
	var capacity patience
	for n := 1; ; n++ {
		attempt := e.attempt(ctx, n)
		if wait, again := capacity.after(attempt.err, attempt.full); again && !attempt.ran {
			n-- // a full provider costs no attempt: nothing was created
			e.full = true
			e.waits(ctx)
			if pause(ctx, wait, pauseForCapacity) != nil {
				e.result.Status, e.result.Error = spec.StatusCancelled, nil
				return
			}
			continue
		}
		e.full = false
		e.adopt(attempt)
		if attempt.err != nil && attempt.err.Type == activities.ErrTypeEvalReset {
			resets++ // whoever reset the eval wants it to run
		}
		if e.result.Status != spec.StatusError || attempt.ran || !retriable(attempt.err) || n-resets >= e.plan.Input.MaxAttempts {
			return
		}
		if pause(ctx, backoffAfter(n, infraBackoff), pauseForRetry) != nil {
			e.result.Status, e.result.Error = spec.StatusCancelled, nil
			return
		}
	}
}

// waits shows what the eval waits for: its slot, or a provider that is full.
func (e *eval) waits(ctx workflow.Context) {
	state := StateWaiting
	if e.full {
		state = StateCapacity
	}
	e.progress.Phase = state
	e.markState(ctx, state)
}

func retriable(err *spec.EvalError) bool { return err != nil && err.Origin == spec.OriginInfra }

// attemptOutcome is what one attempt came to.
type attemptOutcome struct {
	// ran: the job was run to its end and its evidence stands, so it is not run again, whatever the scorer came to.
	ran       bool
	record    spec.Attempt
	artifacts []spec.Artifact
	manifest  *spec.ArtifactManifest
	score     *spec.Score
	err       *spec.EvalError
	cancelled bool
	full      fullness
}

// attempt runs the job in one sandbox, then the scorer.
func (e *eval) attempt(ctx workflow.Context, number int) attemptOutcome {
	out := attemptOutcome{record: spec.Attempt{Number: number}}
	began := workflow.Now(ctx)
	e.progress, telemetry.WorkflowCorrelation(ctx).Attempt = EvalProgress{Attempt: number}, number
	job := e.newSession(forJob, e.plan.JobClocks, e.plan.Input.Inputs, e.plan.Input.Job, e.artifactRules())
	job.evidence = func(leaseRun string) string { return artifact.Attempt(e.plan.Prefix, number, leaseRun) }
	job.run(ctx)
	out.record.EvidencePrefix = job.prefix
	out.include(e, job)
	out.record.WaitMS, out.record.Job = job.waited.Milliseconds(), job.job
	out.artifacts, out.manifest = job.artifacts, job.manifest
	if out.ran = job.err == nil; out.ran {
		e.score(ctx, &out, job)
	}
	out.record.Error = out.err
	note(ctx, attemptEntry(out, began, workflow.Now(ctx)))
	return out
}

// include takes over what became of a session's sandbox.
func (o *attemptOutcome) include(e *eval, s *session) {
	if s.claimed && !s.refused {
		o.record.Sandboxes = append(o.record.Sandboxes, s.use)
	}
	if s.pending {
		e.owed = append(e.owed, s)
	}
	o.cancelled = o.cancelled || s.cancelled
	if s.err != nil && !o.cancelled {
		o.err, o.full = activities.Describe(s.err), s.full
	}
}

// artifactRules are the file that the scorer reads, always, and then the input's: no flood of artifacts crowds it out.
func (e *eval) artifactRules() []spec.ArtifactRule {
	rules := e.plan.Input.Rules()
	if scorer := e.plan.Input.Scorer; scorer.Type == spec.ScorerJSONFile {
		rules = append([]spec.ArtifactRule{{Path: scorer.Path, When: spec.WhenAlways, MaxBytes: scoreFileBytes}}, rules...)
	}
	return rules
}

// scoreFileBytes bounds the file that json_file reads.
const scoreFileBytes = 1 << 20

// adopt makes an attempt the eval's last word so far.
func (e *eval) adopt(attempt attemptOutcome) {
	e.result.Score, e.result.Error = nil, attempt.err
	if job := attempt.record.Job; job != nil {
		e.result.Job, e.result.Artifacts, e.result.ArtifactManifest = job, attempt.artifacts, attempt.manifest
		bare := job.WithoutTails() // those of ten attempts would not fit into a payload; the store has the streams
		attempt.record.Job = &bare
	}
	e.result.Attempts = append(e.result.Attempts, attempt.record)
	switch {
	case attempt.cancelled:
		e.result.Status, e.result.Error = spec.StatusCancelled, nil
	case attempt.err != nil:
		e.result.Status = spec.StatusError
	default:
		e.result.Status, e.result.Score = spec.StatusCompleted, attempt.score
	}
}

// conclude writes result.json and returns the result.
func (e *eval) conclude(ctx workflow.Context) (spec.EvalResult, error) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	e.result.Cleanup = spec.CleanupProven
	for _, s := range e.owed {
		if !e.settle(ctx, s) {
			e.result.Cleanup = spec.CleanupPending
		}
	}
	if err := e.write(detached); err != nil {
		return spec.EvalResult{}, err
	}
	e.progress.Phase = phaseDone
	e.markState(ctx, telemetry.OutcomeOf(e.result))
	workflow.SetCurrentDetails(ctx, e.details())
	if e.in.Trial != nil {
		e.result = withoutEvidence(e.result)
	}
	if e.result.Status == spec.StatusCancelled {
		return spec.EvalResult{}, temporal.NewCanceledError(e.result)
	}
	return e.result, nil
}

// settle takes a proof that came after its session had ended. False while the lease still owes it.
func (e *eval) settle(ctx workflow.Context, s *session) bool {
	var ended LeaseResult
	if !s.leaseEnd.IsReady() || s.leaseEnd.Get(ctx, &ended) != nil {
		return false
	}
	for _, attempt := range e.result.Attempts {
		for i, use := range attempt.Sandboxes {
			if use.LeaseRun == s.use.LeaseRun {
				attempt.Sandboxes[i] = withProof(use, ended.Certificates)
			}
		}
	}
	return true
}

// withoutEvidence is what a shard needs of a result. The rest stands in result.json: 500 results with the tails of 32
// steps or the names of 1000 artifacts would be more than a history holds.
func withoutEvidence(result spec.EvalResult) spec.EvalResult {
	result.Effective, result.Job, result.Artifacts, result.ArtifactManifest = nil, nil, nil, nil
	result.Attempts = append([]spec.Attempt(nil), result.Attempts...)
	for i := range result.Attempts {
		result.Attempts[i].Job = nil
	}
	return result
}

func (e *eval) write(ctx workflow.Context) error {
	effective := e.plan.Input
	if len(effective.Job.Steps) == 0 {
		effective = e.in
	}
	e.result.Effective, e.result.FinishedAt = &effective, workflow.Now(ctx).UTC()
	var results *activities.Results
	var written activities.WriteResultResult
	in := activities.WriteResultInput{Prefix: e.plan.Prefix, Result: e.result}
	if err := workflow.ExecuteLocalActivity(withResult(ctx), results.WriteResult, in).Get(ctx, &written); err != nil {
		return fmt.Errorf("write the result of %s: %w", e.self.ID, err)
	}
	e.result.ResultURI = written.URI
	if !written.FinishedAt.IsZero() {
		e.result.FinishedAt = written.FinishedAt // the workflow returns what is stored
	}
	return nil
}
