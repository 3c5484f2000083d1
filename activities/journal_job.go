package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"pitwall/internal/spec"
	"pitwall/internal/supervisor"
	"pitwall/internal/telemetry"
)

// jobStory is what of a job's life is in the journal already, over all attempts of RunJob: it travels in the heartbeats.
type jobStory struct {
	Launched bool `json:"launched,omitempty"`
	Steps    int  `json:"steps,omitempty"`
}

// tell writes what this report is the first to say.
func (r *jobRun) tell(ctx context.Context) {
	switch r.report.Phase {
	case supervisor.PhaseRunning, supervisor.PhaseDone, supervisor.PhaseLost:
	default:
		return
	}
	if !r.attached {
		r.attached = true
		event := telemetry.JobLaunched
		if r.story.Launched {
			event = telemetry.JobReattached
		}
		r.story.Launched = true
		r.write(ctx, telemetry.Entry{Event: event, Status: telemetry.StatusOK})
	}
	for r.story.Steps < len(r.report.Steps) && r.report.Steps[r.story.Steps].Ended {
		r.tellStep(ctx, r.stepResult(r.story.Steps))
	}
}

// tellRest writes what only the job's result says: the step that had no end of its own.
func (r *jobRun) tellRest(ctx context.Context, result spec.JobResult) {
	for r.story.Steps < len(result.Steps) {
		r.tellStep(ctx, result.Steps[r.story.Steps])
	}
}

func (r *jobRun) tellStep(ctx context.Context, step spec.StepResult) {
	i, now := r.story.Steps, time.Now()
	r.story.Steps++
	entry := telemetry.Entry{
		Event: telemetry.StepFinished, Status: telemetry.StatusOK, Step: step.Name, ExitCode: step.ExitCode, Reason: step.Limit,
		StartedAt: now.Add(-time.Duration(step.DurationMS) * time.Millisecond), FinishedAt: now,
		Bytes: r.report.Steps[i].StdoutBytes + r.report.Steps[i].StderrBytes,
	}
	switch {
	case step.TimedOut:
		entry.Status = telemetry.StatusTimedOut
	case step.ExitCode == nil:
		entry.Status = telemetry.StatusFailed
	}
	r.write(ctx, entry)
}

func (r *jobRun) write(ctx context.Context, entry telemetry.Entry) {
	entry.Correlation = ofSandbox(r.in.Sandbox)
	r.jobs.Journal.Write(ctx, entry)
}

// jobEntry is the line of a whole job. A job that fails is as good as one that passes: its exit code says which.
func jobEntry(in RunJobInput, result any, err error) telemetry.Entry {
	job, _ := result.(spec.JobResult)
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) && cancelled.HasDetails() {
		_ = cancelled.Details(&job)
	}
	entry := ended(telemetry.Entry{Event: telemetry.JobFinished, Correlation: ofSandbox(in.Sandbox), ExitCode: lastExitCode(job)}, err)
	entry.Count = len(job.Steps)
	switch n := len(job.Steps); {
	case err != nil:
	case job.SupervisorLost:
		entry.Status, entry.Reason = telemetry.StatusFailed, "the supervisor was lost without a record"
	case n > 0 && job.Steps[n-1].TimedOut:
		entry.Status = telemetry.StatusTimedOut
	}
	return entry
}
