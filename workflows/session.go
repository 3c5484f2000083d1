package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"pitwall/activities"
	"pitwall/internal/spec"
	"pitwall/internal/telemetry"
)

// session is one sandbox of an eval, from the wait for its slot to the proof that it is gone.
type session struct {
	eval *eval
	// evidence makes the prefix of what the session leaves in the store, from its lease's run: unique to its sandbox, so that
	// nothing goes on where another sandbox's streams ended.
	evidence func(leaseRun string) string
	clocks   spec.Clocks
	inputs   spec.Inputs
	program  spec.Job
	rules    []spec.ArtifactRule
	deadline time.Time
	leaseEnd workflow.ChildWorkflowFuture
	// endLease asks the lease to remove what it guards; without effect once the lease has ended.
	endLease workflow.CancelFunc
	created  activities.CreatedSandbox
	// grantedTo is the run of the eval that claimed the slot: another one than this, once the eval was reset.
	grantedTo string

	// What became of it.
	prefix    string
	waited    time.Duration
	use       spec.SandboxUse
	job       *spec.JobResult
	artifacts []spec.Artifact
	manifest  *spec.ArtifactManifest
	err       error
	full      fullness
	claimed   bool
	refused   bool // the provider definitely created nothing
	pending   bool // not proven gone yet; the lease goes on
	cancelled bool
}

func (e *eval) newSession(purpose string, clocks spec.Clocks, inputs spec.Inputs, job spec.Job, rules []spec.ArtifactRule) *session {
	return &session{
		eval: e, clocks: clocks, inputs: inputs, program: job, rules: rules,
		use: spec.SandboxUse{For: purpose},
	}
}

// run claims a slot, works, and removes. After the claim the removal happens whatever the work came to.
func (s *session) run(ctx workflow.Context) {
	telemetry.WorkflowCorrelation(ctx).SandboxID = ""
	if s.err = s.claim(ctx); s.err != nil {
		s.cancelled = ctx.Err() != nil
		return
	}
	s.err = s.expired(ctx, s.work(ctx))
	s.cancelled = s.err != nil && ctx.Err() != nil
	s.note(s.err)
	s.hold(ctx)
	s.remove(ctx)
}

// claim waits for a free slot and starts its lease: the start is the claim. Somebody may have been quicker; then it
// waits again, ahead of those who have waited less.
func (s *session) claim(ctx workflow.Context) error {
	s.eval.waits(ctx)
	began := workflow.Now(ctx)
	priority := s.eval.priority()
	for {
		var slots *activities.Slots
		var grant activities.SlotGrant
		err := workflow.ExecuteActivity(withSlot(ctx, s.eval.plan.Account, priority), slots.AcquireSlot,
			activities.AcquireSlotInput{Account: s.eval.plan.Account}).Get(ctx, &grant)
		if err != nil {
			return err
		}
		err = s.startLease(ctx, grant)
		if err == nil {
			s.waited = workflow.Now(ctx).Sub(began)
			return nil
		}
		var taken *temporal.ChildWorkflowExecutionAlreadyStartedError
		if !errors.As(err, &taken) {
			return err
		}
		priority.PriorityKey = 1
	}
}

// startLease starts the slot's lease on a disconnected context: a cancel of the eval does not reach it, its close does.
func (s *session) startLease(ctx workflow.Context, grant activities.SlotGrant) error {
	s.deadline = workflow.Now(ctx).Add(s.clocks.LeaseDeadline).UTC()
	facts := activities.LeaseFacts{
		Eval: s.eval.self, SandboxName: grant.SandboxName, Deadline: s.deadline, CreateHorizon: s.eval.plan.CreateHorizon,
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	child := workflow.WithChildOptions(detached, workflow.ChildWorkflowOptions{
		WorkflowID:          grant.LeaseID,
		TaskQueue:           TaskQueue,
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		Memo:                map[string]any{activities.MemoLeaseFacts: facts},
		StaticSummary:       "guards " + grant.SandboxName + " for " + s.eval.self.ID,
	})
	lease := workflow.ExecuteChildWorkflow(child, SandboxLease, LeaseInput{
		LeaseFacts: facts, Horizon: s.eval.plan.CreateHorizon, Searchable: s.eval.plan.Searchable,
	})
	var execution workflow.Execution
	if err := lease.GetChildWorkflowExecution().Get(detached, &execution); err != nil {
		return err
	}
	s.leaseEnd, s.endLease, s.claimed = lease, cancel, true
	s.grantedTo = grant.EvalRun
	s.use.Slot, s.use.Name = grant.Slot, grant.SandboxName
	s.use.LeaseID, s.use.LeaseRun = execution.ID, execution.RunID
	s.prefix = s.evidence(execution.RunID)
	s.eval.progress.Slot = grant.Slot
	s.eval.markState(ctx, StateRunning)
	return nil
}

// work creates the sandbox and does in it what it is for.
func (s *session) work(ctx workflow.Context) error {
	if err := s.create(ctx); err != nil {
		return err
	}
	if err := s.upload(ctx); err != nil {
		return err
	}
	if err := s.runJob(ctx); err != nil {
		return err
	}
	return s.download(ctx)
}

func (s *session) create(ctx workflow.Context) error {
	e := s.eval
	e.progress.Phase = "creating"
	claimedAt := s.deadline.Add(-s.clocks.LeaseDeadline) // the lease counts its horizon from no earlier than that
	in := activities.CreateSandboxInput{
		Slot: s.use.Slot, Name: s.use.Name, Lease: s.lease(), Eval: e.self, Trial: e.in.Trial,
		SessionID: e.plan.Input.SessionID, NegotiationID: e.plan.Input.NegotiationID,
		Sandbox: e.plan.Input.Sandbox, TTL: s.clocks.TTL, GrantedTo: s.grantedTo,
		ExpiresAt: claimedAt.Add(s.clocks.TTL).Add(e.plan.CreateHorizon).Add(spec.ClockMargin).UTC(),
		SendUntil: claimedAt.Add(e.plan.CreateHorizon - createMargin).UTC(), VaultSecrets: s.program.DaytonaSecrets(),
	}
	var sandboxes *activities.Sandboxes
	err := s.do(ctx, workflow.ExecuteActivity(withCreate(ctx, e.plan.CreateHorizon), sandboxes.CreateSandbox, in), &s.created)
	if s.refusedBefore(ctx, err) {
		err = temporal.NewNonRetryableApplicationError(
			"the provider refused the create, and the worker that heard why could not tell", activities.ErrTypeCapacity, nil, time.Duration(0), false)
	}
	s.use.ID, s.use.CreatedAt = s.created.ID, s.created.CreatedAt
	e.progress.SandboxID, telemetry.WorkflowCorrelation(ctx).SandboxID = s.created.ID, s.created.ID
	return err
}

func (s *session) upload(ctx workflow.Context) error {
	s.eval.progress.Phase = "uploading"
	in := activities.UploadInputsInput{
		Sandbox: s.created, Inputs: s.inputs, Job: s.program, Language: s.eval.plan.Input.Sandbox.Language, GrantedTo: s.grantedTo,
	}
	var jobs *activities.Jobs
	return s.do(ctx, workflow.ExecuteActivity(withTransfer(ctx, spec.UploadAllowance, "upload the inputs"), jobs.UploadInputs, in), nil)
}

func (s *session) runJob(ctx workflow.Context) error {
	s.eval.progress.Phase = "running"
	in := activities.RunJobInput{
		Sandbox: s.created, Prefix: s.prefix, MaxOutputBytes: s.program.MaxOutputBytes, GrantedTo: s.grantedTo,
		Secrets: s.program.SecretNames(), SecretFiles: activities.SecretFiles(s.program),
	}
	for _, step := range s.program.Steps {
		in.Steps = append(in.Steps, activities.StepPlan{Name: step.Name, TimeLimit: step.TimeLimit.Std()})
	}
	var jobs *activities.Jobs
	var result spec.JobResult
	err := s.do(ctx, workflow.ExecuteActivity(withJob(ctx, s.clocks.JobLimit), jobs.RunJob, in), &result)
	var cancelled *temporal.CanceledError
	if err == nil || errors.As(err, &cancelled) && cancelled.HasDetails() && cancelled.Details(&result) == nil {
		s.job = &result
	}
	return err
}

// download fetches the artifacts. Without a rule there is nothing to fetch: the streams are stored already.
func (s *session) download(ctx workflow.Context) error {
	if len(s.rules) == 0 {
		return nil
	}
	s.eval.progress.Phase = "downloading"
	in := activities.DownloadArtifactsInput{
		Sandbox: s.created, Cwd: s.program.Cwd, Rules: s.rules, Succeeded: succeeded(s.job, len(s.program.Steps)), Prefix: s.prefix,
		Secrets: s.program.SecretNames(), Scan: s.eval.plan.Input.Redaction.Scans(), Limits: s.eval.plan.Input.ArtifactLimits,
	}
	var jobs *activities.Jobs
	var result activities.DownloadArtifactsResult
	err := s.do(ctx, workflow.ExecuteActivity(withTransfer(ctx, spec.DownloadAllowance, "download the artifacts"), jobs.DownloadArtifacts, in), &result)
	s.artifacts, s.manifest = result.Artifacts, result.Manifest
	return err
}

func succeeded(job *spec.JobResult, steps int) bool {
	if job == nil || job.SupervisorLost || len(job.Steps) != steps {
		return false
	}
	for _, step := range job.Steps {
		if step.ExitCode == nil || *step.ExitCode != 0 {
			return false
		}
	}
	return true
}

// do waits for an activity, unless the lease ends first: then the sandbox is no longer ours.
func (s *session) do(ctx workflow.Context, activity workflow.Future, out any) error {
	leaseOver := false
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(activity, func(workflow.Future) {})
	selector.AddFuture(s.leaseEnd, func(workflow.Future) { leaseOver = true })
	selector.Select(ctx)
	if leaseOver && !activity.IsReady() && !s.leaseRefused(ctx) {
		return s.leaseLost(ctx)
	}
	return activity.Get(ctx, out)
}

// leaseRefused: the lease ended because CreateSandbox told it, a moment before its own answer, that nothing was created.
func (s *session) leaseRefused(ctx workflow.Context) bool {
	var ended LeaseResult
	return s.leaseEnd.Get(ctx, &ended) == nil && ended.Reason == leaseRefused
}

// refusedBefore: this create found its lease closed because an earlier try of it had told the lease of a refusal, and then could
// not answer. What the refusal was for is not known any more: as a lack of capacity it costs no attempt, and the next create hears
// of any other again.
func (s *session) refusedBefore(ctx workflow.Context, err error) bool {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) || app.Type() != activities.ErrTypeZombie {
		return false
	}
	if workflow.GetVersion(ctx, "refused-before", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return false
	}
	// The activity may know of the lease's end before this workflow does; and another lease's may be what it met.
	options := workflow.AwaitOptions{Timeout: leaseEndPatience, TimerOptions: workflow.TimerOptions{Summary: "wait for the lease's end"}}
	ended, awaitErr := workflow.AwaitWithOptions(ctx, options, s.leaseEnd.IsReady)
	return awaitErr == nil && ended && s.leaseRefused(ctx)
}

// leaseEndPatience is how long the word of a lease's end may take from Temporal to its parent: some tens of milliseconds, and
// seconds where it is busy.
const leaseEndPatience = 30 * time.Second

// leaseLost says why the lease ended under a living eval.
func (s *session) leaseLost(ctx workflow.Context) error {
	var ended LeaseResult
	if err := s.leaseEnd.Get(ctx, &ended); err == nil && ended.Reason == leaseDeadline {
		return temporal.NewNonRetryableApplicationError("the lease reached its deadline and removed the sandbox", activities.ErrTypeSandboxExpired, nil)
	}
	return temporal.NewNonRetryableApplicationError("the sandbox's lease ended under the eval", activities.ErrTypeSandboxLost, nil)
}

// note reads from an error what the removal needs to know.
func (s *session) note(err error) {
	var app *temporal.ApplicationError
	if s.created.ID != "" || !errors.As(err, &app) {
		return
	}
	switch app.Type() {
	case activities.ErrTypeCapacity, activities.ErrTypeCreateRefused:
		s.refused = true
		_ = app.Details(&s.full.wait, &s.full.unsent)
	case activities.ErrTypeCreateFailed, activities.ErrTypePolicyWeaker, activities.ErrTypeTransport:
		if app.HasDetails() && app.Details(&s.created) == nil {
			s.use.ID, s.use.CreatedAt = s.created.ID, s.created.CreatedAt
		}
	}
}

// remove removes the sandbox with proof, on a context that no cancel reaches. Without an id in hand the eval may not
// release: it asks the lease to look for itself. Where the proof takes too long the lease goes on, after the eval.
func (s *session) remove(ctx workflow.Context) {
	if s.refused {
		return
	}
	s.eval.progress.Phase = "removing"
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if s.created.ID == "" {
		if wasReset(s.err) {
			s.abandonLease(detached)
			return
		}
		s.endLease()
		s.awaitLease(detached)
		return
	}
	var sandboxes *activities.Sandboxes
	var certificate spec.Certificate
	in := activities.RemoveSandboxInput{Sandbox: s.created, Lease: s.lease()}
	if err := workflow.ExecuteActivity(withRemoval(detached), sandboxes.RemoveSandbox, in).Get(detached, &certificate); err != nil {
		workflow.GetLogger(ctx).Warn("the proof of removal is owed by the lease", "sandbox_id", s.created.ID, "error", err)
		s.pending = true
		s.endLease()
		return
	}
	s.use.Removal = &certificate
}

// awaitLease waits for the lease's own proof, at most waitForProof.
func (s *session) awaitLease(ctx workflow.Context) {
	options := workflow.AwaitOptions{Timeout: waitForProof, TimerOptions: workflow.TimerOptions{Summary: "wait for the lease's proof"}}
	ready, err := workflow.AwaitWithOptions(ctx, options, s.leaseEnd.IsReady)
	if err != nil || !ready {
		s.pending = true
		return
	}
	var ended LeaseResult
	if err := s.leaseEnd.Get(ctx, &ended); err != nil {
		s.pending = true // force-terminated: the reaper owes the proof
		return
	}
	s.use = withProof(s.use, ended.Certificates)
}

// wasReset: the eval was reset since it claimed the slot, so the lease is no child of this run any more.
func wasReset(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == activities.ErrTypeEvalReset
}

// abandonLease asks a lease of the run before a reset to remove what it guards, and waits for its proof. Neither its
// child handle nor its parent's close reaches it any more, and its end is not told to this run.
func (s *session) abandonLease(ctx workflow.Context) {
	lease := s.lease()
	if err := workflow.RequestCancelExternalWorkflow(ctx, lease.ID, lease.RunID).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Info("the lease of the run before the reset is over", "lease_run", lease.RunID, "error", err)
	}
	var sandboxes *activities.Sandboxes
	var proof activities.LeaseProof
	if err := workflow.ExecuteActivity(withRemoval(ctx), sandboxes.AwaitLease, activities.AwaitLeaseInput{Lease: lease}).Get(ctx, &proof); err != nil {
		s.pending = true
		return
	}
	s.use = withProof(s.use, proof.Certificates)
}

// withProof adds to a use what its lease's certificates say of its sandbox: of the one that it names, else of the first.
func withProof(use spec.SandboxUse, certificates []spec.Certificate) spec.SandboxUse {
	for _, certificate := range certificates {
		if use.ID == "" || use.ID == certificate.SandboxID {
			use.ID, use.Removal = certificate.SandboxID, &certificate
		}
	}
	return use
}

// awaitRemoval waits for the proof that the lease still owes, so that no eval holds two slots. The error is a cancel.
func (s *session) awaitRemoval(ctx workflow.Context) error {
	if !s.pending {
		return nil
	}
	return workflow.Await(ctx, s.leaseEnd.IsReady)
}

func (s *session) lease() activities.Execution {
	return activities.Execution{ID: s.use.LeaseID, RunID: s.use.LeaseRun}
}

// expired: a sandbox that was lost because our own clock fired is a limit, not a fault.
func (s *session) expired(ctx workflow.Context, err error) error {
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.Type() == activities.ErrTypeSandboxLost && workflow.Now(ctx).After(s.deadline) {
		return temporal.NewNonRetryableApplicationError(app.Message(), activities.ErrTypeSandboxExpired, nil)
	}
	return err
}

// priority travels in the input, for the Temporal UI's form has no field for it.
func (e *eval) priority() temporal.Priority {
	p := e.plan.Input.Priority
	return temporal.Priority{PriorityKey: p.Key, FairnessKey: p.FairnessKey, FairnessWeight: p.FairnessWeight}
}
