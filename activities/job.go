package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
	"pitwall/internal/supervisor"
)

// StepPlan is what RunJob needs to know of a step; the rest stands in the sandbox.
type StepPlan struct {
	Name      string        `json:"name"`
	TimeLimit time.Duration `json:"time_limit"`
}

// RunJobInput is the input of RunJob.
type RunJobInput struct {
	Sandbox CreatedSandbox `json:"sandbox"`
	Steps   []StepPlan     `json:"steps"`
	// GrantedTo is the run of the eval that claimed the slot; empty from evals that are older than the field.
	GrantedTo string `json:"granted_to,omitempty"`
	// Prefix of the attempt's evidence in the store.
	Prefix         string `json:"prefix"`
	MaxOutputBytes int64  `json:"max_output_bytes"`
	// Secrets by name, in the order of Job.SecretNames, and the files that hold any while a step runs (SecretFiles).
	Secrets     []string `json:"secrets,omitempty"`
	SecretFiles []string `json:"secret_files,omitempty"`
}

const (
	// waitFor is how long one call waits inside the sandbox: streams are copied as often, and no proxy holds on to an
	// idle connection for that short a time against us.
	waitFor = 2 * time.Second
	// minAskInterval is kept between two calls that both say that the job runs.
	minAskInterval = 200 * time.Millisecond
	// waitSlack is what a call may take beyond its wait.
	waitSlack = 15 * time.Second
	// stepGrace is how far beyond a step's limit, by this worker's clock, the supervisor may be before it is overruled.
	stepGrace = 10 * time.Second
	// claimPatience is how long a claimed job may have no supervisor before it counts as never started.
	claimPatience = 10 * time.Second
	// silencePatience is how long a sandbox that the provider calls started may not answer.
	silencePatience = 90 * time.Second
	// removeFilesTimeout bounds the removal of up to 32 files.
	removeFilesTimeout = 15 * time.Second
	// stopTimeout bounds the last acts of a cancelled job: end it, copy what it wrote.
	stopTimeout = 5 * time.Second
)

// RunJob launches the job in the sandbox, unless an earlier attempt of this activity did, and waits for its end, copying
// its streams to the store. After a crash of the worker the next attempt re-attaches.
//
// A job that fails, runs out of time or kills its supervisor is a result, not an error. Returns SandboxLost, EvalReset,
// SecretMissing, JobNeverStarted, SandboxUnresponsive, Transport (retried), or, when cancelled, a CanceledError whose details hold the
// JobResult so far.
func (j *Jobs) RunJob(ctx context.Context, in RunJobInput) (spec.JobResult, error) {
	if err := sameRun(ctx, in.GrantedTo); err != nil {
		return spec.JobResult{}, err
	}
	values, err := j.Secrets.Resolve(in.Secrets) // also to re-attach: what the job wrote is to be redacted
	if err != nil {
		return spec.JobResult{}, terminal(ErrTypeSecretMissing, err)
	}
	run := newJobRun(j, in)
	run.launch.Env = secretEnvironment(in.Secrets, values)
	if activity.HasHeartbeatDetails(ctx) {
		var beat jobBeat
		if activity.GetHeartbeatDetails(ctx, &beat) == nil && !beat.LaunchedAt.IsZero() {
			run.launchedAt, run.story = beat.LaunchedAt, beat.Story
		}
	}
	return run.toTheEnd(ctx)
}

// jobBeat is RunJob's heartbeat.
type jobBeat struct {
	LaunchedAt time.Time `json:"launched_at"`
	Phase      string    `json:"phase"`
	Step       string    `json:"step,omitempty"`
	Bytes      int64     `json:"bytes"`
	Story      jobStory  `json:"story,omitzero"`
}

// jobRun is one attempt of RunJob.
type jobRun struct {
	jobs    *Jobs
	in      RunJobInput
	toolbox *daytona.Toolbox
	// launch is the command that starts the job, with its secrets.
	launch daytona.ExecuteRequest
	// launchedAt is when the job was first seen launched, by this worker's clock or an earlier one's. Zero until then.
	launchedAt time.Time
	// beganAt is when this attempt began to ask.
	beganAt time.Time
	streams *streamCopies
	report  supervisor.Report
	// story is what the journal was told of the job, attached whether by this attempt.
	story    jobStory
	attached bool
	// overruled: the supervisor did not end a step at its limit, so this worker did; stopped: the eval was cancelled.
	overruled, stopped bool
}

func newJobRun(j *Jobs, in RunJobInput) *jobRun {
	toolbox := j.toolbox(in.Sandbox).AsRoot()
	return &jobRun{
		jobs: j, in: in, toolbox: toolbox, beganAt: time.Now(), streams: newStreamCopies(j, toolbox, in),
		launch: daytona.ExecuteRequest{Command: supervisor.Launch(controlDir, waitFor)},
	}
}

func (r *jobRun) toTheEnd(ctx context.Context) (spec.JobResult, error) {
	err := r.attach(ctx)
	switch {
	case temporal.IsCanceledError(context.Cause(ctx)):
		return r.cancelled(ctx)
	case ctx.Err() != nil:
		// The SDK also ends the context when Temporal did not answer a heartbeat, or when this attempt is over. The job is
		// none the worse for it: the next attempt re-attaches.
		return spec.JobResult{}, retryable(errTypeDetached, fmt.Errorf("follow the job: %w", context.Cause(ctx)), 10*time.Millisecond)
	case err != nil:
		return spec.JobResult{}, err
	}
	return r.finish(ctx)
}

// attach launches or re-attaches, and follows the job until its supervisor has ended.
func (r *jobRun) attach(ctx context.Context) error {
	beats := startPulse(ctx, r.beat())
	defer beats.end()
	order := r.launch
	for {
		asked, err := r.ask(ctx, order)
		if err != nil {
			return err
		}
		order = daytona.ExecuteRequest{Command: supervisor.Wait(controlDir, waitFor)}
		if r.launchedAt.IsZero() {
			r.launchedAt = asked
		}
		r.tell(ctx)
		beats.set(r.beat())
		activity.RecordHeartbeat(ctx, r.beat()) // at once: an attempt that ends takes what was beaten last
		switch r.report.Phase {
		case supervisor.PhaseDone, supervisor.PhaseLost:
			return nil
		case supervisor.PhaseMissing:
			return terminal(ErrTypeImageUnsuitable, fmt.Errorf("run job in sandbox %s: its image has no %s, which the supervisor needs (util-linux, coreutils or busybox)", r.in.Sandbox.ID, r.report.Missing))
		case supervisor.PhaseClaimed, supervisor.PhaseUnclaimed:
			if time.Since(r.launchedAt) > claimPatience {
				return terminal(ErrTypeJobNeverStarted, fmt.Errorf("run job in sandbox %s: it was claimed, and no supervisor started", r.in.Sandbox.ID))
			}
		}
		// A wait that ends early although the job runs (a shell without flock -w, say) must not make this loop hot.
		if err := pause(ctx, time.Until(asked.Add(minAskInterval))); err != nil {
			return err
		}
		if r.overruled {
			return nil // it was stopped, and what it says now is not the truth
		}
		if r.overdue() {
			r.overruled = true
			order.Command = supervisor.Stop(controlDir)
		}
		if err := r.streams.copyNew(ctx, r.report); err != nil {
			return r.jobs.streamError(ctx, r.in.Sandbox, err)
		}
	}
}

// overdue: by this worker's clock the job should long have been ended. A report that lists no step has the time of all.
func (r *jobRun) overdue() bool {
	reached := len(r.report.Steps)
	if reached == 0 {
		reached = len(r.in.Steps)
	}
	var limit time.Duration
	for _, step := range r.in.Steps[:reached] {
		limit += step.TimeLimit + stepGrace
	}
	return time.Since(r.launchedAt) > limit
}

// ask executes one of the supervisor's commands and reads its report, through lost connections: every command is
// idempotent. It returns when the call that was answered was sent. A sandbox that answers with anything but a report has
// no supervisor any more.
func (r *jobRun) ask(ctx context.Context, order daytona.ExecuteRequest) (time.Time, error) {
	silentSince, garbled := time.Now(), 0
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		asked := time.Now()
		err := r.askOnce(ctx, order)
		if err == nil || ctx.Err() != nil {
			return asked, errors.Join(err, ctx.Err())
		}
		if errors.Is(err, errGarbled) {
			if garbled++; garbled >= maxGarbled {
				r.report.Phase = supervisor.PhaseLost
				return asked, nil
			}
		}
		diagnosed := r.jobs.sandboxError(ctx, r.in.Sandbox, err)
		var app *temporal.ApplicationError
		if errors.As(diagnosed, &app) && app.NonRetryable() {
			return asked, diagnosed
		}
		if time.Since(silentSince) > silencePatience {
			return asked, terminal(ErrTypeUnresponsive, fmt.Errorf("sandbox %s is started and has not answered for %s: %w", r.in.Sandbox.ID, silencePatience, err))
		}
		select {
		case <-time.After(delay):
		case <-activity.GetWorkerStopChannel(ctx):
			return asked, workerStopping()
		case <-ctx.Done():
			return asked, ctx.Err()
		}
	}
}

// errGarbled: the sandbox answered, and not with a report.
var errGarbled = errors.New("no report")

// maxGarbled is how many such answers in a row mean that there is no supervisor.
const maxGarbled = 5

func (r *jobRun) askOnce(ctx context.Context, order daytona.ExecuteRequest) error {
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return workerStopping()
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, waitFor+waitSlack)
	defer cancel()
	order.Cwd, order.Timeout = "/", waitFor+waitSlack
	result, err := r.toolbox.Execute(ctx, order)
	if err != nil {
		return err
	}
	report, err := supervisor.ParseReport(result.Output)
	if err != nil {
		return fmt.Errorf("%w: %w (exit %d)", errGarbled, err, result.ExitCode)
	}
	if len(report.Steps) > len(r.in.Steps) {
		return fmt.Errorf("%w: it lists %d steps of %d", errGarbled, len(report.Steps), len(r.in.Steps))
	}
	switch report.Phase {
	case supervisor.PhaseUnclaimed, supervisor.PhaseClaimed, supervisor.PhaseMissing:
		if r.story.Launched { // it ran, so somebody has meddled with its records: no fault of the infrastructure's or the image's
			r.report.Phase = supervisor.PhaseLost
			return nil
		}
	}
	r.report = report
	return nil
}

// workerStopping hands a long job over: the next attempt, on another worker, re-attaches at once.
func workerStopping() error {
	return temporal.NewApplicationErrorWithOptions("this worker stops; another one re-attaches", "WorkerStopping",
		temporal.ApplicationErrorOptions{NextRetryDelay: 10 * time.Millisecond, Category: temporal.ApplicationErrorCategoryBenign})
}

// finish copies the rest of the streams and writes the job's result.
func (r *jobRun) finish(ctx context.Context) (spec.JobResult, error) {
	defer startPulse(ctx, r.beat()).end()
	if err := r.removeSecrets(ctx); err != nil {
		return spec.JobResult{}, r.jobs.sandboxError(ctx, r.in.Sandbox, err)
	}
	streams, err := r.streams.finish(ctx, r.report)
	if err != nil {
		return spec.JobResult{}, r.jobs.streamError(ctx, r.in.Sandbox, err)
	}
	return r.result(ctx, streams), nil
}

// removeSecrets removes the files of secrets where the supervisor did not live to do it. It does so as the job's user: the
// job may have put a link in their way.
func (r *jobRun) removeSecrets(ctx context.Context) error {
	command := removeFiles(r.in.SecretFiles)
	if command == "" || r.report.Phase == supervisor.PhaseDone && !r.overruled {
		return nil
	}
	_, err := r.jobs.toolbox(r.in.Sandbox).Execute(ctx, daytona.ExecuteRequest{Command: command, Cwd: "/", Timeout: removeFilesTimeout})
	return err
}

// cancelled ends the job, takes bounded evidence, and says so.
func (r *jobRun) cancelled(ctx context.Context) (spec.JobResult, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	r.stopped = true
	if err := r.askOnce(bounded, daytona.ExecuteRequest{Command: supervisor.Stop(controlDir)}); err != nil {
		return spec.JobResult{}, temporal.NewCanceledError()
	}
	streams, err := r.streams.finish(bounded, r.report)
	if err != nil {
		return spec.JobResult{}, temporal.NewCanceledError()
	}
	return spec.JobResult{}, temporal.NewCanceledError(r.result(bounded, streams))
}

func (r *jobRun) result(ctx context.Context, streams [][2]spec.Stream) spec.JobResult {
	var result spec.JobResult
	if !r.launchedAt.IsZero() { // else nobody has seen it launched
		result.DurationMS = time.Since(r.launchedAt).Milliseconds()
	}
	result.SupervisorLost = !r.overruled && !r.stopped && (r.report.Phase != supervisor.PhaseDone || r.endsEarly())
	for i := range r.report.Steps {
		outcome := r.stepResult(i)
		outcome.Stdout, outcome.Stderr = streams[i][0], streams[i][1]
		result.Steps = append(result.Steps, outcome)
	}
	result.BoundTails()
	r.tellRest(ctx, result)
	return result
}

// stepResult is what is known of a step that was started, but for its streams.
func (r *jobRun) stepResult(i int) spec.StepResult {
	step, plan := r.report.Steps[i], r.in.Steps[i]
	outcome := spec.StepResult{Name: plan.Name, TimedOut: step.TimedOut, Limit: step.Limit, DurationMS: step.Duration.Milliseconds()}
	switch {
	case step.Ended && !step.TimedOut:
		outcome.ExitCode = &step.ExitCode
	case !step.Ended && r.overruled:
		outcome.TimedOut, outcome.DurationMS = true, plan.TimeLimit.Milliseconds()
	}
	return outcome
}

// endsEarly: the record says that the job is done, and neither did its last step run nor one before it fail. The
// supervisor never writes that.
func (r *jobRun) endsEarly() bool {
	n := len(r.report.Steps)
	if n == len(r.in.Steps) {
		return n > 0 && !r.report.Steps[n-1].Ended
	}
	return n == 0 || !r.report.Steps[n-1].Ended || r.report.Steps[n-1].ExitCode == 0 && !r.report.Steps[n-1].TimedOut
}

func (r *jobRun) beat() jobBeat {
	beat := jobBeat{LaunchedAt: r.launchedAt, Phase: string(r.report.Phase), Bytes: r.streams.total(), Story: r.story}
	if n := len(r.report.Steps); n > 0 {
		beat.Step = r.in.Steps[n-1].Name
	}
	return beat
}
