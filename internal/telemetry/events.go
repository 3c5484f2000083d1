package telemetry

import "strings"

// Event is one kind of step in a sandbox's life, and in that of the eval around it.
type Event string

// Events, in the order of a life.
const (
	EvalStarted      Event = "eval_started"
	SlotAcquired     Event = "slot_acquired"
	LeaseStarted     Event = "lease_started"
	SandboxCreated   Event = "sandbox_created"
	InputsUploaded   Event = "inputs_uploaded"
	JobLaunched      Event = "job_launched"
	JobReattached    Event = "job_reattached"
	StepFinished     Event = "step_finished"
	JobFinished      Event = "job_finished"
	ArtifactsFetched Event = "artifacts_fetched"
	SandboxRemoved   Event = "sandbox_removed"
	LeaseEnded       Event = "lease_ended"
	Scored           Event = "scored"
	AttemptEnded     Event = "attempt_ended"
	ResultWritten    Event = "result_written"
	EvalFinished     Event = "eval_finished"
	CampaignPaused   Event = "campaign_paused"
	CampaignResumed  Event = "campaign_resumed"
	BreakerOpened    Event = "breaker_opened"
	BreakerClosed    Event = "breaker_closed"
	BudgetExhausted  Event = "budget_exhausted"
	ReaperDecision   Event = "reaper_decision"
	LeaseAudited     Event = "lease_audited"
	ReaperPassed     Event = "reaper_passed"
)

// Events are all of them, in the order of a life.
func Events() []Event {
	return []Event{
		EvalStarted, SlotAcquired, LeaseStarted, SandboxCreated, InputsUploaded, JobLaunched, JobReattached, StepFinished,
		JobFinished, ArtifactsFetched, SandboxRemoved, LeaseEnded, Scored, AttemptEnded, ResultWritten, EvalFinished,
		CampaignPaused, CampaignResumed, BreakerOpened, BreakerClosed, BudgetExhausted,
		ReaperDecision, LeaseAudited, ReaperPassed,
	}
}

// message is the event for people.
func (e Event) message() string { return strings.ReplaceAll(string(e), "_", " ") }

// Status of a step.
type Status string

// Statuses. Only StatusOK is logged as info, the others as warnings.
const (
	StatusOK        Status = "ok"
	StatusFailed    Status = "failed"
	StatusTimedOut  Status = "timed_out"
	StatusCancelled Status = "cancelled"
	StatusRefused   Status = "refused" // of an eval, before anything was created
)

// Statuses are all of them.
func Statuses() []Status {
	return []Status{StatusOK, StatusFailed, StatusTimedOut, StatusCancelled, StatusRefused}
}
